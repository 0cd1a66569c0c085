"""Whole minor units: nothing lost, nothing invented."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalmart.core.money import allocate, display, included_tax, minor_digits

AMOUNTS = st.integers(0, 10**12)
WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)


class TestMinorDigits:
    @pytest.mark.parametrize(("currency", "digits"), [("GBP", 2), ("JPY", 0), ("KWD", 3)])
    def test_follow_iso_4217(self, currency: str, digits: int) -> None:
        assert minor_digits(currency) == digits


class TestDisplay:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            (1250, "GBP", "£12.50"),
            (5, "GBP", "£0.05"),
            (0, "GBP", "£0.00"),
            (-1250, "GBP", "-£12.50"),
            (123456789, "GBP", "£1,234,567.89"),
            (1250, "JPY", "JP¥1,250"),
            (1250, "KWD", "KWD1.250"),
        ],
    )
    def test_shows_an_amount_as_people_write_it(
        self, amount: int, currency: str, text: str
    ) -> None:
        assert display(amount, currency) == text

    def test_keeps_every_unit_of_a_large_amount(self) -> None:
        assert display(10**17 + 1, "GBP") == "£1,000,000,000,000,000.01"


class TestIncludedTax:
    @pytest.mark.parametrize(
        ("gross", "rate", "tax"),
        [(1200, 2000, 200), (1, 2000, 0), (3, 2000, 1), (900, 0, 0), (395, 2000, 66)],
    )
    def test_is_inside_the_gross(self, gross: int, rate: int, tax: int) -> None:
        assert included_tax(gross, rate) == tax

    @given(gross=AMOUNTS, rate=st.integers(0, 9_999))
    def test_is_the_exact_part_rounded_to_the_nearest(self, gross: int, rate: int) -> None:
        tax = included_tax(gross, rate)

        assert abs(tax - Fraction(gross * rate, 10_000 + rate)) <= Fraction(1, 2)
        assert 0 <= tax <= gross


class TestAllocate:
    @pytest.mark.parametrize(
        ("amount", "weights", "parts"),
        [
            (100, [1, 1, 1], [34, 33, 33]),
            (5, [0, 0], [5, 0]),
            (0, [3, 1], [0, 0]),
            (10, [7, 2, 1], [7, 2, 1]),
            (1, [1, 3], [0, 1]),
        ],
    )
    def test_gives_the_rest_to_the_largest_remainders(
        self, amount: int, weights: list[int], parts: list[int]
    ) -> None:
        assert allocate(amount, weights) == parts

    @given(amount=AMOUNTS, weights=WEIGHTS)
    def test_sums_to_the_amount(self, amount: int, weights: list[int]) -> None:
        assert sum(allocate(amount, weights)) == amount

    @given(amount=AMOUNTS, weights=WEIGHTS.filter(any))
    def test_is_within_one_unit_of_the_exact_part(self, amount: int, weights: list[int]) -> None:
        for part, weight in zip(allocate(amount, weights), weights, strict=True):
            assert abs(part - Fraction(amount * weight, sum(weights))) < 1

    @pytest.mark.parametrize(("amount", "weights"), [(1, []), (-1, [1]), (1, [1, -1])])
    def test_refuses_what_has_no_meaning(self, amount: int, weights: list[int]) -> None:
        with pytest.raises(ValueError, match="allocate"):
            allocate(amount, weights)
