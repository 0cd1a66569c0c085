"""From which warehouse: whole from the first that can, else split, all or nothing."""

from datetime import date

import pytest
from django.db import transaction

from fulfillment.models import Reservation, Stock, Warehouse
from fulfillment.services import stock
from fulfillment.services.stock import OutOfStock, Shortage
from orders.models import Order
from tests import builders


@pytest.fixture
def order(db: None) -> Order:
    """An order that has given everything back; three houses, of which the last is closed."""
    builders.open_shop()
    builders.add_product("MUG", on_hand=10)
    builders.add_product("CUP", on_hand=10)
    placed = builders.place({"MUG": 1})
    Reservation.objects.all().delete()
    Stock.objects.all().delete()
    Warehouse.objects.update(priority=2)
    for code, priority in (("east", 1), ("north", 2), ("closed", 0)):
        Warehouse.objects.create(
            code=code, name=code, priority=priority, is_active=code != "closed"
        )
    return placed


def put(**levels: tuple[int, int]) -> None:
    """Mugs on hand and already reserved, by warehouse."""
    for code, (on_hand, reserved) in levels.items():
        Stock.objects.create(
            warehouse=Warehouse.objects.get(code=code),
            sku="MUG",
            on_hand=on_hand,
            reserved=reserved,
        )


def taken(order: Order, sku: str = "MUG") -> dict[str, int]:
    rows = Reservation.objects.filter(order=order, sku=sku, state="held")
    return dict(rows.values_list("warehouse__code", "quantity"))


def reserved() -> dict[str, int]:
    return dict(Stock.objects.filter(sku="MUG").values_list("warehouse__code", "reserved"))


class TestReserve:
    @pytest.mark.parametrize(
        ("levels", "expected"),
        [
            # By priority, then by id: east (1), main (2), north (2).
            ({"east": (5, 0), "main": (5, 0), "north": (5, 0)}, {"east": 4}),
            ({"east": (3, 0), "main": (5, 2), "north": (9, 5)}, {"north": 4}),
            ({"east": (0, 0), "main": (4, 0), "north": (4, 0)}, {"main": 4}),
            ({"east": (3, 0), "main": (3, 0), "north": (3, 0)}, {"east": 3, "main": 1}),
            ({"east": (3, 2), "main": (1, 1), "north": (3, 0)}, {"east": 1, "north": 3}),
            ({"north": (3, 0), "main": (2, 0)}, {"main": 2, "north": 2}),
            ({"closed": (9, 0), "east": (1, 0), "north": (3, 0)}, {"east": 1, "north": 3}),
        ],
    )
    def test_takes_whole_from_the_first_that_can_and_else_splits(
        self, order: Order, levels: dict[str, tuple[int, int]], expected: dict[str, int]
    ) -> None:
        put(**levels)
        before = reserved()

        stock.reserve(order_id=order.pk, quantities={"MUG": 4})

        assert taken(order) == expected
        after = reserved()
        assert {code: after[code] - before[code] for code in after} == {
            code: expected.get(code, 0) for code in after
        }

    def test_takes_nothing_of_what_all_together_have_not(self, order: Order) -> None:
        put(east=(2, 0), main=(1, 0), closed=(9, 0))

        with pytest.raises(OutOfStock) as caught, transaction.atomic():
            stock.reserve(order_id=order.pk, quantities={"MUG": 4, "CUP": 1})

        assert caught.value.shortages == (Shortage("CUP", 1, 0), Shortage("MUG", 4, 3))
        assert set(reserved().values()) == {0}
        assert not Reservation.objects.exists()

    def test_tells_what_is_missing_where_no_house_is_open(self, order: Order) -> None:
        put(east=(9, 0))
        Warehouse.objects.update(is_active=False)

        with pytest.raises(OutOfStock) as caught, transaction.atomic():
            stock.reserve(order_id=order.pk, quantities={"MUG": 4})

        assert caught.value.shortages == (Shortage("MUG", 4, 0),)

    def test_keeps_the_day_that_was_promised(self, order: Order) -> None:
        put(east=(9, 0))

        stock.reserve(order_id=order.pk, quantities={"MUG": 4}, promised_on=date(2026, 3, 2))

        assert Reservation.objects.get().promised_on == date(2026, 3, 2)

    def test_takes_again_what_was_given_back_also_where_it_splits_otherwise(
        self, order: Order
    ) -> None:
        put(east=(4, 0), main=(3, 0))
        stock.reserve(order_id=order.pk, quantities={"MUG": 4})
        stock.release_reservations(order_id=order.pk)
        Stock.objects.filter(warehouse__code="east").update(on_hand=2)

        stock.reserve(order_id=order.pk, quantities={"MUG": 4})

        assert taken(order) == {"east": 2, "main": 2}
        assert reserved() == {"east": 2, "main": 2}

    def test_does_not_take_twice_what_the_order_holds(self, order: Order) -> None:
        put(east=(9, 0))
        stock.reserve(order_id=order.pk, quantities={"MUG": 4})

        with pytest.raises(OutOfStock), transaction.atomic():
            stock.reserve(order_id=order.pk, quantities={"MUG": 4})

        assert reserved() == {"east": 4}
