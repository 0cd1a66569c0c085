"""Back-orders: who waits is next when units come, the oldest promise first."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment import queries
from fulfillment.models import Fulfillment, Reservation, Stock, StockAdjustment
from fulfillment.services import backorders, stock
from globalmart.core.db import constraint_name
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders.models import Order
from tests import builders
from tests.fulfillment.conftest import levels, open_request
from tests.fulfillment.counting import broken, ship

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def place(units: int, *, promised_on: date | None = None, sku: str = "MUG") -> Order:
    order = builders.place({sku: units})
    Reservation.objects.filter(order=order).update(promised_on=promised_on)
    return order


def back_order(*orders: Order) -> None:
    """Turn what these orders hold of mugs into back-orders, as a count would."""
    for order in orders:
        row = Reservation.objects.get(order=order, sku="MUG")
        Reservation.objects.filter(pk=row.pk).update(state="backordered", backordered_at=NOW)
        mugs = Stock.objects.get(sku="MUG")
        Stock.objects.filter(pk=mugs.pk).update(reserved=mugs.reserved - row.quantity)


def only(free: int) -> None:
    """Leave so many mugs free, explained."""
    row = Stock.objects.get(sku="MUG")
    delta = free - (row.on_hand - row.reserved)
    Stock.objects.filter(pk=row.pk).update(on_hand=row.on_hand + delta)
    StockAdjustment.objects.create(
        warehouse_id=row.warehouse_id, sku="MUG", delta=delta, reason="test", actor="test"
    )


def states() -> dict[int, str]:
    return dict(Reservation.objects.filter(sku="MUG").values_list("order_id", "state"))


def told(name: str) -> list[int]:
    return sorted(OutboxEvent.objects.filter(name=name).values_list("subject_id", flat=True))


def fill() -> None:
    (warehouse_id,) = set(Stock.objects.values_list("warehouse_id", flat=True))
    backorders.fill(warehouse_id=warehouse_id, skus=["MUG"], now=timezone.now())


class TestFill:
    def test_goes_by_promise_then_by_age(self, shop: None) -> None:
        undated = place(1)
        late = place(1, promised_on=date(2030, 1, 9))
        early = place(1, promised_on=date(2020, 1, 1))
        twin = place(1, promised_on=date(2020, 1, 1))
        back_order(undated, late, early, twin)
        order = [early, twin, undated, late]

        for place_in_line in range(4):
            only(free=1)
            fill()
            is_filled = [states()[each.pk] == "held" for each in order]
            assert is_filled == [here <= place_in_line for here in range(4)]

        assert told("stock.backorder_filled") == sorted(each.pk for each in order)
        assert levels()["MUG"] == (4, 4)
        assert broken() == {}

    def test_lets_smaller_ones_pass_what_needs_more_than_there_is(self, shop: None) -> None:
        big = place(3, promised_on=date(2020, 1, 1))
        small = place(1, promised_on=date(2020, 1, 2))
        back_order(big, small)
        only(free=2)

        fill()

        assert states() == {big.pk: "backordered", small.pk: "held"}

    def test_gives_a_confirmed_order_what_is_its_own(self, shop: None) -> None:
        order = place(2)
        open_request(order)
        back_order(order)
        only(free=2)

        fill()

        assert states() == {order.pk: "committed"}
        assert Reservation.objects.get().backordered_at is None

    def test_of_another_warehouse_fills_nothing_here(self, shop: None) -> None:
        order = place(2)
        back_order(order)
        only(free=0)
        stock.ensure_warehouse(code="north", name="North")

        stock.adjust(warehouse_code="north", deltas={"MUG": 9}, reason="found", actor="staff:1")

        assert states() == {order.pk: "backordered"}

    def test_counts_what_had_shipped_of_it(self, shop: None) -> None:
        order = place(3)
        open_request(order)
        stock.commit_reservations(order_id=order.pk)
        row = Reservation.objects.get()
        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 1})
        Reservation.objects.update(state="backordered", backordered_at=NOW)
        Stock.objects.filter(sku="MUG").update(reserved=0)
        only(free=2)

        fill()

        assert (states(), levels()["MUG"]) == ({order.pk: "committed"}, (2, 2))

    @pytest.mark.parametrize("way", ["release", "adjust"])
    def test_comes_with_whatever_frees_units(self, shop: None, way: str) -> None:
        waits, goes = place(2), place(2)
        back_order(waits)
        only(free=0)

        if way == "release":
            stock.release_reservations(order_id=goes.pk)
        else:
            stock.adjust(warehouse_code="main", deltas={"MUG": 2}, reason="found", actor="test")

        assert states()[waits.pk] == "held"
        assert told("stock.backorder_filled") == [waits.pk]
        assert broken() == {}


class TestRelease:
    def test_of_a_back_order_frees_nothing_and_closes_its_alert(self, shop: None) -> None:
        order = place(2)
        back_order(order)
        Alert.objects.create(
            kind="stock_short", subject_type="order", subject_id=order.pk, detail=""
        )

        stock.release_reservations(order_id=order.pk)

        assert states() == {order.pk: "released"}
        assert levels()["MUG"] == (10, 0)
        assert Alert.objects.get().closed_at is not None

    def test_of_one_warehouse_or_some_skus_leaves_the_rest(self, shop: None) -> None:
        order = builders.place({"MUG": 2, "CUP": 1})
        here = Stock.objects.get(sku="MUG").warehouse_id

        stock.release_reservations(order_id=order.pk, warehouse_id=here + 1)
        assert levels() == {"MUG": (10, 2), "CUP": (5, 1)}
        stock.release_reservations(order_id=order.pk, warehouse_id=here, skus=["CUP"])
        assert levels() == {"MUG": (10, 2), "CUP": (5, 0)}
        stock.release_reservations(order_id=order.pk)
        assert levels() == {"MUG": (10, 0), "CUP": (5, 0)}


class TestBackorderOpen:
    def test_takes_what_is_open_from_the_shelf(self, request_row: Fulfillment) -> None:
        order_id, warehouse_id = request_row.order_id, request_row.warehouse_id
        ship(request_row, 1, when=0)

        for _ in range(2):
            stock.backorder_open(
                order_id=order_id, warehouse_id=warehouse_id, quantities={"MUG": 1, "CUP": 0}
            )

        assert levels() == {"MUG": (8, 0), "CUP": (5, 1)}
        assert states() == {order_id: "backordered"}
        entry = TimelineEntry.objects.get(kind="stock.backordered")
        assert (entry.subject_id, entry.data) == (order_id, {"skus": {"MUG": 1}})
        assert broken() == {}


class TestConstraint:
    def test_refuses_a_back_order_of_no_age(self, shop: None) -> None:
        place(1)

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Reservation.objects.update(state="backordered")

        assert constraint_name(caught.value) == "backordered_since_when"


class TestListStuckBackorders:
    def test_names_who_has_waited_for_too_long(self, shop: None) -> None:
        old, young = place(1), place(1)
        back_order(old, young)
        Reservation.objects.filter(order=young).update(backordered_at=timezone.now())

        (stuck,) = queries.list_stuck_backorders(now=timezone.now())

        assert (stuck.kind, stuck.subject_id) == ("backorder_stuck", old.pk)
