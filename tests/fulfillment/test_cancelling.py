"""What is not to be shipped is taken back here, or stopped at the warehouse; goods that leave
win."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment.gateways.wms import (
    CancelAnswer,
    OutcomeUnknown,
    SubmitAnswer,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.jobs import work_request
from fulfillment.models import Fulfillment, FulfillmentLine, Reservation, Warehouse
from fulfillment.services import dead_letters, holds, sending, shipments, stopping
from fulfillment.services.cancelling import request_cancellation
from fulfillment.states import FulfillmentState, WaitsFor
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from tests import builders
from tests.fulfillment.conftest import levels, open_request
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.fulfillment.working import a_minute_later, work

S = FulfillmentState
TOLD = ["fulfillment.cancelled", "fulfillment.cancellation_refused"]


def cancel(row: Fulfillment) -> list[str]:
    """Want the order's requests stopped; return their states after that."""
    request_cancellation(
        order_id=row.order_id, reason="changed their mind", actor="customer", now=timezone.now()
    )
    rows = Fulfillment.objects.filter(order_id=row.order_id).order_by("number")
    return list(rows.values_list("state", flat=True))


def answers() -> list[str]:
    """Which answers the house was told, in their order."""
    rows = OutboxEvent.objects.filter(name__in=TOLD).order_by("id")
    return [name.removeprefix("fulfillment.") for name in rows.values_list("name", flat=True)]


def put_aside(row: Fulfillment) -> Fulfillment:
    """Let the request have been in doubt, and then been found not to be there."""
    Fulfillment.objects.filter(pk=row.pk).update(first_sent_at=timezone.now())
    return Fulfillment.objects.get(pk=row.pk)


def stuck_in_doubt(row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    """Send the request and lose the answer; it did not arrive."""
    warehouse.answers.append(OutcomeUnknown("timeout"))
    row = work(row)
    assert row.state == S.SUBMIT_UNKNOWN
    return row


class TestWhatWasNeverSent:
    def test_is_cancelled_at_once_and_gives_its_units_back(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert cancel(request_row) == [S.CANCELLED]

        row = work(request_row)
        assert (row.state, row.due_at) == (S.CANCELLED, None)
        assert warehouse.submitted == []
        assert warehouse.cancelled == []
        assert levels() == {"MUG": (10, 0), "CUP": (5, 0)}
        assert answers() == ["cancelled"]

    def test_is_cancelled_once(self, request_row: Fulfillment) -> None:
        cancel(request_row)

        assert cancel(request_row) == [S.CANCELLED]
        assert answers() == ["cancelled"]

    def test_is_cancelled_while_it_is_held(self, request_row: Fulfillment) -> None:
        holds.hold(order_id=request_row.order_id, now=timezone.now())

        assert cancel(request_row) == [S.CANCELLED]

    def test_is_cancelled_though_a_worker_has_claimed_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        (lease,) = Fulfillment.objects.all().lease(now=timezone.now(), limit=1, lease_seconds=50)
        cancel(request_row)

        work_request(lease)

        assert warehouse.submitted == []
        assert Fulfillment.objects.get().state == S.CANCELLED

    def test_is_cancelled_where_the_warehouse_had_refused_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(SubmitAnswer("rejected", "", "BAD_ADDRESS", ""))
        work(request_row)

        assert cancel(request_row) == [S.CANCELLED]
        assert warehouse.cancelled == []
        assert not Alert.objects.filter(kind="fulfillment_rejected", closed_at=None).exists()

    def test_is_cancelled_at_once_while_the_warehouse_is_down(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.extend([WarehouseUnavailable("closed")] * 2)
        work(request_row)
        row = work(request_row)
        assert (row.state, row.first_sent_at) == (S.READY, None)

        assert cancel(row) == [S.CANCELLED]
        assert warehouse.cancelled == []

    def test_is_cancelled_when_the_wish_came_while_it_was_turned_away(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: cancel(request_row)  # type: ignore[assignment]
        warehouse.answers.append(WarehouseUnavailable("closed"))

        row = work(request_row)

        assert (row.state, row.due_at) == (S.CANCELLED, None)
        assert answers() == ["cancelled"]

    def test_says_who_did_not_want_it(self, request_row: Fulfillment) -> None:
        cancel(request_row)

        entry = TimelineEntry.objects.get(kind="fulfillment.cancelled")
        assert (entry.actor, entry.reason) == ("customer", "changed their mind")


class TestWhatTheWarehouseHas:
    @pytest.fixture
    def accepted(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
        return work(request_row)

    def test_is_asked_to_be_stopped_and_waits_for_the_answer(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert cancel(accepted) == [S.CANCELLATION_REQUESTED]

        row = Fulfillment.objects.get()
        assert (row.state, row.state_before_cancel) == (S.CANCELLATION_REQUESTED, S.ACCEPTED)
        assert row.due_at is not None
        assert levels()["MUG"] == (10, 2)
        assert answers() == []

    def test_is_cancelled_when_the_warehouse_says_so(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        cancel(accepted)

        row = work(accepted)

        assert (row.state, row.due_at) == (S.CANCELLED, None)
        assert warehouse.cancelled == [(row.reference, "changed their mind")]
        assert levels() == {"MUG": (10, 0), "CUP": (5, 0)}
        assert answers() == ["cancelled"]

    def test_goes_on_as_before_when_it_is_too_late(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(state=S.IN_PROGRESS)
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(accepted)

        row = work(accepted)

        assert (row.state, row.is_too_late, row.due_at) == (S.IN_PROGRESS, True, None)
        assert levels()["MUG"] == (10, 2)
        assert answers() == ["cancellation_refused"]

    @pytest.mark.parametrize("result", ["cancelled", "too_late"])
    def test_keeps_the_warehouses_words_out_of_the_story(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        result: Literal["cancelled", "too_late"],
    ) -> None:
        warehouse.cancel_answers.append(CancelAnswer(result, "Packed for Ada Lovelace"))
        cancel(accepted)

        assert work(accepted).last_error == "Packed for Ada Lovelace"
        assert not TimelineEntry.objects.filter(reason__contains="Ada").exists()

    def test_is_not_asked_for_again_once_it_was_too_late(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(accepted)
        work(accepted)

        assert cancel(accepted) == [S.ACCEPTED]
        work(accepted)
        assert len(warehouse.cancelled) == 1

    def test_is_asked_for_once_by_two(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        cancel(accepted)

        assert cancel(accepted) == [S.CANCELLATION_REQUESTED]
        assert TimelineEntry.objects.filter(kind="fulfillment.cancellation_requested").count() == 1

    @pytest.mark.parametrize(
        "error",
        [
            OutcomeUnknown("timeout"),
            WarehouseUnavailable("down"),
            WarehouseRejected("X", "cannot be read"),
        ],
    )
    def test_stays_and_is_asked_for_again_without_an_answer(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, error: Exception
    ) -> None:
        warehouse.cancel_answers.append(error)
        cancel(accepted)

        row = work(accepted)
        assert (row.state, row.waits_for) == (S.CANCELLATION_REQUESTED, WaitsFor.NOBODY)
        assert row.due_at is not None
        assert row.due_at > timezone.now()
        assert answers() == []

        assert work(accepted).state == S.CANCELLED

    def test_learns_a_lost_answer_by_asking_again(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.is_deaf = True
        warehouse.cancel_answers.append(OutcomeUnknown("timeout"))
        cancel(accepted)
        work(accepted)

        assert work(accepted).state == S.CANCELLED
        assert answers() == ["cancelled"]

    def test_is_never_believed_to_be_absent(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        known = dict(warehouse.orders)
        warehouse.orders.clear()
        cancel(accepted)
        work(accepted)
        a_minute_later()

        row = work(accepted)

        assert (row.state, row.waits_for, row.due_at) == (
            S.CANCELLATION_REQUESTED,
            WaitsFor.WAREHOUSE,
            None,
        )
        assert Alert.objects.get(closed_at=None).kind == "fulfillment_stopped"
        assert levels()["MUG"] == (10, 2)
        assert answers() == []

        warehouse.orders.update(known)
        dead_letters.replay(
            fulfillment_ids=[row.pk], actor="staff:7", reason="they see it", now=timezone.now()
        )
        assert work(accepted).state == S.CANCELLED
        assert not Alert.objects.filter(closed_at=None).exists()

    def test_is_cancelled_by_the_list_though_it_waits_for_the_warehouse(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        cancel(accepted)
        Fulfillment.objects.update(waits_for=WaitsFor.WAREHOUSE, due_at=None)
        found = warehouse.show(accepted.reference, "cancelled")

        shipments.record(warehouse_id=accepted.warehouse_id, found=found)

        assert Fulfillment.objects.get().state == S.CANCELLED

    def test_counts_its_absence_from_the_first_question_on(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(hours=1))
        warehouse.orders.clear()
        cancel(accepted)

        assert work(accepted).state == S.CANCELLATION_REQUESTED

    def test_is_not_sent_by_who_had_claimed_it_before(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        put_aside(request_row)
        (lease,) = Fulfillment.objects.all().lease(now=timezone.now(), limit=1, lease_seconds=50)
        cancel(request_row)

        sending.submit(fulfillment_id=lease.key, token=lease.token)

        row = Fulfillment.objects.get()
        assert (row.state, row.due_at is None) == (S.CANCELLATION_REQUESTED, False)
        assert warehouse.submitted == []


class TestZombies:
    def test_record_no_answer(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        work(request_row)
        cancel(request_row)
        other = UUID(int=1)
        warehouse.before_cancel = lambda: Fulfillment.objects.update(  # type: ignore[assignment]
            lease_token=other
        )

        row = work(request_row)

        assert (row.state, row.lease_token) == (S.CANCELLATION_REQUESTED, other)
        assert answers() == []

    def test_ask_nothing(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        work(request_row)
        cancel(request_row)

        stopping.ask(fulfillment_id=request_row.pk, token=UUID(int=1))

        assert warehouse.cancelled == []


class TestWhatIsInDoubt:
    def test_is_believed_to_be_absent_the_second_time_a_minute_later(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        cancel(put_aside(request_row))

        row = work(request_row)
        assert row.state == S.CANCELLATION_REQUESTED
        assert row.due_at is not None
        assert row.due_at > timezone.now() + timedelta(seconds=55)
        again = work(request_row)
        assert (again.state, again.absent_since) == (S.CANCELLATION_REQUESTED, row.absent_since)

        a_minute_later()
        assert work(request_row).state == S.CANCELLED
        assert len(warehouse.cancelled) == 3

    def test_is_stopped_once_it_is_found(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.is_deaf = True
        row = stuck_in_doubt(request_row, warehouse)

        assert cancel(row) == [S.SUBMIT_UNKNOWN]
        assert Fulfillment.objects.get().state == S.SUBMIT_UNKNOWN

        assert work(row).state == S.CANCELLATION_REQUESTED
        assert work(row).state == S.CANCELLED
        assert len(warehouse.submitted) == 1
        assert answers() == ["cancelled"]

    def test_is_cancelled_once_it_is_surely_absent(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = stuck_in_doubt(request_row, warehouse)
        cancel(row)
        assert work(row).state == S.SUBMIT_UNKNOWN

        a_minute_later()
        assert work(row).state == S.CANCELLED
        assert len(warehouse.submitted) == 1
        assert levels()["MUG"] == (10, 0)
        assert answers() == ["cancelled"]

    def test_is_looked_up_at_once(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        row = stuck_in_doubt(request_row, warehouse)
        Fulfillment.objects.update(due_at=timezone.now() + timedelta(hours=1))

        cancel(row)

        due = Fulfillment.objects.get().due_at
        assert due is not None
        assert due <= timezone.now()

    def test_is_cancelled_when_the_warehouse_has_cancelled_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = stuck_in_doubt(request_row, warehouse)
        warehouse.show(row.reference, "cancelled")
        cancel(row)

        assert work(row).state == S.CANCELLED
        assert answers() == ["cancelled"]

    def test_is_cancelled_when_the_warehouse_refuses_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: cancel(request_row)  # type: ignore[assignment]
        warehouse.answers.append(SubmitAnswer("rejected", "", "BAD_ADDRESS", ""))

        assert work(request_row).state == S.CANCELLED
        assert not Alert.objects.exists()

    def test_is_stopped_when_the_wish_came_while_it_was_sent(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: cancel(request_row)  # type: ignore[assignment]

        assert work(request_row).state == S.CANCELLATION_REQUESTED
        assert work(request_row).state == S.CANCELLED

    def test_is_asked_about_though_it_seems_never_to_have_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert cancel(put_aside(request_row)) == [S.CANCELLATION_REQUESTED]
        assert Fulfillment.objects.get().state == S.CANCELLATION_REQUESTED

    def test_is_asked_about_though_it_was_turned_away_the_second_time(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        put_aside(request_row)
        warehouse.answers.append(WarehouseUnavailable("closed"))
        row = work(request_row)
        assert row.state == S.READY

        assert cancel(row) == [S.CANCELLATION_REQUESTED]

    def test_is_asked_about_when_the_wish_came_while_it_was_turned_away(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        put_aside(request_row)
        warehouse.before_submit = lambda: cancel(request_row)  # type: ignore[assignment]
        warehouse.answers.append(WarehouseUnavailable("closed"))

        assert work(request_row).state == S.CANCELLATION_REQUESTED

    def test_is_asked_about_while_it_is_put_aside_for_a_hold(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = put_aside(request_row)
        holds.hold(order_id=row.order_id, now=timezone.now())

        assert cancel(row) == [S.CANCELLATION_REQUESTED]
        assert Fulfillment.objects.get().state == S.CANCELLATION_REQUESTED

    def test_is_accepted_after_all_when_it_is_too_late(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(put_aside(request_row))

        assert work(request_row).state == S.ACCEPTED
        names = OutboxEvent.objects.filter(name__startswith="fulfillment.")
        assert sorted(names.values_list("name", flat=True)) == [
            "fulfillment.accepted",
            "fulfillment.cancellation_refused",
        ]

    @pytest.mark.parametrize("deduplicates", [True, False])
    def test_is_stopped_unseen_where_the_warehouse_cannot_be_asked(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, deduplicates: bool
    ) -> None:
        Warehouse.objects.update(can_look_up=False, deduplicates=deduplicates)
        row = stuck_in_doubt(request_row, warehouse)
        cancel(row)

        assert work(row).state == S.CANCELLATION_REQUESTED
        assert len(warehouse.submitted) == 1
        assert warehouse.looked_up == []
        assert not Alert.objects.filter(closed_at=None).exists()


class TestGoodsWin:
    def test_over_a_wish_that_waits_for_its_answer(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        cancel(row)
        found = warehouse.show(row.reference, "shipped", parcel(MUG=2, CUP=1))

        shipments.record(warehouse_id=row.warehouse_id, found=found)

        row.refresh_from_db()
        assert (row.state, row.is_too_late, row.due_at) == (S.SHIPPED, True, None)
        assert answers() == ["cancellation_refused"]
        assert work(row).state == S.SHIPPED
        assert warehouse.cancelled == []

    def test_over_an_answer_that_comes_later(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        cancel(row)
        found = warehouse.show(row.reference, "shipped", parcel(MUG=2, CUP=1))
        warehouse.before_cancel = lambda: shipments.record(
            warehouse_id=row.warehouse_id, found=found
        )
        warehouse.cancel_answers.append(CancelAnswer("cancelled", ""))

        assert work(row).state == S.SHIPPED
        assert answers() == ["cancellation_refused"]
        assert levels()["MUG"] == (8, 0)

    def test_once(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        row = work(request_row)
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(row)
        work(row)
        found = warehouse.show(row.reference, "shipped", parcel(MUG=2, CUP=1))

        shipments.record(warehouse_id=row.warehouse_id, found=found)

        assert answers() == ["cancellation_refused"]

    def test_over_a_wish_that_comes_later(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        found = warehouse.show(row.reference, "partially_shipped", parcel(MUG=1))
        shipments.record(warehouse_id=row.warehouse_id, found=found)

        assert cancel(row) == [S.PARTIALLY_SHIPPED]
        assert Fulfillment.objects.get().cancel_wanted_at is None

    def test_nothing_over_no_wish(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        row = work(request_row)
        found = warehouse.show(row.reference, "shipped", parcel(MUG=2, CUP=1))

        shipments.record(warehouse_id=row.warehouse_id, found=found)

        assert answers() == []


class TestSeveralRequests:
    def test_stand_apart(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        row = work(request_row)
        north = Warehouse.objects.create(code="north", name="North")
        second = Fulfillment.objects.create(
            order_id=row.order_id,
            warehouse=north,
            reference=f"{row.order_number}-2",
            number=2,
            order_number=row.order_number,
            service="standard",
            ship_to=row.ship_to,
            state=S.READY,
            due_at=timezone.now(),
        )
        FulfillmentLine.objects.create(fulfillment=second, sku="MUG", name="Mug", quantity=1)

        assert cancel(row) == [S.CANCELLATION_REQUESTED, S.CANCELLED]

        # What the other warehouse keeps is not given back with it.
        assert levels()["MUG"] == (10, 2)
        assert work(row).state == S.CANCELLED
        assert answers() == ["cancelled", "cancelled"]


class TestHeldOrders:
    def test_have_no_parcel_to_stop_any_more(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        holds.hold(order_id=row.order_id, now=timezone.now())
        cancel(row)

        assert work(row).state == S.CANCELLED
        assert not Alert.objects.filter(kind="parcel_to_stop", closed_at=None).exists()


class TestConstraint:
    @pytest.mark.parametrize(
        "change", [{"cancel_wanted_at": None}, {"state_before_cancel": ""}], ids=str
    )
    def test_keeps_the_way_back(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, change: dict[str, object]
    ) -> None:
        cancel(work(request_row))

        with pytest.raises(IntegrityError), transaction.atomic():
            Fulfillment.objects.update(**change)


def test_a_cancelled_order_takes_nothing_with_it(
    shop: None, warehouse: FakeWarehouse, request_row: Fulfillment
) -> None:
    other = open_request(builders.place({"MUG": 1}))

    cancel(request_row)

    assert Fulfillment.objects.get(pk=other.pk).state == S.READY
    assert Reservation.objects.get(order_id=other.order_id).state == "held"
