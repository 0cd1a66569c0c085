"""Requests of held orders stay here; what has left for the warehouse stays there, with an alarm."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from fulfillment.gateways.wms import OutcomeUnknown, WarehouseUnavailable
from fulfillment.jobs import work_request
from fulfillment.models import Fulfillment
from fulfillment.services import holds, shipments
from fulfillment.states import FulfillmentState
from globalmart.core.models import Alert, TimelineEntry
from tests import builders
from tests.fulfillment.conftest import open_request
from tests.fulfillment.fakes import FakeWarehouse

S = FulfillmentState


def hold(row: Fulfillment) -> list[str]:
    return holds.hold(order_id=row.order_id, now=timezone.now())


def resume(row: Fulfillment) -> None:
    holds.resume(order_id=row.order_id, now=timezone.now())


def state(row: Fulfillment) -> str:
    return Fulfillment.objects.get(pk=row.pk).state


def work(row: Fulfillment) -> Fulfillment:
    """What the job does with a row that is due, without the waiting."""
    Fulfillment.objects.filter(due_at__isnull=False).update(due_at=timezone.now(), lease_until=None)
    for lease in Fulfillment.objects.all().lease(now=timezone.now(), limit=9, lease_seconds=50):
        work_request(lease)
    return Fulfillment.objects.get(pk=row.pk)


def stops() -> list[str]:
    """Open alerts about parcels to be stopped."""
    rows = Alert.objects.filter(kind="parcel_to_stop", closed_at__isnull=True)
    return list(rows.values_list("detail", flat=True))


class TestHold:
    def test_puts_a_ready_request_aside(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert hold(request_row) == []

        row = work(request_row)
        assert (row.state, row.due_at, row.is_held) == (S.ON_HOLD, None, True)
        assert warehouse.submitted == []
        assert stops() == []

    def test_changes_nothing_the_second_time(self, request_row: Fulfillment) -> None:
        hold(request_row)
        hold(request_row)

        assert TimelineEntry.objects.filter(kind="fulfillment.on_hold").count() == 1

    def test_stops_a_request_that_a_worker_has_claimed_already(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        due = Fulfillment.objects.all()
        (lease,) = due.lease(now=timezone.now(), limit=9, lease_seconds=50)
        hold(request_row)

        work_request(lease)

        assert warehouse.submitted == []

    def test_alarms_for_what_the_warehouse_has(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        work(request_row)

        assert hold(request_row) == [request_row.reference]

        assert state(request_row) == S.ACCEPTED
        assert request_row.reference in stops()[0]

    def test_leaves_what_has_shipped_alone(self, request_row: Fulfillment) -> None:
        Fulfillment.objects.update(state=S.SHIPPED)

        assert hold(request_row) == []
        assert not Fulfillment.objects.get().is_held
        assert stops() == []


class TestHoldWhileTheRequestIsOnItsWay:
    def test_alarms_and_keeps_what_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: hold(request_row)  # type: ignore[assignment]

        assert work(request_row).state == S.ACCEPTED
        assert len(stops()) == 1

    def test_keeps_what_did_not_arrive(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: hold(request_row)  # type: ignore[assignment]
        warehouse.answers.append(WarehouseUnavailable("closed"))

        assert work(request_row).state == S.ON_HOLD
        assert work(request_row).state == S.ON_HOLD
        assert len(warehouse.submitted) == 1

    def test_does_not_send_again_what_never_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)
        hold(request_row)
        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(seconds=90))

        row = work(request_row)

        assert (row.state, row.due_at) == (S.ON_HOLD, None)
        assert len(warehouse.submitted) == 1

    def test_still_sends_again_what_never_arrived_once_it_is_released(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        work(request_row)
        hold(request_row)
        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(seconds=90))
        work(request_row)

        resume(request_row)

        assert work(request_row).state == S.ACCEPTED
        assert len(warehouse.submitted) == 2

    def test_alarms_when_the_warehouse_has_it_after_all(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.before_submit = lambda: hold(request_row)  # type: ignore[assignment]
        warehouse.answers.append(WarehouseUnavailable("closed"))
        work(request_row)
        Alert.objects.all().delete()

        found = warehouse.show(request_row.reference)
        shipments.record(warehouse_id=request_row.warehouse_id, found=found)

        assert state(request_row) == S.ACCEPTED
        assert len(stops()) == 1


class TestResume:
    def test_lets_the_request_go(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        hold(request_row)
        resume(request_row)
        resume(request_row)

        assert work(request_row).state == S.ACCEPTED
        assert TimelineEntry.objects.filter(kind="fulfillment.ready").count() == 1

    def test_closes_the_alarm(self, request_row: Fulfillment, warehouse: FakeWarehouse) -> None:
        work(request_row)
        hold(request_row)

        resume(request_row)

        assert stops() == []
        assert not Fulfillment.objects.get().is_held


class TestOpenFulfillment:
    def test_waits_where_the_order_is_held(self, shop: None, warehouse: FakeWarehouse) -> None:
        row = open_request(builders.place({"MUG": 1}), is_held=True)

        assert (row.state, row.is_held, row.due_at) == (S.ON_HOLD, True, None)
        assert work(row).state == S.ON_HOLD


class TestConstraints:
    """Each rule holds in the database, too, where code forgets it."""

    @pytest.mark.parametrize(
        "change",
        [
            {"is_held": True},
            {"state": S.ON_HOLD, "is_held": True},
            {"state": S.ON_HOLD, "due_at": None},
        ],
        ids=["held and ready", "on hold and due", "on hold without a hold"],
    )
    def test_refuse(self, request_row: Fulfillment, change: dict[str, object]) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Fulfillment.objects.update(**change)

    def test_code_alone_keeps_a_held_request_here(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE;"
                "ALTER TABLE fulfillment_fulfillment DROP CONSTRAINT held_is_not_ready,"
                " DROP CONSTRAINT on_hold_waits_for_release"
            )
        hold(request_row)

        assert work(request_row).state == S.ON_HOLD
        assert warehouse.submitted == []
