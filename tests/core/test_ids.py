"""Identifiers that survive sorting, the telephone and bad handwriting."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalmart.core.ids import (
    NUMBER_DIGITS,
    check_character,
    encode,
    order_number,
    parse_order_number,
    public_id,
    uuid7,
)

BODIES = st.text(NUMBER_DIGITS, min_size=9, max_size=9)


def written(body: str) -> str:
    digits = body + check_character(body)
    return f"GM-{digits[:5]}-{digits[5:]}"


class TestUuid7:
    def test_is_version_7_and_says_when(self) -> None:
        before = int(time.time() * 1000)
        made = uuid7()

        assert (made.version, made.variant) == (7, "specified in RFC 4122")
        assert before <= made.int >> 80 <= int(time.time() * 1000)

    def test_is_unique(self) -> None:
        assert len({uuid7() for _ in range(5_000)}) == 5_000


class TestPublicId:
    def test_has_a_type_and_26_digits(self) -> None:
        prefix, digits = public_id("ord").split("_")

        assert (prefix, len(digits)) == ("ord", 26)

    def test_is_padded(self) -> None:
        assert encode(33, 4) == "0011"


class TestOrderNumber:
    def test_is_read_back_as_written(self) -> None:
        for _ in range(500):
            number = order_number()
            assert parse_order_number(number) == number

    @pytest.mark.parametrize("change", [str.lower, lambda n: n.replace("-", " "), lambda n: n[3:]])
    def test_is_understood_as_people_type_it(self, change: object) -> None:
        number = written("0123456AB")

        assert parse_order_number(change(number)) == number  # type: ignore[operator]

    def test_may_begin_with_the_letters_of_its_own_prefix(self) -> None:
        number = written("GM1234567")

        assert parse_order_number(number[3:]) == parse_order_number(number) == number

    @pytest.mark.parametrize(("read", "meant"), [("O", "0"), ("I", "1"), ("L", "1"), ("o", "0")])
    def test_forgives_look_alikes(self, read: str, meant: str) -> None:
        number = written("0101010AB")

        assert parse_order_number("GM-" + number[3:].replace(meant, read)) == number

    @pytest.mark.parametrize("text", ["", "GM", "GM-00000-0000", "UUUUUUUUUU", "٠" * 10, "Z" * 10])
    def test_refuses_what_cannot_be_one(self, text: str) -> None:
        assert parse_order_number(text) is None


class TestCheckCharacter:
    @given(body=BODIES, place=st.integers(0, 8), other=st.sampled_from(NUMBER_DIGITS))
    def test_finds_every_wrong_character(self, body: str, place: int, other: str) -> None:
        wrong = body[:place] + other + body[place + 1 :]

        assert (check_character(wrong) == check_character(body)) == (wrong == body)

    @given(body=BODIES, place=st.integers(0, 8))
    def test_finds_every_swap_of_two_neighbours(self, body: str, place: int) -> None:
        whole = body + check_character(body)
        swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]

        is_right = check_character(swapped[:9]) == swapped[9]
        assert is_right == (swapped == whole)
