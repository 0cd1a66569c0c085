"""A push is a hint: signed, small, of now; it makes one poll come sooner and tells nothing."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fulfillment.models import Warehouse
from fulfillment.services import pushes
from globalmart.core import bell
from globalmart.sandbox.warehouse import push as sandbox

PATH = "/hooks/warehouse/"
SECRET = "the-warehouse-and-we-alone-know-this"  # noqa: S105 - of these tests

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_hook(settings: Any) -> None:
    settings.WMS_PUSH_SECRET = SECRET
    later = timezone.now() + timedelta(hours=1)
    Warehouse.objects.create(code="main", name="Main", due_at=later)


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(bell, "ring", names.extend)
    return names


def push(body: object = None, *, at: float | None = None, signature: str | None = None) -> Any:
    payload = body if isinstance(body, bytes) else json.dumps(body or {"location": "main"}).encode()
    signed = pushes.sign(payload=payload, at=int(time.time() if at is None else at))
    headers = {"Warehouse-Signature": signed if signature is None else signature}
    client = Client(enforce_csrf_checks=True)
    return client.post(PATH, payload, content_type="application/json", headers=headers)


def is_due() -> bool:
    return Warehouse.objects.due(now=timezone.now()).exists()


class TestPush:
    def test_makes_the_warehouse_due(self, rung: list[str]) -> None:
        assert push().status_code == 202
        assert is_due()
        assert rung == ["fulfillment.polls"]

    def test_of_an_unknown_location_is_told_so(self, rung: list[str]) -> None:
        answer = push({"location": "moon"})

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert not is_due()
        assert rung == []

    def test_replayed_makes_one_poll_like_any_number_of_them(self) -> None:
        payload = b'{"location": "main"}'
        signed = pushes.sign(payload=payload, at=int(time.time()))
        for _ in range(5):
            assert push(payload, signature=signed).status_code == 202

        now = timezone.now()
        assert len(Warehouse.objects.all().lease(now=now, limit=9, lease_seconds=90)) == 1
        push()
        assert Warehouse.objects.all().lease(now=now, limit=9, lease_seconds=90) == []

    def test_tells_nothing_but_the_location(self) -> None:
        assert push({"location": "main", "orders": [{"status": "shipped"}]}).status_code == 202

    @pytest.mark.parametrize("away", [-299, 299])
    def test_may_be_five_minutes_off(self, away: int) -> None:
        assert push(at=time.time() + away).status_code == 202

    @pytest.mark.parametrize("away", [-302, 302, -86_400])
    def test_that_is_older_or_of_the_future_is_refused(self, away: int) -> None:
        assert push(at=time.time() + away).status_code == 401
        assert not is_due()

    def test_signed_with_another_secret_is_refused(self, settings: Any) -> None:
        payload, at = b'{"location": "main"}', int(time.time())
        settings.WMS_PUSH_SECRET = "another"  # noqa: S105
        foreign = pushes.sign(payload=payload, at=at)
        settings.WMS_PUSH_SECRET = SECRET

        assert push(payload, signature=foreign).status_code == 401
        assert not is_due()

    def test_with_another_body_or_time_than_was_signed_is_refused(self) -> None:
        at = int(time.time())
        signed = pushes.sign(payload=b'{"location": "main"}', at=at)
        assert push(b'{"location": "main" }', signature=signed).status_code == 401
        later = signed.replace(str(at), str(at + 1))
        assert push(b'{"location": "main"}', signature=later).status_code == 401
        assert not is_due()

    def test_may_carry_a_second_signature_while_the_secret_changes(self) -> None:
        signed = pushes.sign(payload=b'{"location": "main"}', at=int(time.time()))
        both = signed.replace("v1=", f"v1={'0' * 64},v1=")
        assert push(b'{"location": "main"}', signature=both).status_code == 202

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "t=,v1=",
            "v1=00",
            "t=1,t=2,v1=00",
            "t=\u0661,v1=00",
            "t=-1,v1=00",
            f"t={'9' * 400},v1=00",
            "t=1e9,v1=0\u00e9",
            "x" * 2_000,
        ],
    )
    def test_without_a_signature_is_refused(self, signature: str) -> None:
        assert push(signature=signature).status_code == 401

    def test_with_strange_letters_for_a_signature_is_refused(self) -> None:
        assert push(signature=f"t={int(time.time())},v1=\u00e9").status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b"\xff",
            b'{"location": 1}',
            b'{"location": ""}',
            b'{"location": "\\u0000"}',
        ]
        + [b"[" * 4_000],
    )
    def test_that_says_nothing_is_refused(self, body: bytes) -> None:
        assert push(body).status_code == 400
        assert not is_due()

    def test_that_is_huge_is_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(**_words: object) -> str:
            raise AssertionError("read all the same")

        huge = json.dumps({"location": "main", "x": "y" * 5_000}).encode()
        monkeypatch.setattr(pushes, "read", read)
        assert push(huge).status_code == 413

    def test_is_not_taken_without_a_secret(self, settings: Any) -> None:
        settings.WMS_PUSH_SECRET = ""
        assert push().status_code == 404
        assert not is_due()

    def test_is_signed_by_the_sandbox_as_we_read_it(self) -> None:
        payload, at = b'{"location": "main"}', int(time.time())
        assert push(payload, signature=sandbox.signature(SECRET, payload, at=at)).status_code == 202

    def test_is_posted(self) -> None:
        assert Client().get(PATH).status_code == 405
