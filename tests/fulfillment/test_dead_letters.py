"""What does not get through stops with a reason, and goes on when somebody acts."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from fulfillment import queries
from fulfillment.gateways.wms import (
    CancelAnswer,
    OutcomeUnknown,
    SubmitAnswer,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, Warehouse
from fulfillment.services import dead_letters, holds, repairs, shipments
from fulfillment.services.cancelling import request_cancellation
from fulfillment.states import FULFILLMENT_AGE, FulfillmentState, WaitsFor
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from tests import builders
from tests.fulfillment.conftest import levels, open_request
from tests.fulfillment.fakes import FakeWarehouse
from tests.fulfillment.working import work

S = FulfillmentState
REFUSED = SubmitAnswer("rejected", "", "BAD_ADDRESS", "no such street")


def alerts() -> list[str]:
    """Kinds of the open alerts."""
    return list(Alert.objects.filter(closed_at=None).order_by("id").values_list("kind", flat=True))


def replay(*rows: Fulfillment) -> int:
    return dead_letters.replay(
        fulfillment_ids=[row.pk for row in rows],
        actor="staff:7",
        reason="they say it works now",
        now=timezone.now(),
    )


def discard(row: Fulfillment) -> int:
    return dead_letters.discard(
        fulfillment_ids=[row.pk], actor="staff:7", reason="not wanted", now=timezone.now()
    )


def arrived(row: Fulfillment) -> None:
    repairs.declare_arrived(
        fulfillment_id=row.pk,
        wms_number=" W-77 ",
        actor="staff:7",
        reason="they told me",
        now=timezone.now(),
    )


def absent(row: Fulfillment) -> None:
    repairs.declare_absent(
        fulfillment_id=row.pk, actor="staff:7", reason="they told me", now=timezone.now()
    )


def correct(row: Fulfillment, **changes: str) -> None:
    repairs.correct_and_resend(
        fulfillment_id=row.pk,
        ship_to={**row.ship_to, **changes},
        service="express",
        actor="staff:7",
        reason="the customer wrote",
        now=timezone.now(),
    )


@pytest.fixture
def refused(request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    warehouse.answers.append(REFUSED)
    return work(request_row)


@pytest.fixture
def unclear(request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    """A lost answer of a warehouse that can neither be asked nor be told twice."""
    Warehouse.objects.update(can_look_up=False, deduplicates=False)
    warehouse.answers.append(OutcomeUnknown("timeout"))
    return work(request_row)


class TestReasonClass:
    def test_a_refusal_waits_for_staff(self, refused: Fulfillment) -> None:
        assert (refused.state, refused.waits_for, refused.due_at) == (
            S.REJECTED,
            WaitsFor.STAFF,
            None,
        )
        assert alerts() == ["fulfillment_rejected"]

    def test_what_our_own_check_refused_waits_for_a_developer(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(WarehouseRejected("invalid_request", "Cannot be written"))

        assert work(request_row).waits_for == WaitsFor.DEVELOPER
        assert alerts() == ["fulfillment_rejected"]

    def test_a_warehouse_that_is_down_is_waited_for_however_long_it_takes(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, settings: Settings
    ) -> None:
        for _ in range(2 * settings.WMS_MOST_TRIES):
            warehouse.answers.append(WarehouseUnavailable("down"))
            row = work(request_row)

        assert (row.state, row.waits_for) == (S.READY, WaitsFor.NOBODY)
        assert row.due_at is not None
        assert row.due_at > timezone.now() + timedelta(seconds=100)
        assert alerts() == []

        assert work(row).waits_for == ""

    def test_what_is_turned_away_for_ever_grows_old_and_is_told_once(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        age = FULFILLMENT_AGE[S.READY]
        warehouse.answers.extend(WarehouseUnavailable("HTTP status 413") for _ in range(9))
        work(request_row)
        Fulfillment.objects.update(state_changed_at=timezone.now() - age)
        seen: list[str] = []
        for _ in range(3):
            warehouse.before_submit = lambda: seen.append(Fulfillment.objects.get().state)
            work(request_row)

        assert seen == [S.SUBMITTING] * 3
        assert [each.kind for each in queries.list_stuck(now=timezone.now())] == [
            "fulfillment_stuck"
        ]
        steps = TimelineEntry.objects.filter(kind__startswith="fulfillment.").order_by("id")
        assert list(steps.values_list("after", flat=True)) == ["submitting", "ready"]

    def test_what_was_turned_away_goes_on_being_in_doubt_when_its_answer_is_lost(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.extend([WarehouseUnavailable("down"), OutcomeUnknown("timeout")])
        work(request_row)
        Fulfillment.objects.update(state_changed_at=timezone.now() - timedelta(hours=1))

        row = work(request_row)

        assert row.state == S.SUBMIT_UNKNOWN
        assert row.first_sent_at is not None
        assert row.state_changed_at > timezone.now() - timedelta(minutes=1)

    def test_too_many_lost_answers_wait_for_the_warehouse(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, settings: Settings
    ) -> None:
        settings.WMS_MOST_TRIES = 3
        warehouse.answers.append(OutcomeUnknown("timeout"))
        warehouse.lookup_errors.extend([OutcomeUnknown("timeout"), OutcomeUnknown("timeout")])
        work(request_row)
        assert work(request_row).waits_for == WaitsFor.NOBODY

        row = work(request_row)

        assert (row.state, row.waits_for, row.due_at) == (
            S.SUBMIT_UNKNOWN,
            WaitsFor.WAREHOUSE,
            None,
        )
        assert alerts() == ["submission_unclear"]

    def test_too_many_refused_look_ups_wait_for_a_developer(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, settings: Settings
    ) -> None:
        settings.WMS_MOST_TRIES = 2
        warehouse.answers.append(OutcomeUnknown("timeout"))
        warehouse.lookup_errors.append(WarehouseRejected("X", "bad reference"))
        work(request_row)

        assert work(request_row).waits_for == WaitsFor.DEVELOPER
        assert alerts() == ["fulfillment_stopped"]

    def test_too_many_lost_answers_to_a_cancel_stop_it_too(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, settings: Settings
    ) -> None:
        settings.WMS_MOST_TRIES = 1
        row = work(request_row)
        warehouse.cancel_answers.append(OutcomeUnknown("timeout"))
        request_cancellation(
            order_id=row.order_id, reason="no", actor="customer", now=timezone.now()
        )

        row = work(row)
        assert (row.state, row.waits_for) == (S.CANCELLATION_REQUESTED, WaitsFor.WAREHOUSE)
        assert alerts() == ["fulfillment_stopped"]

        assert replay(row) == 1
        assert alerts() == []
        assert work(row).state == S.CANCELLED

    @pytest.mark.parametrize("who", [WaitsFor.STAFF, WaitsFor.WAREHOUSE, WaitsFor.DEVELOPER])
    def test_of_a_person_is_never_due(self, request_row: Fulfillment, who: WaitsFor) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Fulfillment.objects.update(waits_for=who)


class TestWarehouseThatCannotBeAsked:
    def test_but_knows_repetitions_gets_the_same_again(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Warehouse.objects.update(can_look_up=False)
        warehouse.is_deaf = True
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)

        assert work(request_row).state == S.ACCEPTED
        assert warehouse.looked_up == []
        assert len({sent.reference for sent in warehouse.submitted}) == 1
        assert len(warehouse.submitted) == 2

    def test_but_knows_repetitions_gets_nothing_while_the_order_is_held(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Warehouse.objects.update(can_look_up=False)
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)
        holds.hold(order_id=request_row.order_id, now=timezone.now())

        row = work(request_row)
        assert row.state == S.SUBMIT_UNKNOWN
        assert row.due_at is not None
        assert len(warehouse.submitted) == 1

        holds.resume(order_id=request_row.order_id, now=timezone.now())
        assert work(request_row).state == S.ACCEPTED

    def test_nor_knows_repetitions_gets_nothing_again(
        self, unclear: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert (unclear.state, unclear.waits_for, unclear.due_at) == (
            S.SUBMIT_UNKNOWN,
            WaitsFor.WAREHOUSE,
            None,
        )
        assert alerts() == ["submission_unclear"]

        assert replay(unclear) == 0
        Fulfillment.objects.update(waits_for="", due_at=timezone.now())
        assert work(unclear).waits_for == WaitsFor.WAREHOUSE
        assert len(warehouse.submitted) == 1

    def test_nor_knows_repetitions_gets_nothing_again_after_a_crash(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        def crash() -> None:
            raise SystemExit

        Warehouse.objects.update(can_look_up=False, deduplicates=False)
        warehouse.before_submit = crash
        with pytest.raises(SystemExit):
            work(request_row)

        row = work(request_row)

        assert (row.state, row.waits_for) == (S.SUBMIT_UNKNOWN, WaitsFor.WAREHOUSE)
        assert len(warehouse.submitted) == 1

    def test_may_be_tried_again_when_it_was_certainly_not_reached(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Warehouse.objects.update(can_look_up=False, deduplicates=False)
        warehouse.answers.append(WarehouseUnavailable("down"))
        assert work(request_row).state == S.READY

        assert work(request_row).state == S.ACCEPTED


class TestItArrived:
    def test_makes_it_accepted_under_its_number(
        self, unclear: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        arrived(unclear)

        row = Fulfillment.objects.get()
        assert (row.state, row.wms_number, row.waits_for) == (S.ACCEPTED, "W-77", "")
        assert alerts() == []
        assert (
            list(OutboxEvent.objects.values_list("name", flat=True)).count("fulfillment.accepted")
            == 1
        )
        entry = TimelineEntry.objects.get(kind="fulfillment.declared_arrived")
        assert (entry.actor, entry.reason) == ("staff:7", "they told me")
        assert len(warehouse.submitted) == 1

    def test_has_it_stopped_where_somebody_wanted_that(
        self, unclear: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(cancel_wanted_at=timezone.now())

        arrived(unclear)

        assert Fulfillment.objects.get().state == S.CANCELLATION_REQUESTED

    def test_needs_a_number(self, unclear: Fulfillment) -> None:
        with pytest.raises(ValueError, match="number"):
            repairs.declare_arrived(
                fulfillment_id=unclear.pk,
                wms_number=" ",
                actor="staff:7",
                reason="x",
                now=timezone.now(),
            )

    def test_is_not_said_of_what_is_found_out_by_itself(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        row = work(request_row)

        with pytest.raises(repairs.CannotRepair):
            arrived(row)
        with pytest.raises(repairs.CannotRepair):
            absent(row)


class TestItNeverArrived:
    def test_sends_it_again_under_the_same_reference(
        self, unclear: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        absent(unclear)
        assert alerts() == []

        assert work(unclear).state == S.ACCEPTED
        assert [sent.reference for sent in warehouse.submitted] == [unclear.reference] * 2
        entry = TimelineEntry.objects.get(kind="fulfillment.ready")
        assert (entry.actor, entry.reason) == ("staff:7", "they told me")

    def test_cancels_it_where_somebody_wanted_that(
        self, unclear: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(cancel_wanted_at=timezone.now())

        absent(unclear)

        assert work(unclear).state == S.CANCELLED
        assert len(warehouse.submitted) == 1
        assert levels()["MUG"] == (10, 0)

    def test_puts_it_aside_where_its_order_is_held(self, unclear: Fulfillment) -> None:
        holds.hold(order_id=unclear.order_id, now=timezone.now())

        absent(unclear)

        assert Fulfillment.objects.get().state == S.ON_HOLD

    def test_needs_a_reason(self, unclear: Fulfillment) -> None:
        with pytest.raises(ValueError, match="reason"):
            repairs.declare_absent(
                fulfillment_id=unclear.pk, actor="staff:7", reason=" ", now=timezone.now()
            )


def stopped(row: Fulfillment) -> Fulfillment:
    repairs.declare_cancelled(
        fulfillment_id=row.pk, actor="staff:7", reason="they told me", now=timezone.now()
    )
    return Fulfillment.objects.get(pk=row.pk)


def hear_cancelled(row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    found = warehouse.show(row.reference, "cancelled")
    shipments.record(warehouse_id=row.warehouse_id, found=found)
    return Fulfillment.objects.get(pk=row.pk)


class TestItWasCancelledThere:
    @pytest.fixture
    def found(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
        """It arrived, its answer was lost, and the warehouse cancelled it."""
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)
        warehouse.show(request_row.reference, "cancelled")
        return work(request_row)

    def test_is_not_a_refusal_where_a_look_up_finds_it(
        self, found: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert (found.state, found.waits_for, found.due_at) == (
            S.SUBMIT_UNKNOWN,
            WaitsFor.WAREHOUSE,
            None,
        )
        assert found.wms_number == "W-1"
        assert alerts() == ["submission_unclear"]
        assert levels()["MUG"] == (10, 2)

        replay(found)
        assert work(found).state == S.SUBMIT_UNKNOWN
        assert len(warehouse.submitted) == 1

    def test_ends_it_and_gives_its_units_back(self, found: Fulfillment) -> None:
        assert stopped(found).state == S.CANCELLED

        assert levels()["MUG"] == (10, 0)
        assert alerts() == []
        entry = TimelineEntry.objects.get(kind="fulfillment.cancelled")
        assert (entry.actor, entry.reason) == ("staff:7", "they told me")
        assert OutboxEvent.objects.filter(name="fulfillment.cancelled").count() == 1

    @pytest.mark.parametrize("state", [S.SUBMITTING, S.SUBMIT_UNKNOWN])
    def test_waits_for_a_person_where_the_list_tells_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, state: str
    ) -> None:
        Fulfillment.objects.update(state=state, first_sent_at=timezone.now())

        row = hear_cancelled(request_row, warehouse)

        assert (row.state, row.waits_for, row.due_at) == (
            S.SUBMIT_UNKNOWN,
            WaitsFor.WAREHOUSE,
            None,
        )
        assert alerts() == ["submission_unclear"]
        assert stopped(row).state == S.CANCELLED

    @pytest.mark.parametrize("state", [S.SUBMITTED, S.ACCEPTED, S.IN_PROGRESS])
    def test_ends_what_it_had_accepted(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, state: str
    ) -> None:
        work(request_row)
        Fulfillment.objects.update(state=state)

        row = hear_cancelled(request_row, warehouse)
        assert alerts() == ["warehouse_disagrees"]

        assert stopped(row).state == S.CANCELLED
        assert alerts() == []

    def test_ends_what_it_had_called_too_late(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        request_cancellation(
            order_id=row.order_id, reason="no", actor="customer", now=timezone.now()
        )
        assert work(row).is_too_late

        assert stopped(hear_cancelled(row, warehouse)).state == S.CANCELLED

    def test_is_not_said_of_what_does_not_wait_for_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        with pytest.raises(repairs.CannotRepair):
            stopped(work(request_row))

    def test_needs_a_reason(self, found: Fulfillment) -> None:
        with pytest.raises(ValueError, match="reason"):
            repairs.declare_cancelled(
                fulfillment_id=found.pk, actor="staff:7", reason=" ", now=timezone.now()
            )


class TestCorrectAndResend:
    def test_sends_the_next_sequence_of_the_same_reference(
        self, refused: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        correct(refused, line1=" 13 St James's Square ")
        assert alerts() == []

        assert work(refused).state == S.ACCEPTED
        first, second = warehouse.submitted
        assert (first.reference, first.sequence) == (refused.reference, 1)
        assert (second.reference, second.sequence) == (refused.reference, 2)
        assert (second.ship_to.line1, second.service) == ("13 St James's Square", "express")

    def test_keeps_what_was_wrong_out_of_the_story(self, refused: Fulfillment) -> None:
        correct(refused)

        entry = TimelineEntry.objects.get(kind="fulfillment.ready")
        assert (entry.actor, entry.reason) == ("staff:7", "the customer wrote")
        assert entry.data == {"reference": refused.reference}

    def test_is_certainly_not_there_until_it_is_sent(
        self, refused: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        correct(refused)

        assert discard(refused) == 1
        assert warehouse.cancelled == []

    def test_waits_where_the_order_is_held(self, refused: Fulfillment) -> None:
        holds.hold(order_id=refused.order_id, now=timezone.now())

        correct(refused)

        row = Fulfillment.objects.get()
        assert (row.state, row.due_at) == (S.ON_HOLD, None)

    @pytest.mark.parametrize("part", ["name", "line1", "city", "country"])
    def test_needs_a_whole_address(self, refused: Fulfillment, part: str) -> None:
        with pytest.raises(ValueError, match="whole"):
            correct(refused, **{part: " "})

    def test_is_only_for_what_was_refused(self, request_row: Fulfillment) -> None:
        with pytest.raises(repairs.CannotRepair):
            correct(request_row)


class TestReplay:
    def test_sends_what_was_refused_as_the_next_sequence(
        self, refused: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert replay(refused) == 1
        assert replay(refused) == 0

        assert work(refused).sequence == 2
        assert alerts() == []

    def test_makes_due_what_waits_for_the_warehouse(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(WarehouseUnavailable("down"))
        work(request_row)
        Fulfillment.objects.update(due_at=timezone.now() + timedelta(hours=1))

        assert replay(request_row) == 1

        row = Fulfillment.objects.get()
        assert row.due_at is not None
        assert row.due_at <= timezone.now()
        entry = TimelineEntry.objects.get(kind="fulfillment.replayed")
        assert (entry.actor, entry.reason) == ("staff:7", "they say it works now")

    def test_looks_up_first_what_may_have_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, settings: Settings
    ) -> None:
        settings.WMS_MOST_TRIES = 1
        warehouse.is_deaf = True
        warehouse.answers.append(OutcomeUnknown("timeout"))
        row = work(request_row)
        assert row.waits_for == WaitsFor.WAREHOUSE

        assert replay(row) == 1

        assert work(row).state == S.ACCEPTED
        assert len(warehouse.submitted) == 1

    def test_leaves_alone_what_waits_for_its_day(self, request_row: Fulfillment) -> None:
        tomorrow = timezone.now() + timedelta(days=1)
        Fulfillment.objects.update(due_at=tomorrow)

        assert replay(request_row) == 0
        assert Fulfillment.objects.get().due_at == tomorrow

    def test_leaves_alone_what_somebody_works_on(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)
        Fulfillment.objects.update(lease_until=timezone.now() + timedelta(seconds=50))

        assert replay(request_row) == 0

    def test_leaves_alone_what_the_warehouse_has(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert replay(work(request_row)) == 0

    def test_needs_a_reason(self, refused: Fulfillment) -> None:
        with pytest.raises(ValueError, match="reason"):
            dead_letters.replay(
                fulfillment_ids=[refused.pk], actor="staff:7", reason=" ", now=timezone.now()
            )

    def test_leaves_the_alert_while_another_request_of_the_order_has_it(
        self, refused: Fulfillment
    ) -> None:
        Fulfillment.objects.create(
            order_id=refused.order_id,
            warehouse=refused.warehouse,
            reference="second",
            number=2,
            order_number=refused.order_number,
            service="standard",
            ship_to=refused.ship_to,
            state=S.REJECTED,
            waits_for=WaitsFor.STAFF,
        )

        replay(refused)
        assert alerts() == ["fulfillment_rejected"]

        replay(*Fulfillment.objects.filter(number=2))
        assert alerts() == []


class TestDiscard:
    def test_cancels_what_was_refused(self, refused: Fulfillment) -> None:
        assert discard(refused) == 1

        row = Fulfillment.objects.get()
        assert row.state == S.CANCELLED
        assert levels()["MUG"] == (10, 0)
        assert alerts() == []
        assert discard(row) == 0

    def test_cancels_what_was_never_sent(self, request_row: Fulfillment) -> None:
        assert discard(request_row) == 1

    def test_cancels_what_was_turned_away(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(WarehouseUnavailable("down"))

        assert discard(work(request_row)) == 1

    def test_leaves_alone_what_may_have_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        assert discard(work(request_row)) == 0

        work(request_row)
        assert discard(work(request_row)) == 0

    def test_needs_a_reason(self, refused: Fulfillment) -> None:
        with pytest.raises(ValueError, match="reason"):
            dead_letters.discard(
                fulfillment_ids=[refused.pk], actor="staff:7", reason="", now=timezone.now()
            )


class TestResumeWaiting:
    @pytest.fixture
    def waiting(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> list[Fulfillment]:
        """Three requests that a warehouse which is down did not get."""
        rows = [request_row, *(open_request(builders.place({"MUG": 1})) for _ in range(2))]
        warehouse.answers.extend(WarehouseUnavailable("down") for _ in rows)
        work(request_row)
        Fulfillment.objects.update(due_at=timezone.now() + timedelta(hours=1))
        return rows

    def resume(self, row: Fulfillment) -> list[float]:
        """Resume; return in how many seconds each request is due."""
        now = timezone.now()
        dead_letters.resume_waiting(warehouse_id=row.warehouse_id, now=now)
        rows = Fulfillment.objects.order_by("pk").values_list("due_at", flat=True)
        return [round((due - now).total_seconds(), 3) for due in rows if due is not None]

    def test_makes_all_due_one_after_the_other(
        self, waiting: list[Fulfillment], settings: Settings
    ) -> None:
        settings.WMS_RATE_PER_SECOND = 10.0

        assert self.resume(waiting[0]) == [0.0, 0.1, 0.2]
        assert set(Fulfillment.objects.values_list("tries", flat=True)) == {0}

    def test_makes_all_due_at_once_without_a_limit(
        self, waiting: list[Fulfillment], settings: Settings
    ) -> None:
        settings.WMS_RATE_PER_SECOND = 0.0

        assert self.resume(waiting[0]) == [0.0, 0.0, 0.0]

    def test_goes_on_counting_tries_that_the_warehouse_got(
        self, waiting: list[Fulfillment]
    ) -> None:
        Fulfillment.objects.update(tries=20)

        self.resume(waiting[0])

        assert set(Fulfillment.objects.values_list("tries", flat=True)) == {20}

    @pytest.mark.parametrize(
        "change",
        [
            {"waits_for": ""},
            {"lease_until": timezone.now() + timedelta(hours=1)},
        ],
        ids=["waits for its day", "somebody works on it"],
    )
    def test_leaves_alone(self, waiting: list[Fulfillment], change: dict[str, object]) -> None:
        Fulfillment.objects.update(**change)

        assert min(self.resume(waiting[0])) > 3_000

    def test_leaves_other_warehouses_alone(self, waiting: list[Fulfillment]) -> None:
        north = Warehouse.objects.create(code="north", name="North")
        Fulfillment.objects.filter(pk=waiting[0].pk).update(warehouse=north)

        assert self.resume(waiting[1])[0] > 3_000
