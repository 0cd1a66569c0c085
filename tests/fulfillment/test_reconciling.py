"""Our requests and the warehouse's list are compared; what is safe is healed, the rest is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fulfillment.gateways.wms import OutcomeUnknown, WarehouseOrder
from fulfillment.models import Fulfillment, Shipment
from fulfillment.services import reconciling, sending, shipments
from fulfillment.services.comparing import FITS, Kind, Ours, compare
from fulfillment.states import FulfillmentState
from globalmart.core.models import Alert
from globalmart.core.reconciliation import Report, Unfinished
from tests.fulfillment.fakes import FakeWarehouse, parcel

S = FulfillmentState
ALL = {"MUG": 2, "CUP": 1}


def there(status: Any, *parcels: Any) -> WarehouseOrder:
    return WarehouseOrder("GM-1", "W-1", status, parcels)


def here(state: str, **parcels: dict[str, int]) -> Ours:
    return Ours(1, state, {key.replace("_", "-"): units for key, units in parcels.items()})


@pytest.fixture
def accepted(request_row: Fulfillment) -> Fulfillment:
    due = Fulfillment.objects.all()
    ((key, token),) = due.lease(now=timezone.now(), limit=1, lease_seconds=50)
    sending.submit(fulfillment_id=key, token=token)
    return age(request_row.pk)


def age(key: int) -> Fulfillment:
    """Let what has happened to the request be old enough to be compared."""
    old = timezone.now() - timedelta(minutes=5)
    Fulfillment.objects.filter(pk=key).update(state_changed_at=old, first_sent_at=old)
    return Fulfillment.objects.get(pk=key)


def reconcile(*, apply: bool = True, since: datetime | None = None) -> Report:
    return reconciling.reconcile(since=since, apply=apply, progress=lambda *_: None)


class TestCompare:
    @pytest.mark.parametrize("status", FITS)
    def test_agrees_on_what_fits(self, status: str) -> None:
        for state in FITS[status]:
            assert compare(here(state), there(status)) is None

    @pytest.mark.parametrize("status", FITS)
    def test_differs_on_every_other_state(self, status: str) -> None:
        asked = {S.CANCELLATION_REQUESTED} if status == "cancelled" else set()
        for state in set(S.values) - FITS[status] - asked:
            assert compare(here(state), there(status)) is not None

    def test_waits_for_the_answer_to_a_cancellation(self) -> None:
        assert compare(here(S.CANCELLATION_REQUESTED), there("cancelled")) is Kind.STATE

    @pytest.mark.parametrize(
        ("ours", "theirs", "kind"),
        [
            (None, there("received"), Kind.MISSING_HERE),
            (here(S.CANCELLED), there("picking"), Kind.ALIVE_THERE),
            (here(S.CANCELLED), there("shipped", parcel(MUG=1)), Kind.SHIPPED_CANCELLED),
            (here(S.ACCEPTED), there("cancelled"), Kind.CANCELLED_THERE),
            (here(S.ACCEPTED), there("shipped", parcel(MUG=1)), Kind.PARCEL_MISSING),
            (
                here(S.SHIPPED, P_1={"MUG": 2}),
                there("shipped", parcel(MUG=1)),
                Kind.PARCEL_DIFFERS,
            ),
            (here(S.ACCEPTED), there("packed"), Kind.STATE),
        ],
    )
    def test_names_the_kind(self, ours: Ours | None, theirs: WarehouseOrder, kind: Kind) -> None:
        assert compare(ours, theirs) is kind


class TestReconcile:
    def test_finds_nothing_where_nothing_differs(self, accepted: Fulfillment) -> None:
        report = reconcile()

        assert report.compared == {"orders": 1}
        assert not report.found

    def test_heals_a_parcel_that_no_poll_has_told(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))

        report = reconcile()

        assert (report.found, report.healed) == ({Kind.PARCEL_MISSING: 1},) * 2
        assert Fulfillment.objects.get().state == S.SHIPPED
        assert Shipment.objects.count() == 1

    def test_changes_nothing_unless_told(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))

        report = reconcile(apply=False)

        assert report.found == {Kind.PARCEL_MISSING: 1}
        assert not report.healed
        assert Fulfillment.objects.get().state == S.ACCEPTED
        assert not Alert.objects.exists()

    def test_tells_a_person_what_it_cannot_heal_and_when_that_is_over(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "cancelled")

        report = reconcile()

        assert report.found == {Kind.CANCELLED_THERE: 1}
        assert report.unhealed == 1
        alert = Alert.objects.get(kind="warehouse_differs")
        assert (alert.subject_type, alert.subject_id) == ("order", accepted.order_id)
        assert "cancelled_there" in alert.detail
        warehouse.show(accepted.reference, "received")
        assert reconcile().closed == 1
        alert.refresh_from_db()
        assert alert.closed_at is not None

    def test_misses_what_the_warehouse_has_forgotten(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.orders.clear()
        warehouse.changes.clear()

        report = reconcile()

        assert report.found == {Kind.MISSING_THERE: 1}
        assert warehouse.looked_up[-1] == accepted.reference

    def test_looks_up_what_the_list_leaves_out(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.changes.clear()

        report = reconcile()

        assert report.compared == {"orders": 1}
        assert not report.found

    def test_finds_an_order_that_is_not_ours(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show("SOMEBODY-1", "received")

        assert reconcile().found == {Kind.MISSING_HERE: 1}
        assert Alert.objects.filter(kind="warehouse_order_unknown").exists()

    def test_leaves_what_has_just_moved_alone(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        Fulfillment.objects.update(state_changed_at=timezone.now())

        report = reconcile()

        assert report.compared == {"under way": 1}
        assert not report.found

    def test_reads_every_page(self, accepted: Fulfillment, warehouse: FakeWarehouse) -> None:
        warehouse.page_size = 1
        for number in range(3):
            warehouse.show(f"SOMEBODY-{number}", "received")

        assert reconcile().found == {Kind.MISSING_HERE: 3}

    def test_says_when_the_warehouse_did_not_answer_to_the_end(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.poll_errors.append(OutcomeUnknown("silence"))

        with pytest.raises(Unfinished, match="silence"):
            reconcile()

    def test_finds_goods_that_left_for_a_cancelled_order(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(state=S.CANCELLED)
        found = warehouse.show(accepted.reference, "shipped", parcel(**ALL))
        shipments.record(warehouse_id=accepted.warehouse_id, found=found)

        assert reconcile().found == {Kind.SHIPPED_CANCELLED: 1}


class TestNightly:
    def test_tells_while_it_was_not_finished(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.poll_errors.append(OutcomeUnknown("silence"))

        assert reconciling.reconcile_nightly(now=timezone.now()) is None
        alert = Alert.objects.get(kind="warehouse_not_compared")
        assert "silence" in alert.detail
        assert reconciling.reconcile_nightly(now=timezone.now()) is not None
        alert.refresh_from_db()
        assert alert.closed_at is not None

    def test_ends_before_its_job_would_be_ended(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciling, "JOB_SECONDS", -1.0)

        assert reconciling.reconcile_nightly(now=timezone.now()) is None
        assert Alert.objects.filter(kind="warehouse_not_compared").exists()


class TestCommand:
    def test_tells_by_its_exit_code(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("reconcile", "warehouse", "--apply")
        assert "Nothing differs." in capsys.readouterr().out
        warehouse.show(accepted.reference, "cancelled")

        with pytest.raises(SystemExit, match="1"):
            call_command("reconcile", "warehouse")

        assert "cancelled_there" in capsys.readouterr().out

    def test_fails_where_the_warehouse_is_silent(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.poll_errors.append(OutcomeUnknown("silence"))

        with pytest.raises(CommandError, match="silence"):
            call_command("reconcile", "warehouse")
