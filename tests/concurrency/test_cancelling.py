"""Cancelling an order while it ships, is paid, or is cancelled by somebody else."""

from collections import Counter
from collections.abc import Callable

import pytest

from fulfillment import gateways as warehouses
from fulfillment.gateways.wms import WarehouseOrder
from fulfillment.models import Fulfillment, Shipment
from fulfillment.services import shipments
from orders.models import Order, OrderCancellation
from orders.queries.cancellations import is_cancelling
from orders.services import cancelling, choices, lifecycle
from orders.services.cancelling import CannotCancel
from orders.services.choices import CannotChoose, Choice
from payments import gateways as payments
from payments.services.operations import send_operation
from payments.services.planning import plan_capture
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, money, now, pay, state, submit, units
from tests.orders.services.test_cancelling import sound
from tests.payments.conftest import operation
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> FakeWarehouse:
    fake = FakeWarehouse()
    monkeypatch.setattr(warehouses, "current", lambda: fake)
    return fake


@pytest.fixture
def shop(
    transactional_db: None, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> FakeStripe:
    stripe, refunds = FakeStripe(), FakeRefunds(captured_minor=1_000_000)
    monkeypatch.setattr(payments, "current", lambda: stripe)
    monkeypatch.setattr(payments, "refunds", lambda: refunds)
    builders.open_shop()
    builders.add_product("MUG", on_hand=200)
    return stripe


def confirmed() -> Order:
    order = builders.place({"MUG": 2})
    pay()
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
    return order


def cancel(order: Order, actor: str = "customer") -> Callable[[], object]:
    return lambda: cancelling.request_cancellation(
        order_id=order.pk, reason="changed their mind", actor=actor, now=now()
    )


def one_end(order: Order) -> str:
    """Cancelled and nothing shipped nor kept, or shipped and all captured; say which."""
    found = state(order)
    has_shipped = Shipment.objects.filter(order=order).exists()
    due, held, captured, refunded = money(order)
    if found == "cancelled":
        assert not has_shipped
        assert captured == refunded
        assert held == captured
    else:
        assert (found, has_shipped) == ("completed", True)
        assert (captured, refunded) == (due, 0)
    assert not is_cancelling(order_id=order.pk)
    return found


class TestCancelAndShip:
    def test_end_in_exactly_one_of_both(self, shop: FakeStripe, warehouse: FakeWarehouse) -> None:
        ends: Counter[str] = Counter()
        for turn in range(ROUNDS):
            order = confirmed()
            submit(order)
            row = Fulfillment.objects.get(order=order)
            found = warehouse.show(row.reference, "shipped", parcel(f"P-{turn}", MUG=2))

            def ship(row: Fulfillment = row, found: WarehouseOrder = found) -> None:
                shipments.record(warehouse_id=row.warehouse_id, found=found)
                lifecycle.record_shipment(order_id=row.order_id, now=now())

            assert {type(each) for each in race(ship, cancel(order))} <= {
                type(None),
                OrderCancellation,
                CannotCancel,
            }
            submit(order)
            pay()
            ends[one_end(order)] += 1
        assert set(ends) == {"completed"}
        sound()

    def test_the_warehouses_word_decides(self, shop: FakeStripe, warehouse: FakeWarehouse) -> None:
        for turn in range(ROUNDS):
            order = confirmed()
            submit(order)
            cancel(order)()
            row = Fulfillment.objects.get(order=order)
            shipped = warehouse.orders[row.reference]
            if turn % 2:
                shipped = warehouse.show(row.reference, "shipped", parcel(f"P-{turn}", MUG=2))

            def tell(row: Fulfillment = row, found: WarehouseOrder = shipped) -> None:
                shipments.record(warehouse_id=row.warehouse_id, found=found)

            race(tell, lambda order=order: cancelling.go_on(order_id=order.pk, now=now()))
            submit(order)
            pay()
            assert one_end(order) == ("completed" if turn % 2 else "cancelled")
        sound()


class TestTwoCancels:
    def test_are_one(self, shop: FakeStripe) -> None:
        for _ in range(ROUNDS):
            order = confirmed()
            submit(order)
            race(cancel(order), cancel(order, "staff:1"), cancel(order))
            assert OrderCancellation.objects.filter(order=order).count() == 1

    def test_of_what_ends_at_once_are_one(self, shop: FakeStripe) -> None:
        for _ in range(ROUNDS):
            order = confirmed()
            found = race(cancel(order), cancel(order, "staff:1"))
            assert sum(isinstance(each, CannotCancel) for each in found) == 1
            pay()
            assert one_end(order) == "cancelled"
            assert OrderCancellation.objects.filter(order=order).count() == 1
        sound()


class TestCancelAndCapture:
    def test_no_money_stays_of_a_cancelled_order(self, shop: FakeStripe) -> None:
        for _ in range(ROUNDS):
            order = confirmed()
            plan_capture(order_id=order.pk, now=now())
            capture = operation(order, "capture").pk

            race(lambda pk=capture: send_operation(operation_id=pk), cancel(order))
            pay()

            assert one_end(order) == "cancelled"
        sound()


class TestCancelAndPay:
    def test_an_unpaid_order_ends_without_money(self, shop: FakeStripe) -> None:
        for _ in range(ROUNDS):
            order = builders.place({"MUG": 2})
            send_operation(operation_id=operation(order, "create").pk)
            confirm = operation(order, "confirm")
            confirm.due_at = now()
            confirm.save()

            race(lambda pk=confirm.pk: send_operation(operation_id=pk), cancel(order))
            pay()

            assert one_end(order) == "cancelled"
            assert not Fulfillment.objects.filter(order=order).exists()
        sound()


class TestTwoChoices:
    def test_about_the_same_goods_are_one(self, shop: FakeStripe, warehouse: FakeWarehouse) -> None:
        builders.add_product("CUP", price_minor=1000, on_hand=50)
        for turn in range(ROUNDS):
            order = confirmed()
            submit(order)
            reference = Fulfillment.objects.get(order=order).reference
            leave(warehouse, reference, parcel(f"P-{turn}", MUG=1), MUG=1)
            (row,) = order.lines.get().shortages.all()

            def choose(
                choice: Choice, sku: str = "", order: Order = order, pk: int = row.pk
            ) -> Callable[[], object]:
                return lambda: choices.choose(
                    order_id=order.pk,
                    shortage_id=pk,
                    choice=choice,
                    sku=sku,
                    actor="customer",
                    now=now(),
                )

            found = race(choose(Choice.CANCEL), choose(Choice.SUBSTITUTE, "CUP"))

            assert sum(isinstance(each, CannotChoose) for each in found) == 1
            assert True in found
            pay()
            row.refresh_from_db()
            is_cancelled = row.state == "cancelled"
            assert units(order) == [("MUG", 2, 1, int(is_cancelled))]
            assert state(order) == ("completed" if is_cancelled else "in_fulfillment")
        sound()
