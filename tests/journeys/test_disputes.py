"""Banks dispute and warn, in the whole stack: recorded by webhook, held, booked, let go."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from globalmart.sandbox.stack import Stack
from tests.journeys.shop import Shop, order_body

pytestmark = pytest.mark.stack
RELEASE = """
from django.utils import timezone
from orders.services import holds
holds.release(
    order_id={order}, kind="fraud_warning", reason="known", actor="staff:1", now=timezone.now()
)
"""


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    return Shop(stack.environment)


@pytest.fixture
def closed_warehouse(shop: Shop) -> Iterator[None]:
    """The warehouse takes no orders."""
    control(shop, "WAREHOUSE", "faults", {"operation": "SubmitOrder", "fault": "error_before"})
    yield
    open_warehouse(shop)


def open_warehouse(shop: Shop) -> None:
    url = f"{shop.environment['SANDBOX_WAREHOUSE_URL']}/_control/faults"
    assert requests.delete(url, timeout=10).ok


def control(shop: Shop, vendor: str, path: str, body: dict[str, Any]) -> None:
    """Tell the sandbox's vendor what to do."""
    url = f"{shop.environment[f'SANDBOX_{vendor}_URL']}/_control/{path}"
    answer = requests.post(url, json=body, timeout=10)
    assert answer.ok, answer.text


def capture_in_the_dashboard(shop: Shop, intent_id: str) -> None:
    """Capture at Stripe before anything is shipped: the sandbox's bank warns of captured money."""
    answer = requests.post(
        f"{shop.environment['SANDBOX_STRIPE_URL']}/v1/payment_intents/{intent_id}/capture",
        auth=(shop.environment["STRIPE_SECRET_KEY"], ""),
        timeout=10,
    )
    assert answer.ok, answer.text


def wait_for(look: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return the first true answer. Raises AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def place(shop: Shop, card: str = "pm_card_visa") -> dict[str, Any]:
    lines = [{"sku": shop.plentiful(1)[0], "quantity": 1}]
    return shop.place(key=uuid4().hex, body=order_body(lines, payment_method=card))


def of(shop: Shop, order: dict[str, Any], columns: str, table: str) -> list[tuple[Any, ...]]:
    """Return these columns of the order's rows in a table."""
    sql = (
        f"SELECT {columns} FROM {table} t JOIN orders_order o ON o.id = t.order_id"  # noqa: S608
        " WHERE o.public_id = %s ORDER BY t.id"
    )
    return shop.query(sql, [order["id"]])


def payment_status(shop: Shop, order: dict[str, Any]) -> str:
    status: str = shop.get(f"/api/v1/orders/{order['id']}").json()["payment_status"]
    return status


def balance(shop: Shop, order: dict[str, Any], account: str) -> int:
    rows = of(shop, order, "t.amount_minor, t.account", "payments_ledgerentry")
    return sum(amount for amount, name in rows if name == account)


class TestDispute:
    @pytest.mark.parametrize("end", ["won", "lost"])
    def test_is_recorded_booked_and_ended(self, shop: Shop, end: str) -> None:
        order = place(shop, "pm_card_createDispute")
        table, columns = "payments_dispute", "t.stripe_id, t.state"
        ((stripe_id, state),) = wait_for(lambda: of(shop, order, columns, table))

        assert state == "needs_response"
        wait_for(lambda: payment_status(shop, order) == "disputed")
        wait_for(lambda: balance(shop, order, "disputes") == order["total_minor"])

        control(shop, "STRIPE", "disputes", {"dispute": stripe_id, "status": end})
        wait_for(lambda: of(shop, order, columns, table) == [(stripe_id, end)])

        assert payment_status(shop, order) == "paid"
        lost = order["total_minor"] if end == "lost" else 0
        wait_for(lambda: balance(shop, order, "disputes") == 0)
        assert balance(shop, order, "losses") == lost


class TestFraudWarning:
    def test_keeps_the_goods_until_a_person_lets_them_go(
        self, shop: Shop, closed_warehouse: None
    ) -> None:
        order = place(shop)
        request = "t.state, t.is_held", "fulfillment_fulfillment"
        wait_for(lambda: of(shop, order, *request))
        ((order_id, intent_id),) = of(
            shop, order, "o.id, t.stripe_intent_id", "payments_paymentattempt"
        )

        capture_in_the_dashboard(shop, intent_id)
        control(shop, "STRIPE", "fraud_warnings", {"payment_intent": intent_id})
        wait_for(lambda: of(shop, order, *request) == [("on_hold", True)])
        open_warehouse(shop)
        time.sleep(3)
        assert of(shop, order, *request) == [("on_hold", True)]

        done = shop.manage("shell", "-c", RELEASE.format(order=order_id))
        assert done.returncode == 0, done.stderr[-2000:]
        assert not shop.wait_until_final([order["id"]], seconds=60)


class TestAudit:
    def test_finds_nothing(self, shop: Shop) -> None:
        assert shop.audit() == []
