"""The stock storm of the proof, in small, and who waits for whom."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction

from fulfillment.models import Reservation, Stock, Warehouse
from fulfillment.services import allocation, shelves, stock
from globalmart.core.db import is_lock_timeout
from orders.models import Order
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.counting import broken
from tests.proofs.stock_storm import place_bare, run_storm, sell_last_unit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(transactional_db: None) -> Order:
    """An order of four of four mugs."""
    builders.open_shop()
    builders.add_product("MUG", on_hand=4)
    return builders.place({"MUG": 4})


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


class TestStorm:
    def test_sells_one_unit_to_one_of_many_buyers(self) -> None:
        builders.open_shop()

        assert sell_last_unit(60, at_once=60)["sold"] == 1

    def test_leaves_every_commit_as_reservations_and_counts_say(self) -> None:
        figures = run_storm(seconds=3, opening=10)

        assert figures["breaches"] == 0
        # It blew: units were sold, counted, shipped and missed.
        assert all(figures[f"{what} told"] for what in ("parcels", "deltas", "counts"))
        assert figures["turned into back-orders"]
        assert broken() == {}


def reserve_one_after_the_other(order: Order) -> list[object]:
    """Two orders take four mugs: the second begins while the first is not committed."""
    other = place_bare(order)
    stock.release_reservations(order_id=order.pk)
    is_taken = threading.Event()

    def first() -> int:
        with transaction.atomic():
            stock.reserve(order_id=order.pk, quantities={"MUG": 4})
            is_taken.set()
            ends = time.monotonic() + 1.5
            while not is_somebody_waiting() and time.monotonic() < ends:
                time.sleep(0.01)
        return order.pk

    def second() -> int:
        is_taken.wait(5)
        with transaction.atomic():
            stock.reserve(order_id=other, quantities={"MUG": 4})
        return other

    return race(first, second)


class TestReserve:
    def test_looks_at_other_warehouses_once_it_knows_what_is_left(self, order: Order) -> None:
        """Who waited for the row reads what the other left, and not what was there before."""
        stock.ensure_warehouse(code="north", name="North")
        stock.adjust(warehouse_code="north", deltas={"MUG": 4}, reason="opening", actor="test")

        first, second = reserve_one_after_the_other(order)

        held = Reservation.objects.filter(state="held").values_list("warehouse__code", "order_id")
        assert set(held) == {("main", first), ("north", second)}

    def test_is_refused_by_the_condition_where_the_lock_were_missing(
        self, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            allocation, "TAKE", allocation.TAKE.replace("FOR NO KEY UPDATE OF s", "")
        )

        first, second = reserve_one_after_the_other(order)

        assert (first, type(second)) == (order.pk, stock.OutOfStock)


@contextmanager
def counting() -> Iterator[None]:
    """Somebody writes a count of mugs."""
    is_locked, is_over = threading.Event(), threading.Event()

    def count() -> None:
        with transaction.atomic():
            shelves.lock(warehouse_id=Warehouse.objects.get().pk, skus=["MUG"])
            is_locked.set()
            is_over.wait(10)
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    try:
        assert is_locked.wait(5)
        yield
    finally:
        is_over.set()
        thread.join()


@transaction.atomic
def hurry(change: Callable[[], None]) -> None:
    """Wait for no lock for longer than a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
    change()


class TestWhoeverChangesReservations:
    @pytest.mark.parametrize(
        "change",
        [
            lambda key, _: stock.commit_reservations(order_id=key),
            lambda key, _: stock.release_reservations(order_id=key),
            lambda key, here: stock.consume(order_id=key, warehouse_id=here, quantities={"MUG": 1}),
            lambda key, here: stock.backorder_open(
                order_id=key, warehouse_id=here, quantities={"MUG": 1}
            ),
        ],
        ids=["commit", "release", "consume", "backorder"],
    )
    def test_waits_for_a_count(self, order: Order, change: Callable[[int, int], None]) -> None:
        here = Stock.objects.get().warehouse_id
        before = Reservation.objects.values().get()

        with counting(), pytest.raises(OperationalError) as caught:
            hurry(lambda: change(order.pk, here))

        assert is_lock_timeout(caught.value)
        assert Reservation.objects.values().get() == before
