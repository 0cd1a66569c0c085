"""One poll at a time reads a warehouse's lists to their end; nothing that fails stops the rest."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fulfillment import queries
from fulfillment.gateways.wms import (
    ChangePage,
    EntryUnreadable,
    OutcomeUnknown,
    Receipt,
    StockDelta,
    StockLevel,
    StockSnapshot,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, ReturnReceipt, Shipment, Stock, Warehouse
from fulfillment.services import counts, dead_letters, polling, sending, shipments
from fulfillment.states import FulfillmentState
from globalmart.core import bell
from globalmart.core.db import Lease
from globalmart.core.models import Alert
from tests import builders
from tests.fulfillment.conftest import levels, open_request
from tests.fulfillment.fakes import FakeWarehouse, parcel

ALL: Any = {"MUG": 2, "CUP": 1}
SILENT = WarehouseUnavailable("closed")
GARBLED = OutcomeUnknown("not to be read")


@pytest.fixture
def accepted(request_row: Fulfillment) -> Fulfillment:
    due = Fulfillment.objects.all()
    ((key, token),) = due.lease(now=timezone.now(), limit=1, lease_seconds=50)
    sending.submit(fulfillment_id=key, token=token)
    return Fulfillment.objects.get()


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(bell, "ring", names.extend)
    return names


def lease_poll() -> Lease:
    Warehouse.objects.update(due_at=timezone.now(), lease_until=None)
    due = Warehouse.objects.all()
    (lease,) = due.lease(now=timezone.now(), limit=9, lease_seconds=90)
    return lease


def poll() -> Warehouse:
    key, token = lease_poll()
    polling.poll(warehouse_id=key, token=token)
    return Warehouse.objects.get()


def again_due() -> None:
    """Half a minute has gone by since the list was last read from before."""
    Warehouse.objects.update(reread_at=timezone.now() - timedelta(seconds=31))


class TestPoll:
    def test_reads_every_page_and_keeps_the_place(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        second = open_request(builders.place({"MUG": 1}))
        Fulfillment.objects.filter(pk=second.pk).update(state=FulfillmentState.ACCEPTED)
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        warehouse.show(second.reference, "shipped", parcel("P-2", MUG=1))
        warehouse.page_size = 1

        found = poll()

        assert found.poll_cursor == "3"
        assert Shipment.objects.count() == 2
        assert found.due_at is not None
        assert found.due_at < timezone.now() + timedelta(seconds=2)

    @pytest.mark.parametrize("error", [SILENT, GARBLED, WarehouseRejected("x", "no")])
    def test_comes_again_when_the_warehouse_does_not_answer(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, error: Exception
    ) -> None:
        warehouse.poll_errors.append(error)

        found = poll()
        assert found.due_at is not None
        assert found.due_at > timezone.now()
        assert found.lease_until is None
        assert (found.poll_cursor, found.last_error) == ("", str(error))

        found = poll()
        assert (found.poll_cursor, found.last_error, found.tries) == ("1", "", 0)

    def test_asks_for_less_at_a_time_after_each_failure(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        ask = FakeWarehouse.list_changes

        def list_changes(self: FakeWarehouse, *words: Any) -> ChangePage:
            asked.append(words[-1])
            return ask(self, *words)

        monkeypatch.setattr(FakeWarehouse, "list_changes", list_changes)
        warehouse.poll_errors.extend([GARBLED] * 3)
        warehouse.page_size = 1
        for number in range(3):
            warehouse.show(f"GM-OTHER-{number}")
        for _ in range(4):
            poll()

        assert asked == [100, 50, 25, 12, 24, 48, 96]

    def test_asks_nothing_for_a_zombie(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        zombie, lease = lease_poll(), lease_poll()
        warehouse.poll_errors.append(AssertionError("a zombie has asked"))

        polling.poll(warehouse_id=zombie.key, token=zombie.token)

        assert Warehouse.objects.get().lease_token == lease.token
        assert Warehouse.objects.get().lease_until is not None

    def test_leaves_place_and_lease_to_whoever_took_it_over(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken: list[Lease] = []

        def list_changes(*_words: object) -> ChangePage:
            taken.append(lease_poll())
            return ChangePage((), "9", has_more=True)

        monkeypatch.setattr(FakeWarehouse, "list_changes", list_changes)

        row = poll()

        assert len(taken) == 1
        assert (row.poll_cursor, row.lease_token) == ("", taken[0].token)
        assert row.lease_until is not None

    def test_makes_way_after_a_while_and_goes_on_at_once(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(polling, "BUDGET", timedelta(0))
        warehouse.counts["main"] = StockSnapshot("C-1", timezone.now(), (StockLevel("MUG", 99),))
        warehouse.show("GM-OTHER-1")
        warehouse.page_size = 1

        row = poll()

        assert row.poll_cursor == "1"
        assert row.due_at is not None
        assert row.due_at <= timezone.now()
        # The list was not read to its end, so the count waits.
        assert levels()["MUG"] == (10, 2)


class TestReadingAgain:
    def test_finds_what_came_late(self, accepted: Fulfillment, warehouse: FakeWarehouse) -> None:
        warehouse.changes.clear()
        for number in range(3):
            warehouse.show(f"GM-OTHER-{number}")
        assert poll().poll_cursor == "3"
        # Its list lags: what happened before all that was read appears only now.
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        warehouse.changes.insert(0, warehouse.changes.pop())
        warehouse.changes.append(warehouse.changes.pop())
        Warehouse.objects.update(poll_cursor="5")

        poll()
        assert not Shipment.objects.exists()

        again_due()
        poll()
        assert Shipment.objects.count() == 1

    def test_begins_a_while_before_the_last_reading(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        first = poll()
        assert warehouse.polled == [("main", None, "")]
        assert first.reread_at is not None
        poll()
        again_due()
        last = Warehouse.objects.get().reread_at
        assert last is not None
        found = poll()

        places = [(since, cursor) for _, since, cursor in warehouse.polled[1:]]
        assert places == [(None, "1"), (None, "1"), (last - timedelta(seconds=120), "")]
        assert found.reread_at is not None
        assert found.reread_at > last

    @pytest.mark.parametrize("minutes", [-5, 0, 5])
    def test_loses_nothing_with_clocks_apart(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, minutes: int
    ) -> None:
        warehouse.skew = timedelta(minutes=minutes)
        warehouse.show(accepted.reference, "picking")
        assert poll().poll_cursor == "2"
        again_due()
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))

        assert poll().poll_cursor == "3"
        assert Shipment.objects.count() == 1

    def test_leaves_the_place_where_it_was(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show("GM-OTHER-1")
        warehouse.page_size = 1
        poll()
        again_due()
        last = Warehouse.objects.get().reread_at
        warehouse.polled.clear()

        found = poll()

        assert [cursor for _, _, cursor in warehouse.polled] == ["2", "", "1"]
        assert found.poll_cursor == "2"
        assert found.reread_at != last

    def test_begins_anew_after_a_failure(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        poll()
        again_due()
        last = Warehouse.objects.get().reread_at
        ask = FakeWarehouse.list_changes

        def list_changes(self: FakeWarehouse, *words: Any) -> ChangePage:
            if not words[2]:
                raise GARBLED
            return ask(self, *words)

        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        with monkeypatch.context() as patch:
            patch.setattr(FakeWarehouse, "list_changes", list_changes)
            found = poll()

        assert (found.poll_cursor, found.reread_at) == ("2", last)
        assert found.last_error
        assert Shipment.objects.count() == 1
        assert poll().reread_at != last

    def test_ends_some_day(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        warehouse.show("GM-OTHER-1")
        warehouse.show("GM-OTHER-2")
        warehouse.page_size = 1
        poll()
        again_due()
        warehouse.polled.clear()
        monkeypatch.setattr(polling, "BUDGET_AGAIN", timedelta(0))

        poll()

        assert [cursor for _, _, cursor in warehouse.polled] == ["3", ""]

    def test_locks_nothing_for_what_is_known(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        poll()
        for number in range(20):
            warehouse.changes.append(accepted.reference)
            warehouse.orders[f"{number}"] = warehouse.orders[accepted.reference]
            warehouse.changes.append(f"{number}")
        again_due()

        with CaptureQueriesContext(connection) as context:
            poll()

        asked = [each["sql"] for each in context.captured_queries]
        locks = [sql for sql in asked if "FOR NO KEY UPDATE" in sql]
        # That of the lease alone.
        assert len([sql for sql in locks if "fulfillment_warehouse" not in sql]) == 0
        assert len(asked) < 25

    def test_can_be_left_out(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, settings: Any
    ) -> None:
        settings.WMS_REREAD_SECONDS = 0
        poll()
        poll()
        assert [cursor for _, _, cursor in warehouse.polled] == ["", "1"]


class TestTrouble:
    def test_of_one_order_stops_no_other(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        grace = open_request(builders.place({"MUG": 1}))
        Fulfillment.objects.filter(pk=accepted.pk).update(state=FulfillmentState.REJECTED)
        Fulfillment.objects.filter(pk=grace.pk).update(state=FulfillmentState.ACCEPTED)
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        warehouse.show(grace.reference, "shipped", parcel("P-2", MUG=1))

        poll()

        assert Alert.objects.get().kind == "warehouse_disagrees"
        assert Fulfillment.objects.get(pk=grace.pk).state == FulfillmentState.SHIPPED
        assert not Shipment.objects.filter(fulfillment=accepted).exists()

    def test_that_nobody_thought_of_stops_no_other_order(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def record_order(*_words: object) -> None:
            raise KeyError("a fault of ours")

        monkeypatch.setattr(shipments, "_record_order", record_order)
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))

        assert poll().poll_cursor == "2"
        assert Alert.objects.get().kind == "warehouse_disagrees"

    def test_of_one_entry_that_cannot_be_read_is_passed_over(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        error = EntryUnreadable("broken", reference="GM-OTHER", next_cursor="1", has_more=True)
        warehouse.poll_errors.append(error)
        assert poll().last_error == "broken"
        assert not Alert.objects.exists()

        warehouse.poll_errors.append(error)
        Warehouse.objects.update(tries=9)
        found = poll()

        assert (found.poll_cursor, found.last_error) == ("2", "")
        assert Shipment.objects.count() == 1
        alert = Alert.objects.get()
        assert alert.kind == "warehouse_entry_refused"
        assert "GM-OTHER" in alert.detail

    def test_of_the_database_loses_no_page(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def record_order(*_words: object) -> None:
            raise OperationalError("lock timeout")

        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        with monkeypatch.context() as patch:
            patch.setattr(shipments, "_record_order", record_order)
            found = poll()
        assert (found.poll_cursor, found.lease_until) == ("", None)
        assert "database" in found.last_error

        poll()
        assert Shipment.objects.count() == 1

    def test_of_a_count_stops_no_parcel(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        warehouse.snapshot_errors.append(GARBLED)
        warehouse.delta_errors.append(GARBLED)

        found = poll()

        assert Shipment.objects.count() == 1
        assert found.last_error
        assert (found.counted_at, found.stock_read_at) == (None, None)

    @pytest.mark.parametrize("error", [SILENT, GARBLED])
    def test_of_counts_leaves_the_changes_as_they_are(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
    ) -> None:
        resumed: list[int] = []

        def resume(*, warehouse_id: int, now: datetime) -> int:
            resumed.append(warehouse_id)
            return 0

        monkeypatch.setattr(dead_letters, "resume_waiting", resume)
        asked: list[int] = []
        ask = FakeWarehouse.list_changes

        def list_changes(self: FakeWarehouse, *words: Any) -> ChangePage:
            asked.append(words[-1])
            return ask(self, *words)

        monkeypatch.setattr(FakeWarehouse, "list_changes", list_changes)
        warehouse.snapshot_errors.extend([error] * 9)
        warehouse.delta_errors.extend([error] * 9)
        warehouse.poll_errors.append(SILENT)
        receipt = Receipt("R-1", "", accepted.reference, "MUG", 1, "sellable", timezone.now())
        warehouse.receipts["main"] = [receipt]
        for _ in range(5):
            found = poll()

        # The one failure that was the changes' own has made one page smaller.
        assert asked == [100, 50, 100, 100, 100]
        assert resumed == [accepted.warehouse_id]
        assert found.polled_at is not None
        assert found.due_at is not None
        assert found.due_at - found.polled_at <= timedelta(seconds=11)
        assert (found.tries, found.returns_cursor, found.stock_read_at) == (0, "1", None)
        assert str(error) in found.last_error

    def test_of_the_changes_lets_the_count_wait_and_reads_the_rest(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.poll_errors.append(GARBLED)
        warehouse.counts["main"] = StockSnapshot("C-1", timezone.now(), (StockLevel("MUG", 7),))
        warehouse.deltas["main"] = [StockDelta("D-1", "CUP", 2, timezone.now(), "found")]

        found = poll()

        assert levels() == {"MUG": (10, 2), "CUP": (7, 1)}
        assert (found.counted_at, found.stock_cursor) == (None, "1")

    def test_of_one_change_of_stock_stops_no_other(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        apply = counts.apply_deltas

        def apply_deltas(*, deltas: Any, **more: Any) -> int:
            if any(each.delta_id == "D-1" for each in deltas):
                raise ValueError("not to be recorded")
            return apply(deltas=deltas, **more)

        monkeypatch.setattr(counts, "apply_deltas", apply_deltas)
        at = timezone.now()
        warehouse.deltas["main"] = [
            StockDelta("D-1", "MUG", 2, at, "found"),
            StockDelta("D-2", "CUP", 2, at, "found"),
        ]

        assert poll().stock_cursor == "2"
        assert levels() == {"MUG": (10, 2), "CUP": (7, 1)}
        assert Alert.objects.get().kind == "warehouse_entry_refused"
        assert "the StockDelta D-1 cannot be recorded: ValueError" in caplog.messages


class TestCounts:
    def test_are_written_after_the_parcels_that_left_before_them(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        counted_at = timezone.now()
        left_at = counted_at - timedelta(minutes=1)
        # Two mugs had left when eight were counted.
        warehouse.show(accepted.reference, "partially_shipped", parcel(at=left_at, MUG=2))
        warehouse.counts["main"] = StockSnapshot("C-1", counted_at, (StockLevel("MUG", 8),))
        asked: list[str] = []
        warehouse.before_poll = lambda: asked.append(f"{len(warehouse.counts)} counts left")
        fetch = FakeWarehouse.stock_snapshot

        def stock_snapshot(self: FakeWarehouse, location: str) -> StockSnapshot:
            asked.append("count")
            found = fetch(self, location)
            warehouse.counts.clear()
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FakeWarehouse, "stock_snapshot", stock_snapshot)
            poll()

        assert asked == ["count", "0 counts left"]
        assert levels()["MUG"] == (8, 0)

    def test_come_once_in_their_time(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, settings: Any
    ) -> None:
        poll()
        for left, is_read in ((23, False), (25, True)):
            at = timezone.now() + timedelta(hours=left)
            warehouse.counts["main"] = StockSnapshot(
                f"C-{left}", timezone.now(), (StockLevel("MUG", left),)
            )
            Warehouse.objects.update(counted_at=timezone.now() - timedelta(hours=left))
            poll()
            assert (levels()["MUG"][0] == left) is is_read, at

    def test_and_changes_of_stock_can_be_left_out(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, settings: Any
    ) -> None:
        settings.WMS_COUNT_HOURS = settings.WMS_STOCK_SECONDS = 0
        for errors in (
            warehouse.snapshot_errors,
            warehouse.delta_errors,
            warehouse.receipt_errors,
        ):
            errors.append(AssertionError("asked all the same"))

        found = poll()

        assert (found.counted_at, found.stock_read_at) == (None, None)

    def test_changes_of_stock_and_returns_are_read_once_a_minute(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        at = timezone.now()
        warehouse.deltas["main"] = [StockDelta(f"D-{n}", "MUG", 1, at, "found") for n in range(3)]
        receipt = Receipt("R-1", "", accepted.reference, "MUG", 1, "sellable", at)
        warehouse.receipts["main"] = [receipt, replace(receipt, receipt_id="R-2")]
        warehouse.page_size = 1

        found = poll()
        assert Stock.objects.get(sku="MUG").on_hand == 13
        assert ReturnReceipt.objects.count() == 2
        assert (found.stock_cursor, found.returns_cursor) == ("3", "2")

        warehouse.deltas["main"].append(StockDelta("D-9", "MUG", 1, at, "found"))
        poll()
        assert Stock.objects.get(sku="MUG").on_hand == 13
        Warehouse.objects.update(stock_read_at=timezone.now() - timedelta(seconds=61))
        poll()
        assert Stock.objects.get(sku="MUG").on_hand == 14


class TestComingBack:
    def test_resumes_what_waited_for_the_warehouse(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resumed: list[int] = []

        def resume(*, warehouse_id: int, now: datetime) -> int:
            resumed.append(warehouse_id)
            return 0

        monkeypatch.setattr(dead_letters, "resume_waiting", resume)
        poll()
        warehouse.poll_errors.append(SILENT)
        poll()
        assert resumed == []

        poll()
        poll()
        assert resumed == [accepted.warehouse_id]


class TestDown:
    def test_alarms_when_nothing_was_heard_for_minutes_and_no_longer(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        poll()
        now = timezone.now()
        assert queries.list_down_warehouses(now=now + timedelta(minutes=4)) == []

        warehouse.poll_errors.append(SILENT)
        poll()
        (found,) = queries.list_down_warehouses(now=now + timedelta(minutes=6))
        assert (found.kind, found.subject_id) == ("warehouse_down", accepted.warehouse_id)
        assert "closed" in found.detail

        poll()
        assert queries.list_down_warehouses(now=timezone.now()) == []

    def test_alarms_when_it_never_answered(self, accepted: Fulfillment) -> None:
        Warehouse.objects.update(tries=9, last_error="closed")
        assert queries.list_down_warehouses(now=timezone.now()) == []
        Warehouse.objects.update(tries=10)
        assert len(queries.list_down_warehouses(now=timezone.now())) == 1

    def test_does_not_wait_for_one_that_nobody_polls(self, shop: None) -> None:
        Warehouse.objects.update(polled_at=timezone.now() - timedelta(days=1), due_at=None)
        assert queries.list_down_warehouses(now=timezone.now()) == []


class TestLateCounts:
    @pytest.fixture
    def polled(self, accepted: Fulfillment, warehouse: FakeWarehouse) -> Warehouse:
        return poll()

    @pytest.mark.parametrize(
        ("field", "pause"),
        [("counted_at", timedelta(hours=24)), ("stock_read_at", timedelta(minutes=5 / 3))],
    )
    def test_alarm_after_three_of_their_pauses(
        self, polled: Warehouse, field: str, pause: timedelta
    ) -> None:
        now = timezone.now()
        Warehouse.objects.update(**{field: now - 3 * pause + timedelta(seconds=9)})
        assert queries.list_late_counts(now=now) == []

        Warehouse.objects.update(**{field: now - 3 * pause - timedelta(seconds=9)})
        (found,) = queries.list_late_counts(now=now)

        assert (found.kind, found.subject_id) == ("warehouse_counts_late", polled.pk)

    @pytest.mark.parametrize("errors", ["snapshot_errors", "delta_errors", "receipt_errors"])
    def test_alarm_where_they_were_never_had(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, errors: str
    ) -> None:
        getattr(warehouse, errors).append(OutcomeUnknown("too large"))
        poll()
        (found,) = queries.list_late_counts(now=timezone.now())
        assert "too large" in found.detail

        poll()
        assert queries.list_late_counts(now=timezone.now()) == []

    @pytest.mark.parametrize(
        "change",
        [{"is_active": False}, {"due_at": None}, {"polled_at": builders.NOON - timedelta(days=9)}],
    )
    def test_are_not_waited_for_where_nothing_is_read(
        self, polled: Warehouse, change: dict[str, Any]
    ) -> None:
        Warehouse.objects.update(counted_at=builders.NOON - timedelta(days=9), **change)
        assert queries.list_late_counts(now=timezone.now()) == []

    def test_are_not_waited_for_where_none_are_wanted(
        self, polled: Warehouse, settings: Any
    ) -> None:
        settings.WMS_COUNT_HOURS = settings.WMS_STOCK_SECONDS = 0
        Warehouse.objects.update(counted_at=builders.NOON - timedelta(days=9), stock_read_at=None)
        assert queries.list_late_counts(now=timezone.now()) == []


class TestHint:
    def test_makes_the_warehouse_due_and_rings(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, rung: list[str]
    ) -> None:
        poll()
        Warehouse.objects.update(due_at=timezone.now() + timedelta(hours=1))
        other = Warehouse.objects.create(code="other", name="Other")

        assert polling.hint(location="main", now=timezone.now())

        assert queries.has_due_polls(now=timezone.now())
        other.refresh_from_db()
        assert other.due_at is None
        assert rung == ["fulfillment.polls"]

    def test_that_comes_while_a_poll_runs_is_not_lost(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        rung: list[str],
        settings: Any,
    ) -> None:
        settings.WMS_POLL_SECONDS = 300
        warehouse.before_poll = lambda: (
            polling.hint(location="main", now=timezone.now()),
            None,
        )[1]

        found = poll()

        assert found.due_at is not None
        assert found.due_at <= timezone.now()
        assert found.lease_until is None

    def test_many_make_one_poll(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, rung: list[str]
    ) -> None:
        for _ in range(50):
            polling.hint(location="main", now=timezone.now())

        now = timezone.now()
        due = Warehouse.objects.all()
        assert len(due.lease(now=now, limit=9, lease_seconds=90)) == 1
        polling.hint(location="main", now=now)
        assert due.lease(now=now, limit=9, lease_seconds=90) == []

    def test_of_a_place_that_we_do_not_know_does_nothing(
        self, accepted: Fulfillment, rung: list[str]
    ) -> None:
        assert not polling.hint(location="moon", now=timezone.now())
        assert rung == []
