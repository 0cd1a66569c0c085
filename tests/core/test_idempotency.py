"""One accepted answer per key."""

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from globalmart.core import idempotency
from globalmart.core.idempotency import KeyMalformed, KeyMissing, KeyReused, parse_header
from globalmart.core.models import IdempotencyKey

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)


class TestParseHeader:
    @pytest.mark.parametrize(
        ("header", "key"),
        [
            ('"ada-1"', "ada-1"),
            ("ada-1", "ada-1"),
            ("  ada-1 ", "ada-1"),
            (r'"say \"mug\""', 'say "mug"'),
            (r'"back\\slash"', r"back\slash"),
            ('" "', " "),
            ("x" * 255, "x" * 255),
        ],
    )
    def test_reads_quoted_and_bare(self, header: str, key: str) -> None:
        assert parse_header(header) == key

    @pytest.mark.parametrize("header", [None, "", "   "])
    def test_misses_an_absent_key(self, header: str | None) -> None:
        with pytest.raises(KeyMissing):
            parse_header(header)

    @pytest.mark.parametrize(
        "header",
        ['""', '"', '"ada', '"a"b"', '"ada\\"', '"\\x"', '"ada";q=1', "x" * 256, "é", "a\tb", "\0"],
    )
    def test_refuses_what_is_malformed(self, header: str) -> None:
        with pytest.raises(KeyMalformed):
            parse_header(header)

    @given(key=PRINTABLE)
    def test_reads_every_key_that_can_be_quoted(self, key: str) -> None:
        quoted = key.replace("\\", r"\\").replace('"', r"\"")

        assert parse_header(f'"{quoted}"') == key


class TestFingerprint:
    def test_does_not_depend_on_the_order_of_members(self) -> None:
        one = idempotency.fingerprint({"a": 1, "b": ["é"]})

        assert one == idempotency.fingerprint({"b": ["é"], "a": 1})
        assert one != idempotency.fingerprint({"a": 1, "b": ["e"]})


@pytest.mark.django_db
class TestClaim:
    def claim(self, request_hash: str = "hash", scope: str = "api:1") -> idempotency.Stored | None:
        return idempotency.claim(scope=scope, key="ada", request_hash=request_hash)

    def keep(self) -> None:
        idempotency.keep(scope="api:1", key="ada", status=201, body={"id": "x"}, subject_id=7)

    def test_gives_the_kept_answer_to_the_second(self) -> None:
        assert self.claim() is None
        self.keep()

        assert self.claim() == idempotency.Stored(201, {"id": "x"}, 7)

    def test_refuses_another_request(self) -> None:
        self.claim()
        self.keep()

        with pytest.raises(KeyReused):
            self.claim(request_hash="other")

    def test_keeps_scopes_apart(self) -> None:
        self.claim()
        self.keep()

        assert self.claim(scope="api:2") is None

    def test_leaves_nothing_when_the_request_is_refused(self) -> None:
        with transaction.atomic():
            self.claim()
            transaction.set_rollback(True)

        assert not IdempotencyKey.objects.exists()
        assert self.claim("other") is None
