"""Bad input gets a problem document that names the member, and leaves nothing behind."""

import json
from typing import Any

import pytest

from fulfillment.models import Stock
from globalmart.core.models import IdempotencyKey, OutboxEvent
from orders.models import Order
from tests.api.conftest import Caller, order_of

MEGABYTE = "x" * 1_048_576


def with_address(**changes: Any) -> dict[str, Any]:
    body = order_of()
    body["shipping_address"] = {**body["shipping_address"], **changes}
    return body


def customer(**changes: Any) -> dict[str, Any]:
    return {"email": "ada@example.com", "name": "Ada", **changes}


WRONG = [
    ("/lines/0/sku", "unknown_sku", order_of(("NONE", 1))),
    ("/lines/0/sku", "invalid", order_of((12, 1))),
    ("/lines/0/sku", "invalid", order_of(("M\x00UG", 1))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", 0))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", -1))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", 10**9))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", 1.5))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", 2.0))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", "2"))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", "NaN"))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", "1 OR 1"))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", True))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", None))),
    ("/lines/0/quantity", "malformed_json", order_of(("MUG", float("nan")))),
    ("/lines/0/quantity", "malformed_json", order_of(("MUG", 10**50))),
    ("/lines/1/quantity", "invalid", order_of(("MUG", 1), ("CUP", 0))),
    ("/lines/0/quantity", "invalid", order_of(("MUG", 99_999), ("MUG", 99_999))),
    ("/lines", "invalid", order_of(lines=[])),
    ("/lines", "invalid", order_of(lines={})),
    ("/lines", "invalid", order_of(lines=None)),
    ("/lines/0", "invalid", order_of(lines=["MUG"])),
    ("/lines", "invalid", order_of(*[("MUG", 1)] * 1001)),
    ("/currency", "not_priced", order_of(currency="EUR")),
    ("/currency", "invalid", order_of(currency="gbp")),
    ("/currency", "invalid", order_of(currency="POUND")),
    ("/currency", "invalid", order_of(currency=None)),
    ("/customer", "invalid", order_of(customer="ada")),
    ("/customer/email", "invalid", order_of(customer=customer(email="ada"))),
    (
        "/customer/email",
        "invalid",
        order_of(customer=customer(email="a@example.com\r\nBcc: b@b.b")),
    ),
    ("/customer/name", "invalid", order_of(customer=customer(name=""))),
    ("/customer/name", "invalid", order_of(customer=customer(name="A\r\nB"))),
    ("/customer/name", "invalid", order_of(customer=customer(name="\ud800"))),
    ("/customer/name", "invalid", order_of(customer=customer(name=MEGABYTE))),
    ("/customer/name", "invalid", order_of(customer=customer(name=7))),
    ("/customer/phone", "invalid", order_of(customer=customer(phone="call me"))),
    ("/customer/phone", "invalid", order_of(customer=customer(wants_sms=True))),
    ("/shipping_address/country", "invalid", with_address(country="XX")),
    ("/shipping_address/country", "invalid", with_address(country="GBR")),
    ("/shipping_address/postal_code", "invalid", with_address(postal_code="")),
    ("/shipping_address/line1", "invalid", with_address(line1="a\x00b")),
    ("/shipping_address/line1", "invalid", with_address(line1=None)),
    ("/shipping_method", "unknown_shipping_method", order_of(shipping_method="rocket")),
    ("/payment_method", "invalid", order_of(payment_method="pm card; drop")),
    ("/external_ref", "invalid", order_of(external_ref="x" * 101)),
    ("/external_ref", "invalid", order_of(external_ref="")),
    ("/metadata", "invalid", order_of(metadata=[])),
    ("/metadata", "invalid", order_of(metadata={str(n): "x" for n in range(21)})),
    ("/metadata/a", "invalid", order_of(metadata={"a": 1})),
    ("/metadata/a", "invalid", order_of(metadata={"a": "x" * 501})),
    ("/metadata/a b", "invalid", order_of(metadata={"a b": "x"})),
]


def named(case: Any) -> str:
    return case if isinstance(case, str) else ""


def assert_nothing_left() -> None:
    assert not Order.objects.exists()
    assert not OutboxEvent.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert not Stock.objects.filter(reserved__gt=0).exists()


class TestBadMembers:
    @pytest.mark.parametrize(("pointer", "code", "body"), WRONG, ids=named)
    def test_are_named_by_pointer(
        self, ada: Caller, pointer: str, code: str, body: dict[str, Any]
    ) -> None:
        answer = ada.place(body)
        assert answer["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (400, 400, code)
        assert pointer in [error["pointer"] for error in problem["errors"]]
        assert problem["type"].endswith(f"/api/docs/problems/#{code}")
        assert problem["request_id"] == answer["X-Request-ID"]
        assert len(answer.content) < 4_000 or pointer == "/lines"
        assert_nothing_left()

    def test_names_every_missing_member_at_once(self, ada: Caller) -> None:
        pointers = {error["pointer"] for error in ada.place({}).json()["errors"]}
        assert pointers == {"/currency", "/customer", "/shipping_address", "/lines"}

    def test_sold_out_says_what_is_left(self, ada: Caller) -> None:
        answer = ada.place(order_of(("CUP", 1), ("GONE", 1), ("MUG", 11)))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "out_of_stock")
        left = {error["pointer"]: error["available"] for error in problem["errors"]}
        assert left == {"/lines/1/sku": 0, "/lines/2/sku": 10}
        assert_nothing_left()


class TestBadBodies:
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ("{", ""),
            ("[]", ""),
            ('"text"', ""),
            ("{'a': 1}", ""),
            (b'{"a": "\xff"}', ""),
            ('{"a": 1, "a": 2}', "/a"),
            ('{"lines": [{"sku": "A", "sku": "B"}]}', "/lines/0/sku"),
            ("[" * 100_000, ""),
            ('{"a":' * 40 + "1" + "}" * 40, "/a" * 32),
            ('{"a": ' + "9" * 5000 + "}", "/a"),
            ('{"a": -Infinity}', "/a"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_are_refused(self, ada: Caller, body: str | bytes, pointer: str) -> None:
        answer = ada.place(body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert_nothing_left()

    def test_over_the_limit_is_413(self, ada: Caller) -> None:
        answer = ada.place(json.dumps(order_of(note="x" * 2_000_000)))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data"])
    def test_of_another_type_is_415(self, ada: Caller, kind: str) -> None:
        answer = ada.place(json.dumps(order_of()), content_type=kind)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert_nothing_left()
