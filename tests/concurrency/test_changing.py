"""Changing an order while it is sent, shipped, or changed by somebody else."""

from collections.abc import Callable

import pytest

from fulfillment import gateways as warehouses
from fulfillment.models import Fulfillment
from fulfillment.services import shipments
from orders.models import Order, OrderCancellation, OrderCorrection
from orders.queries.changes import is_changing
from orders.services import cancelling, correcting, lifecycle
from orders.services.changing import CannotChange
from payments import gateways as payments
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.fulfillment.working import work
from tests.orders.changes.test_corrections import LEEDS
from tests.orders.house import leave, money, now, pay, state, submit, units
from tests.orders.services.test_cancelling import sound
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


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
    order = builders.place({"MUG": 3})
    pay()
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
    return order


def move(order: Order) -> Callable[[], object]:
    return lambda: correcting.correct_address(
        order_id=order.pk, address=LEEDS, actor="customer", now=now()
    )


def cancel_one(order: Order, actor: str = "customer") -> Callable[[], object]:
    return lambda: cancelling.request_units(
        order_id=order.pk, units={1: 1}, reason="x", actor=actor, now=now(), seen={1: 0}
    )


def cancel(order: Order) -> Callable[[], object]:
    return lambda: cancelling.request_cancellation(
        order_id=order.pk, reason="x", actor="staff:1", now=now()
    )


def settle(order: Order) -> None:
    for _ in range(3):
        submit(order)
        pay()
    assert not is_changing(order_id=order.pk)


def test_a_correction_and_its_sending_leave_one_address(
    shop: FakeStripe, warehouse: FakeWarehouse
) -> None:
    for _ in range(ROUNDS):
        order = confirmed()
        row = Fulfillment.objects.get(order=order)

        def send(row: Fulfillment = row) -> None:
            work(row)

        race(send, move(order))
        settle(order)
        live = Fulfillment.objects.exclude(state="cancelled").get(order=order)
        order.refresh_from_db()
        assert OrderCorrection.objects.get(order=order).state == "applied"
        assert (order.shipping_address["city"], live.ship_to["city"]) == ("Leeds", "Leeds")
        sent = [each for each in warehouse.submitted if each.reference == live.reference]
        assert all(each.ship_to.city == "Leeds" for each in sent)
    sound()


def test_units_are_cancelled_or_ship(shop: FakeStripe, warehouse: FakeWarehouse) -> None:
    for turn in range(ROUNDS):
        order = confirmed()
        submit(order)
        row = Fulfillment.objects.get(order=order)
        found = warehouse.show(row.reference, "shipped", parcel(f"P-{turn}", MUG=3))

        def ship(row: Fulfillment = row, found: object = found) -> None:
            shipments.record(warehouse_id=row.warehouse_id, found=found)  # type: ignore[arg-type]
            lifecycle.record_shipment(order_id=row.order_id, now=now())

        answers = race(ship, cancel_one(order))
        assert all(isinstance(each, OrderCancellation | CannotChange | None) for each in answers)
        settle(order)
        assert units(order) == [("MUG", 3, 3, 0)]
        assert state(order) == "completed"
        assert money(order)[2] == order.total_minor
    sound()


def test_units_and_the_whole_are_one_wish_at_a_time(
    shop: FakeStripe, warehouse: FakeWarehouse
) -> None:
    for turn in range(ROUNDS):
        order = confirmed()
        if turn % 2:
            submit(order)
        race(cancel_one(order), cancel(order), cancel_one(order))
        settle(order)
        if state(order) != "cancelled":
            assert units(order) == [("MUG", 3, 0, 1)]
            live = Fulfillment.objects.exclude(state="cancelled").get(order=order)
            leave(warehouse, live.reference, parcel(f"P-{turn}", MUG=2))
            assert state(order) == "completed"
        wishes = OrderCancellation.objects.filter(order=order)
        assert not wishes.filter(state="requested").exists()
    sound()


def test_two_presses_cancel_the_units_once(shop: FakeStripe) -> None:
    for _ in range(ROUNDS):
        order = confirmed()
        first, second = race(cancel_one(order), cancel_one(order))
        assert first == second
        assert units(order) == [("MUG", 3, 0, 1)]
    sound()
