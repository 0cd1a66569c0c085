"""Counts and deltas: what is younger counts, once, and nothing is promised that is not there."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment.gateways.wms import StockDelta, StockLevel, StockSnapshot, WarehouseOrder
from fulfillment.models import (
    Fulfillment,
    Reservation,
    Stock,
    StockAdjustment,
    Warehouse,
)
from fulfillment.services import counts, shipments, stock
from globalmart.core.db import constraint_name
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from tests import builders
from tests.fulfillment.conftest import levels
from tests.fulfillment.counting import NOON, at, broken, ship
from tests.fulfillment.fakes import parcel

NOW = NOON + timedelta(hours=8)


def count(units: int, *, as_of: float = 0, key: str = "", sku: str = "MUG") -> int:
    snapshot = StockSnapshot(key or f"C{as_of}", at(as_of), (StockLevel(sku, units),))
    return counts.apply_snapshot(
        warehouse_id=Warehouse.objects.get().pk, snapshot=snapshot, now=NOW
    )


def delta(units: int, *, when: float, key: str = "D1", sku: str = "MUG") -> int:
    change = StockDelta(key, sku, units, at(when), "received")
    return counts.apply_deltas(warehouse_id=Warehouse.objects.get().pk, deltas=[change], now=NOW)


def open_alerts() -> set[tuple[str, str, int]]:
    rows = Alert.objects.filter(closed_at__isnull=True)
    return set(rows.values_list("kind", "subject_type", "subject_id"))


class TestApplySnapshot:
    def test_writes_what_was_counted_with_its_reason(self, shop: None) -> None:
        assert count(7, key="night") == 1

        row = Stock.objects.get(sku="MUG")
        assert (row.on_hand, row.counted_at, row.count_id) == (7, NOON, "night")
        booked = StockAdjustment.objects.latest("pk")
        assert (booked.delta, booked.reason, booked.source_id) == (-3, "count night", "count:night")
        assert (booked.occurred_at, booked.actor) == (NOON, "warehouse")
        assert broken() == {}

    @pytest.mark.parametrize(
        ("as_of", "key"), [(0, "again"), (-1, "older"), (-1, "night"), (0, "night")]
    )
    def test_ignores_what_is_older_and_what_it_has(
        self, shop: None, as_of: float, key: str
    ) -> None:
        count(7, key="night")

        assert count(3, as_of=as_of, key=key) == 0

        assert levels()["MUG"] == (7, 0)

    def test_refuses_another_count_of_the_same_name_and_says_so(self, shop: None) -> None:
        count(7, key="night")

        assert count(3, as_of=1, key="night") == 0

        assert levels()["MUG"] == (7, 0)
        assert {kind for kind, _, _ in open_alerts()} == {"stock_count_refused"}
        count(3, as_of=1, key="morning")
        assert open_alerts() == set()

    def test_ignores_a_count_of_the_future_and_says_so(self, shop: None) -> None:
        assert count(3, as_of=9) == 0

        assert levels()["MUG"] == (10, 0)
        assert {kind for kind, _, _ in open_alerts()} == {"stock_count_refused"}
        count(3, as_of=7)
        assert open_alerts() == set()

    def test_inserts_what_we_did_not_know_and_skips_what_cannot_be_ours(self, shop: None) -> None:
        assert count(4, sku="TEAPOT") == 1
        assert count(4, sku="X" * 41) == 0

        assert levels()["TEAPOT"] == (4, 0)
        assert broken() == {}

    def test_takes_the_smaller_of_two_numbers(self, shop: None) -> None:
        twice = (StockLevel("MUG", 8), StockLevel("MUG", 6), StockLevel("MUG", 7))

        counts.apply_snapshot(
            warehouse_id=Warehouse.objects.get().pk,
            snapshot=StockSnapshot("night", NOON, twice),
            now=NOW,
        )

        assert levels()["MUG"] == (6, 0)

    def test_counts_on_from_what_it_counted(self, request_row: Fulfillment) -> None:
        delta(5, when=2)
        ship(request_row, 1, when=1)

        count(20)

        assert levels()["MUG"] == (20 + 5 - 1, 1)
        assert broken() == {}

    def test_is_not_reduced_by_a_parcel_that_had_left(self, request_row: Fulfillment) -> None:
        count(6)
        ship(request_row, 1, when=0)
        ship(request_row, 1, when=0.1, key="S-2")

        assert levels()["MUG"] == (5, 0)
        assert StockAdjustment.objects.get(reason="left before the count").delta == 1
        assert broken() == {}

    def test_writes_many_skus_a_few_at_a_time(
        self, shop: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(counts, "BATCH", 2)
        items = tuple(StockLevel(f"SKU-{n}", n) for n in range(5))

        news = counts.apply_snapshot(
            warehouse_id=Warehouse.objects.get().pk,
            snapshot=StockSnapshot("night", NOON, items),
            now=NOW,
        )

        assert news == 5
        assert {levels()[f"SKU-{n}"][0] for n in range(5)} == set(range(5))


class TestCountBelowWhatIsReserved:
    def test_lets_the_youngest_go_without(self, shop: None) -> None:
        orders = [builders.place({"MUG": units}) for units in (3, 2, 2, 1)]
        stock.commit_reservations(order_id=orders[2].pk)

        count(5)

        found = Reservation.objects.order_by("pk").values_list("state", flat=True)
        assert list(found) == ["held", "held", "backordered", "backordered"]
        assert levels()["MUG"] == (5, 5)
        late = [orders[2].pk, orders[3].pk]
        assert {("stock_short", "order", key) for key in late} == open_alerts()
        names = OutboxEvent.objects.filter(name="stock.backordered")
        assert sorted(names.values_list("subject_id", flat=True)) == late
        entries = TimelineEntry.objects.filter(kind="stock.backordered").order_by("pk")
        assert [(each.subject_id, each.data) for each in entries] == [
            (late[0], {"skus": {"MUG": 2}}),
            (late[1], {"skus": {"MUG": 1}}),
        ]
        assert broken() == {}

    def test_gives_back_what_a_big_one_left_over_and_all_when_units_come(self, shop: None) -> None:
        small = builders.place({"MUG": 1})
        builders.place({"MUG": 5})

        count(4)
        assert levels()["MUG"] == (4, 1)
        delta(2, when=1)

        assert levels()["MUG"] == (6, 6)
        assert open_alerts() == set()
        assert not Reservation.objects.filter(state="backordered").exists()
        assert small.pk not in OutboxEvent.objects.filter(name__startswith="stock.").values_list(
            "subject_id", flat=True
        )

    def test_is_shipped_after_all_and_the_youngest_others_wait(
        self, request_row: Fulfillment
    ) -> None:
        other = builders.place({"MUG": 3})
        Reservation.objects.filter(order=request_row.order_id, sku="MUG").update(
            state="backordered", backordered_at=NOON
        )
        Stock.objects.filter(sku="MUG").update(reserved=3)
        count(4)

        ship(request_row, 2, when=1)

        assert Reservation.objects.get(order=request_row.order_id, sku="MUG").state == "consumed"
        assert Reservation.objects.get(order=other).state == "backordered"
        assert levels()["MUG"] == (2, 0)
        assert broken() == {}

    def test_frees_units_by_a_parcel_that_had_left(self, request_row: Fulfillment) -> None:
        waits = builders.place({"MUG": 2})
        count(2)
        assert Reservation.objects.get(order=waits).state == "backordered"

        ship(request_row, 2, when=-1)

        assert Reservation.objects.get(order=waits).state == "held"
        assert levels()["MUG"] == (2, 2)
        assert broken() == {}

    @pytest.mark.parametrize(("minutes", "left"), [(-1, 7), (1, 9)])
    def test_does_not_undo_what_was_found_missing_after_it(
        self, request_row: Fulfillment, minutes: int, left: int
    ) -> None:
        order_id, warehouse_id = request_row.order_id, request_row.warehouse_id
        stock.backorder_open(order_id=order_id, warehouse_id=warehouse_id, quantities={"MUG": 2})
        now = timezone.now()
        as_of = now + timedelta(minutes=minutes)

        counts.apply_snapshot(
            warehouse_id=warehouse_id,
            snapshot=StockSnapshot("C1", as_of, (StockLevel("MUG", 9),)),
            now=now,
        )

        # Where it was taken before, its nine are those of which two were not found.
        assert levels()["MUG"][0] == left
        assert broken() == {}


class TestClocks:
    def test_ahead_keep_what_came_after_a_count(self, shop: None) -> None:
        warehouse_id = Warehouse.objects.get().pk
        told = StockDelta("D1", "MUG", 5, NOW + timedelta(minutes=3), "received")
        counts.apply_deltas(warehouse_id=warehouse_id, deltas=[told], now=NOW)
        as_of = NOW + timedelta(minutes=2)
        counts.apply_snapshot(
            warehouse_id=warehouse_id,
            snapshot=StockSnapshot("C1", as_of, (StockLevel("MUG", 10),)),
            now=NOW + timedelta(seconds=9),
        )

        assert levels()["MUG"] == (15, 0)

    def test_far_ahead_hide_nothing_for_ever(self, request_row: Fulfillment) -> None:
        Fulfillment.objects.update(state="accepted", wms_number="W-1")
        told = parcel("P-9", at=timezone.now() + timedelta(days=3650), MUG=2, CUP=1)
        found = WarehouseOrder(request_row.reference, "W-1", "shipped", (told,))
        shipments.record(warehouse_id=request_row.warehouse_id, found=found)
        change = StockDelta("D1", "MUG", 5, timezone.now() + timedelta(days=3650), "received")
        warehouse_id = request_row.warehouse_id
        counts.apply_deltas(warehouse_id=warehouse_id, deltas=[change], now=timezone.now())

        later = timezone.now() + timedelta(minutes=6)
        counts.apply_snapshot(
            warehouse_id=warehouse_id,
            snapshot=StockSnapshot("C1", later, (StockLevel("MUG", 8),)),
            now=later,
        )

        assert levels()["MUG"] == (8, 0)
        assert broken() == {}


class TestApplyDeltas:
    def test_books_each_once(self, shop: None) -> None:
        assert [delta(3, when=1), delta(3, when=1), delta(2, when=1, key="D2")] == [1, 0, 1]

        assert levels()["MUG"] == (15, 0)
        assert StockAdjustment.objects.get(source_id="delta:D1").occurred_at == at(1)

    def test_books_one_of_two_in_a_page(self, shop: None) -> None:
        twice = [StockDelta("D1", "MUG", 3, NOON, "received")] * 2

        counts.apply_deltas(warehouse_id=Warehouse.objects.get().pk, deltas=twice, now=NOW)

        assert levels()["MUG"] == (13, 0)

    @pytest.mark.parametrize("when", [0, -1])
    def test_ignores_what_was_counted(self, shop: None, when: float) -> None:
        count(7)

        assert delta(3, when=when) == 0

        assert levels()["MUG"] == (7, 0)

    def test_of_less_lets_the_youngest_wait(self, shop: None) -> None:
        builders.place({"MUG": 4})
        builders.place({"MUG": 4})

        delta(-6, when=1)

        assert levels()["MUG"] == (4, 4)
        assert broken() == {}


class TestOverdrawn:
    """Goods that we did not know of leave before we hear that they came."""

    def test_is_an_alert_until_the_receipt_is_told(self, request_row: Fulfillment) -> None:
        count(0)
        warehouse = ("stock_overdrawn", "warehouse", request_row.warehouse_id)
        ship(request_row, 2, when=2)

        assert levels()["MUG"] == (0, 0)
        assert Stock.objects.get(sku="MUG").overdrawn == 2
        assert warehouse in open_alerts()
        assert broken() == {}

        delta(5, when=1)

        assert levels()["MUG"] == (3, 0)
        assert warehouse not in open_alerts()
        assert broken() == {}

    def test_ends_with_the_next_count(self, request_row: Fulfillment) -> None:
        count(0)
        ship(request_row, 2, when=1)

        count(4, as_of=2)

        assert levels()["MUG"] == (4, 0)
        assert Stock.objects.get(sku="MUG").overdrawn == 0
        assert open_alerts() == set()
        assert broken() == {}


class TestConstraints:
    @pytest.mark.parametrize("moment", [at(-1), None])
    def test_refuse_a_count_that_goes_back(self, shop: None, moment: datetime | None) -> None:
        count(7)

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Stock.objects.filter(sku="MUG").update(counted_at=moment)

        assert constraint_name(caught.value) == "count_goes_on"

    def test_refuse_what_is_overdrawn_and_there(self, shop: None) -> None:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Stock.objects.filter(sku="MUG").update(overdrawn=1)

        assert constraint_name(caught.value) == "overdrawn_is_empty"
