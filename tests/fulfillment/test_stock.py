"""Stock: all or nothing, and every number explained by reservations."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from fulfillment.models import Reservation, Stock, StockAdjustment, Warehouse
from fulfillment.queries import available
from fulfillment.services import stock
from fulfillment.services.openings import book_opening
from fulfillment.services.stock import OutOfStock, Shortage, UnknownStock
from globalmart.core.db import constraint_name
from orders.models import Order
from tests import builders
from tests.fulfillment.conftest import levels


@pytest.fixture
def order(shop: None) -> Order:
    """An order of two mugs."""
    return builders.place({"MUG": 2})


class TestReserve:
    def test_takes_units_and_says_for_whom(self, order: Order) -> None:
        row = Reservation.objects.get()

        assert (row.order_id, row.sku, row.quantity, row.state) == (order.pk, "MUG", 2, "held")
        assert levels() == {"MUG": (10, 2), "CUP": (5, 0)}
        assert available(["MUG", "TEAPOT"]) == {"MUG": 8, "TEAPOT": 0}

    def test_takes_nothing_unless_it_gets_everything(self, order: Order) -> None:
        grace = builders.place({"CUP": 1})
        before = levels()

        with pytest.raises(OutOfStock) as caught, transaction.atomic():
            stock.reserve(order_id=grace.pk, quantities={"MUG": 1, "CUP": 5, "TEAPOT": 1})

        assert caught.value.shortages == (Shortage("CUP", 5, 4), Shortage("TEAPOT", 1, 0))
        assert levels() == before

    def test_takes_the_last_unit(self, order: Order) -> None:
        builders.place({"MUG": 8})

        assert levels()["MUG"] == (10, 10)

    def test_takes_nothing_from_a_closed_warehouse(self, order: Order) -> None:
        Warehouse.objects.update(is_active=False)

        with pytest.raises(OutOfStock):
            builders.place({"MUG": 1})


class TestReleaseReservations:
    @pytest.mark.parametrize("is_committed", [True, False])
    def test_gives_back_once(self, order: Order, is_committed: bool) -> None:
        if is_committed:
            stock.commit_reservations(order_id=order.pk)

        for _ in range(2):
            stock.release_reservations(order_id=order.pk)

        assert levels()["MUG"] == (10, 0)
        assert Reservation.objects.get().state == "released"

    def test_gives_back_only_what_has_not_shipped(self, order: Order) -> None:
        stock.commit_reservations(order_id=order.pk)
        row = Reservation.objects.get()
        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 1})

        stock.release_reservations(order_id=order.pk)

        assert levels()["MUG"] == (9, 0)


class TestConsume:
    def test_sinks_on_hand_and_reserved_together(self, order: Order) -> None:
        stock.commit_reservations(order_id=order.pk)
        row = Reservation.objects.get()

        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 1})
        assert (levels()["MUG"], Reservation.objects.get().state) == ((9, 1), "committed")
        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 1})
        assert (levels()["MUG"], Reservation.objects.get().state) == ((8, 0), "consumed")
        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 1})

        assert levels()["MUG"] == (8, 0)

    def test_takes_what_nobody_has_committed(self, order: Order) -> None:
        row = Reservation.objects.get()

        stock.consume(order_id=order.pk, warehouse_id=row.warehouse_id, quantities={"MUG": 2})

        assert (levels()["MUG"], Reservation.objects.get().state) == ((8, 0), "consumed")


class TestAdjust:
    def test_books_each_change_with_its_reason(self, shop: None) -> None:
        stock.adjust(
            warehouse_code="main", deltas={"MUG": -3, "CUP": 0}, reason="broken", actor="staff:1"
        )

        assert levels()["MUG"] == (7, 0)
        booked = StockAdjustment.objects.get(reason="broken")
        assert (booked.sku, booked.delta, booked.actor) == ("MUG", -3, "staff:1")

    def test_leaves_what_is_reserved(self, order: Order) -> None:
        with pytest.raises(UnknownStock), transaction.atomic():
            stock.adjust(warehouse_code="main", deltas={"MUG": -9}, reason="lost", actor="staff:1")

        assert levels()["MUG"] == (10, 2)
        assert not StockAdjustment.objects.filter(reason="lost").exists()


class TestBookOpening:
    def test_books_once_however_often_it_runs(self, shop: None) -> None:
        for expected in (1, 0):
            count = book_opening(
                warehouse_code="main", quantities={"POT": 4}, reason="import", actor="import"
            )
            assert count == expected

        assert levels()["POT"] == (4, 0)


class TestConstraints:
    @pytest.mark.parametrize(
        ("model", "changes", "name"),
        [
            (Stock, {"reserved": -1}, "stock_never_oversold"),
            (Stock, {"reserved": F("on_hand") + 1}, "stock_never_oversold"),
            (Reservation, {"quantity": 0}, "reservation_quantity"),
            (Reservation, {"shipped": 3}, "reservation_quantity"),
            (Reservation, {"state": "lost"}, "reservation_state_known"),
        ],
    )
    def test_refuse_what_cannot_be(
        self, order: Order, model: type, changes: dict[str, object], name: str
    ) -> None:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            model.objects.update(**changes)  # type: ignore[attr-defined]

        assert constraint_name(caught.value) == name

    @pytest.mark.parametrize(
        ("model", "name"),
        [(Stock, "one_stock_row_per_sku"), (Reservation, "one_reservation_per_sku")],
    )
    def test_refuse_a_second_row(self, order: Order, model: type, name: str) -> None:
        row = model.objects.filter(sku="MUG").get()  # type: ignore[attr-defined]
        row.pk = None

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            row.save(force_insert=True)

        assert constraint_name(caught.value) == name
