"""POST /api/v1/orders/{id}/cancel: whole or by line, once per key, and only one's own."""

import json
from typing import Any

import pytest

from orders.models import Order, OrderCancellation
from orders.services import lifecycle
from tests.api.conftest import Caller, order_of
from tests.orders.conftest import stripe, warehouse  # noqa: F401
from tests.orders.house import now, pay, state, submit, units
from tests.payments.fakes import FakeStripe

# ruff: noqa: F811 - fixtures of the orders' tests


def cancel(
    caller: Caller, order: Order, body: Any, *, key: str | None = "c-1", public_id: str = ""
) -> Any:
    return caller.client.post(
        f"/api/v1/orders/{public_id or order.public_id}/cancel",
        data=json.dumps(body),
        content_type="application/json",
        headers=caller.headers({"Idempotency-Key": key}),
    )


@pytest.fixture
def order(ada: Caller, stripe: FakeStripe, warehouse: object) -> Order:
    """Two mugs and a cup, paid."""
    ada.place(order_of(("MUG", 2), ("CUP", 1)))
    found = Order.objects.get()
    pay()
    lifecycle.confirm_order(order_id=found.pk, actor="stripe", now=now())
    return found


class TestCancelling:
    def test_the_whole_is_done_at_once_where_nothing_was_sent(
        self, ada: Caller, order: Order
    ) -> None:
        answer = cancel(ada, order, {})
        assert answer.status_code == 200, answer.content
        got = answer.json()
        assert (got["status"], got["is_whole"], got["lines"]) == ("accepted", True, [])
        assert state(order) == "cancelled"
        assert OrderCancellation.objects.get().requested_by.startswith("api:")

    def test_units_are_given_up_by_sku(self, ada: Caller, order: Order) -> None:
        answer = cancel(ada, order, {"lines": [{"sku": "MUG", "quantity": 1}]})
        assert answer.json()["lines"] == [{"sku": "MUG", "quantity": 1, "cancelled": 1}]
        assert dict((sku, gone) for sku, _, _, gone in units(order)) == {"CUP": 0, "MUG": 1}

    def test_is_accepted_while_the_warehouse_is_asked(self, ada: Caller, order: Order) -> None:
        submit(order)
        answer = cancel(ada, order, {})
        assert (answer.status_code, answer.json()["status"]) == (202, "requested")

    def test_the_same_key_gives_the_same_answer(self, ada: Caller, order: Order) -> None:
        body = {"lines": [{"sku": "MUG", "quantity": 1}]}
        first, again = cancel(ada, order, body), cancel(ada, order, body)
        assert first.content == again.content
        assert again["Idempotent-Replayed"] == "true"
        assert OrderCancellation.objects.count() == 1
        assert cancel(ada, order, {}).status_code == 422


class TestRefusing:
    def test_says_why(self, ada: Caller, order: Order) -> None:
        cancel(ada, order, {})
        answer = cancel(ada, order, {}, key="c-2")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
        assert "ended" in answer.json()["detail"]

    def test_names_the_line_that_is_none(self, ada: Caller, order: Order) -> None:
        answer = cancel(ada, order, {"lines": [{"sku": "POT", "quantity": 1}]})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "/lines/0/sku"

    @pytest.mark.parametrize(
        "body", [{"lines": []}, {"lines": [{"sku": "MUG", "quantity": 0}]}, {"reason": "Ada"}, []]
    )
    def test_takes_no_other_shape(self, ada: Caller, order: Order, body: Any) -> None:
        assert cancel(ada, order, body).status_code == 400
        assert state(order) == "confirmed"

    def test_needs_a_key(self, ada: Caller, order: Order) -> None:
        answer = cancel(ada, order, {}, key=None)
        assert answer.json()["code"] == "idempotency_key_missing"

    def test_knows_no_order_of_others(self, ada: Caller, order: Order) -> None:
        assert cancel(ada, order, {}, public_id="ord_0000000000000000").status_code == 404
        Order.objects.update(api_client=None)
        assert cancel(ada, order, {}).status_code == 404
