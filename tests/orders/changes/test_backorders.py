"""A count takes units from an order: its customer is asked about them, and the rest goes on."""

import pytest

from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import backorders, shelves, stock
from globalmart.core.models import OutboxEvent
from orders.models import Order, OrderHold, OrderShortage
from orders.queries import shortages as queries
from orders.services import cancelling, choices, lifecycle, shortages
from orders.services.choices import Choice
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import carry, leave, money, now, pay, state, submit, units
from tests.orders.services.test_cancelling import sound


def count(sku: str, on_hand: int) -> None:
    """The warehouse counts so many units of a SKU."""
    row = Stock.objects.get(sku=sku)
    with_cause = shelves.Cause(reason="count")
    locked = shelves.lock(warehouse_id=row.warehouse_id, skus=[sku])
    booked = shelves.change(locked[0], on_hand - locked[0].on_hand, with_cause)
    backorders.make_way(locked, reason="count", now=now())
    shelves.write(locked, booked, now=now())
    carry()


@pytest.fixture
def counted(confirmed: Order) -> Order:
    """Of the three cups that nobody was asked for yet the warehouse has none."""
    count("CUP", 0)
    return confirmed


def asked(order: Order) -> list[tuple[str, str, dict[str, int]]]:
    return [
        (row.reference[-1], row.state, dict(row.lines.values_list("sku", "quantity")))
        for row in Fulfillment.objects.filter(order=order).order_by("number")
    ]


def choose(order: Order, choice: Choice, sku: str = "") -> None:
    choices.choose(
        order_id=order.pk,
        shortage_id=OrderShortage.objects.get().pk,
        choice=choice,
        sku=sku,
        actor="customer",
        now=now(),
    )


def restock() -> None:
    stock.adjust(warehouse_code="main", deltas={"CUP": 5}, reason="delivery", actor="test")
    backorders.fill(warehouse_id=Stock.objects.all()[0].warehouse_id, skus=["CUP"], now=now())
    carry()


class TestAsking:
    def test_takes_them_off_the_request_and_lets_the_rest_go(self, counted: Order) -> None:
        row = OrderShortage.objects.get()
        assert (row.state, row.quantity, row.sku) == ("open", 3, "CUP")
        assert asked(counted) == [
            ("1", "cancelled", {"CUP": 3, "MUG": 2}),
            ("2", "ready", {"MUG": 2}),
        ]
        assert not OrderHold.objects.filter(released_at__isnull=True).exists()
        assert OutboxEvent.objects.filter(name="order.goods_short").count() == 1
        sound()

    def test_asks_once(self, counted: Order) -> None:
        assert shortages.ask_about_backorders(order_id=counted.pk, now=now()) == 0
        assert OrderShortage.objects.count() == 1

    def test_shows_what_it_saves(self, counted: Order) -> None:
        (found,) = queries.list_missing(order=counted)
        assert (found.quantity, found.saved_minor) == (3, 1500)

    def test_waits_for_what_the_warehouse_was_asked_for(self, confirmed: Order) -> None:
        submit(confirmed)
        count("CUP", 0)
        assert not OrderShortage.objects.exists()
        assert OrderHold.objects.get(released_at__isnull=True).kind == "stock"

    def test_asks_once_the_order_is_paid(self, placed: Order) -> None:
        count("CUP", 0)
        assert not OrderShortage.objects.exists()
        assert OrderHold.objects.filter(released_at__isnull=True).exists()
        pay()
        lifecycle.confirm_order(order_id=placed.pk, actor="stripe", now=now())
        carry()
        assert OrderShortage.objects.get().state == "open"
        assert asked(placed) == [("1", "ready", {"MUG": 2})]
        sound()


class TestChoosing:
    def test_without_them_the_rest_is_the_order(
        self, counted: Order, warehouse: FakeWarehouse
    ) -> None:
        choose(counted, Choice.CANCEL)
        assert units(counted) == [("CUP", 3, 0, 3), ("MUG", 2, 0, 0)]
        assert money(counted)[0] == 2195
        assert Reservation.objects.get(sku="CUP").state == "released"
        submit(counted)
        leave(warehouse, f"{counted.number}-2", parcel(MUG=2))
        assert (state(counted), money(counted)[2]) == ("completed", 2195)
        sound()

    def test_waiting_ends_when_they_come(self, counted: Order, warehouse: FakeWarehouse) -> None:
        choose(counted, Choice.WAIT)
        restock()
        assert OrderShortage.objects.get().state == "filled"
        assert asked(counted)[2] == ("3", "ready", {"CUP": 3})
        submit(counted)
        leave(warehouse, f"{counted.number}-2", parcel("P-1", MUG=2))
        leave(warehouse, f"{counted.number}-3", parcel("P-2", CUP=3))
        assert (state(counted), money(counted)[2]) == ("completed", 3695)
        sound()

    def test_cancelling_some_by_line_leaves_fewer_missing(self, counted: Order) -> None:
        cancelling.request_units(
            order_id=counted.pk, units={1: 1}, reason="x", actor="customer", now=now()
        )
        row = OrderShortage.objects.get()
        assert (row.state, row.quantity) == ("open", 2)
        assert Reservation.objects.get(sku="CUP").quantity == 2
        assert asked(counted)[-1] == ("2", "ready", {"MUG": 2})
        sound()

    def test_cancelling_all_by_line_settles_it(self, counted: Order) -> None:
        cancelling.request_units(
            order_id=counted.pk, units={1: 3}, reason="x", actor="customer", now=now()
        )
        assert OrderShortage.objects.get().state == "cancelled"
        sound()

    def test_cancelling_the_whole_order_does(self, counted: Order) -> None:
        cancelling.request_cancellation(
            order_id=counted.pk, reason="x", actor="customer", now=now()
        )
        pay()
        assert state(counted) == "cancelled"
        sound()
