"""What the warehouse says it has done is recorded once, however often it says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment import queries
from fulfillment.gateways.wms import WarehouseLine, WarehouseShipment
from fulfillment.models import Fulfillment, FulfillmentLine, Reservation, Shipment
from fulfillment.services import cancelling, sending, shipments, stock
from fulfillment.states import FULFILLMENT_AGE, FulfillmentState, WaitsFor
from globalmart.core.db import constraint_name
from globalmart.core.models import Alert, OutboxEvent
from tests.fulfillment.conftest import levels
from tests.fulfillment.fakes import FakeWarehouse, parcel

ALL: Any = {"MUG": 2, "CUP": 1}


@pytest.fixture
def accepted(request_row: Fulfillment) -> Fulfillment:
    due = Fulfillment.objects.all()
    ((key, token),) = due.lease(now=timezone.now(), limit=1, lease_seconds=50)
    sending.submit(fulfillment_id=key, token=token)
    return Fulfillment.objects.get()


def hear(
    row: Fulfillment,
    warehouse: FakeWarehouse,
    status: Any,
    *parcels: WarehouseShipment,
    lines: tuple[WarehouseLine, ...] = (),
) -> Fulfillment:
    found = warehouse.show(row.reference, status, *parcels, lines=lines)
    shipments.record(warehouse_id=row.warehouse_id, found=found)
    return Fulfillment.objects.get(pk=row.pk)


def dispatched() -> int:
    return OutboxEvent.objects.filter(name="shipment.dispatched").count()


class TestRecord:
    def test_books_a_parcel_with_its_tracking(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = hear(accepted, warehouse, "shipped", parcel(**ALL))

        assert row.state == FulfillmentState.SHIPPED
        (found,) = queries.list_shipments([row.order_id])[row.order_id]
        assert (found.carrier, found.tracking_number) == ("Royal Mail", "RM-P-1")
        assert found.lines == (("CUP", 1), ("MUG", 2))
        assert levels() == {"MUG": (8, 0), "CUP": (4, 0)}
        assert queries.summaries([row.order_id]) == {row.order_id: "fulfilled"}

    def test_takes_whatever_the_contract_allows(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        wide = replace(parcel("P" * 64, **ALL), carrier="C" * 500, tracking_number="9" * 500)

        row = hear(accepted, warehouse, "shipped", wide)

        assert row.state == FulfillmentState.SHIPPED

    def test_keeps_a_row_that_cannot_be_stored_from_stopping_all_others(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        broken = replace(parcel(**ALL), tracking_number="9" * 501)

        row = hear(accepted, warehouse, "shipped", broken)

        assert row.state == FulfillmentState.ACCEPTED
        assert "9999" not in Alert.objects.get(kind="warehouse_disagrees").detail

    def test_closes_the_alert_once_the_same_request_can_be_recorded(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "shipped", replace(parcel(**ALL), tracking_number="9" * 501))

        hear(accepted, warehouse, "shipped", parcel(**ALL))

        assert not Alert.objects.filter(closed_at=None).exists()

    def test_leaves_the_alert_that_is_about_another_request(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Alert.objects.create(
            kind="warehouse_disagrees",
            subject_type="order",
            subject_id=accepted.order_id,
            detail=f"The warehouse on {accepted.order_number}-2: picking cannot be recorded",
        )

        hear(accepted, warehouse, "shipped", parcel(**ALL))

        assert Alert.objects.filter(closed_at=None).exists()

    def test_alarms_when_the_warehouse_cancels_of_its_own(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = hear(accepted, warehouse, "cancelled")

        assert row.state == FulfillmentState.ACCEPTED
        assert Alert.objects.filter(kind="warehouse_disagrees").exists()

    def test_changes_nothing_when_repeated(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        for _ in range(3):
            hear(accepted, warehouse, "partially_shipped", parcel(MUG=1))
        for _ in range(3):
            hear(accepted, warehouse, "shipped", parcel(MUG=1), parcel("P-2", MUG=1, CUP=1))

        assert Shipment.objects.count() == dispatched() == 2
        assert levels() == {"MUG": (8, 0), "CUP": (4, 0)}

    def test_goes_through_partial_shipments(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = hear(accepted, warehouse, "picking")
        assert row.state == FulfillmentState.IN_PROGRESS
        row = hear(accepted, warehouse, "partially_shipped", parcel(MUG=2))
        assert row.state == FulfillmentState.PARTIALLY_SHIPPED
        assert queries.summaries([row.order_id]) == {row.order_id: "partially_fulfilled"}
        assert levels() == {"MUG": (8, 0), "CUP": (5, 1)}
        row = hear(accepted, warehouse, "shipped", parcel(MUG=2), parcel("P-2", CUP=1))
        assert row.state == FulfillmentState.SHIPPED

    @pytest.mark.parametrize("wrong", [{"MUG": 3}, {"POT": 1}, {"MUG": 1, "POT": 1}, {"MUG": 0}])
    def test_books_no_parcel_that_does_not_fit(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, wrong: Any
    ) -> None:
        before = levels()

        hear(accepted, warehouse, "partially_shipped", parcel(**wrong))

        assert Alert.objects.get().kind == "shipment_does_not_fit"
        assert (Shipment.objects.count(), dispatched()) == (0, 0)
        assert levels() == before

    @pytest.mark.parametrize(
        "state", [FulfillmentState.SUBMITTING, FulfillmentState.SUBMIT_UNKNOWN]
    )
    def test_learns_from_the_poll_what_the_lost_answer_would_have_said(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, state: str
    ) -> None:
        Fulfillment.objects.update(state=state, first_sent_at=timezone.now())

        row = hear(request_row, warehouse, "shipped", parcel(**ALL))

        assert (row.state, row.due_at) == (FulfillmentState.SHIPPED, None)
        assert OutboxEvent.objects.filter(name="fulfillment.accepted").count() == 1

    @pytest.mark.parametrize("is_known", [True, False])
    def test_lets_goods_win_over_a_sending_that_seemed_to_fail(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, is_known: bool
    ) -> None:
        Fulfillment.objects.update(first_sent_at=timezone.now() if is_known else None)

        row = hear(request_row, warehouse, "shipped", parcel(**ALL))

        assert row.state == FulfillmentState.SHIPPED

    def test_alarms_at_a_reference_that_is_not_ours(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        found = warehouse.show("GM-GRACE-1", "shipped", parcel(MUG=1))

        shipments.record(warehouse_id=accepted.warehouse_id, found=found)

        assert Alert.objects.get().kind == "warehouse_order_unknown"
        assert not Shipment.objects.exists()


def want_stopped(row: Fulfillment) -> Fulfillment:
    cancelling.request_cancellation(
        order_id=row.order_id, reason="not wanted", actor="customer", now=timezone.now()
    )
    found = Fulfillment.objects.get(pk=row.pk)
    assert found.cancel_wanted_at is not None
    return found


def told(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()


def missing(**units: int) -> tuple[WarehouseLine, ...]:
    """The warehouse's lines, of which so many units are missing."""
    return tuple(
        WarehouseLine(sku, asked, asked - units.get(sku, 0), units.get(sku, 0), "broken")
        for sku, asked in ALL.items()
    )


class TestOutOfOrder:
    def test_lowers_nothing_that_is_told_late(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "shipped", parcel(MUG=2), parcel("P-2", CUP=1))
        for status, parcels in (("picking", ()), ("partially_shipped", (parcel(MUG=2),))):
            row = hear(accepted, warehouse, status, *parcels)

        assert row.state == FulfillmentState.SHIPPED
        assert Shipment.objects.count() == dispatched() == 2

    def test_takes_one_shipment_id_for_one_parcel(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "partially_shipped", parcel(MUG=1), parcel(MUG=1))

        assert Shipment.objects.count() == 1
        assert levels()["MUG"] == (9, 1)

    def test_alarms_at_a_parcel_more_than_was_asked_for(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "shipped", parcel(**ALL))
        hear(accepted, warehouse, "shipped", parcel(**ALL), parcel("P-2", CUP=1))

        assert Alert.objects.get().kind == "shipment_does_not_fit"
        assert Shipment.objects.count() == 1


class TestWantedStopped:
    def test_is_cancelled_when_the_list_says_so(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        want_stopped(accepted)

        for _ in range(2):
            row = hear(accepted, warehouse, "cancelled")

        assert row.state == FulfillmentState.CANCELLED
        assert told("fulfillment.cancelled") == 1
        assert levels() == {"MUG": (10, 0), "CUP": (5, 0)}
        assert not Alert.objects.exists()

    def test_ships_when_the_goods_were_faster(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        want_stopped(accepted)

        row = hear(accepted, warehouse, "partially_shipped", parcel(MUG=2))
        assert (row.state, row.is_too_late) == (FulfillmentState.PARTIALLY_SHIPPED, True)
        row = hear(accepted, warehouse, "shipped", parcel(MUG=2), parcel("P-2", CUP=1))

        assert (row.state, row.due_at) == (FulfillmentState.SHIPPED, None)
        assert told("fulfillment.cancellation_refused") == 1
        assert told("fulfillment.accepted") == 1
        assert dispatched() == 2

    def test_tells_the_house_of_the_warehouse_that_had_it_after_all(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(first_sent_at=timezone.now())
        want_stopped(request_row)

        row = hear(request_row, warehouse, "shipped", parcel(**ALL))

        assert row.state == FulfillmentState.SHIPPED
        assert told("fulfillment.accepted") == told("fulfillment.cancellation_refused") == 1

    def test_goes_on_waiting_for_the_answer_while_it_is_picked(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        want_stopped(accepted)
        row = hear(accepted, warehouse, "picking")
        assert row.state == FulfillmentState.CANCELLATION_REQUESTED
        assert row.due_at is not None

    def test_is_stopped_at_the_warehouse_that_turns_out_to_have_it(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        Fulfillment.objects.update(
            state=FulfillmentState.SUBMIT_UNKNOWN, first_sent_at=timezone.now()
        )
        want_stopped(request_row)

        row = hear(request_row, warehouse, "received")

        assert row.state == FulfillmentState.CANCELLATION_REQUESTED
        assert row.due_at is not None

    def test_is_cancelled_when_nothing_of_it_was_found(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        want_stopped(accepted)
        row = hear(accepted, warehouse, "closed_short", lines=missing(**ALL))
        assert row.state == FulfillmentState.CANCELLED
        assert told("fulfillment.closed_short") == 0

    @pytest.mark.parametrize(
        ("status", "seconds", "alarms"),
        [
            ("picking", 61, 1),
            ("picking", 30, 0),
            ("cancelled", 61, 0),
            ("closed_short", 61, 0),
        ],
    )
    def test_alarms_where_the_warehouse_goes_on_with_what_is_cancelled(
        self,
        accepted: Fulfillment,
        warehouse: FakeWarehouse,
        status: str,
        seconds: int,
        alarms: int,
    ) -> None:
        want_stopped(accepted)
        hear(accepted, warehouse, "cancelled")
        Fulfillment.objects.update(state_changed_at=timezone.now() - timedelta(seconds=seconds))

        for _ in range(2):
            row = hear(accepted, warehouse, status)

        assert row.state == FulfillmentState.CANCELLED
        assert Alert.objects.filter(kind="warehouse_disagrees").count() == alarms

    def test_alarms_at_a_parcel_of_what_it_had_cancelled(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        want_stopped(accepted)
        hear(accepted, warehouse, "cancelled")
        before = levels()

        row = hear(accepted, warehouse, "shipped", parcel(**ALL))

        assert row.state == FulfillmentState.CANCELLED
        assert Alert.objects.get().kind == "warehouse_disagrees"
        assert (levels(), dispatched()) == (before, 0)


class TestCancelledUnasked:
    def test_waits_for_the_warehouse(self, accepted: Fulfillment, warehouse: FakeWarehouse) -> None:
        row = hear(accepted, warehouse, "cancelled")

        assert (row.state, row.waits_for) == (FulfillmentState.ACCEPTED, WaitsFor.WAREHOUSE)
        assert Alert.objects.get().kind == "warehouse_disagrees"
        assert levels() == {"MUG": (10, 2), "CUP": (5, 1)}

    def test_goes_on_when_the_warehouse_ships_after_all(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "cancelled")
        row = hear(accepted, warehouse, "shipped", parcel(**ALL))
        assert (row.state, row.waits_for) == (FulfillmentState.SHIPPED, "")


class TestClosedShort:
    def test_ends_with_what_is_missing_of_each_line(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        for _ in range(2):
            row = hear(
                accepted, warehouse, "closed_short", parcel(MUG=1), lines=missing(MUG=1, CUP=1)
            )

        assert row.state == FulfillmentState.INCOMPLETE
        lines = row.lines.order_by("sku").values_list("sku", "shipped", "short", "short_reason")
        assert list(lines) == [("CUP", 0, 1, "broken"), ("MUG", 1, 1, "broken")]
        assert told("fulfillment.closed_short") == 1
        # Not on the shelf, and promised to nobody.
        assert levels() == {"MUG": (8, 0), "CUP": (4, 0)}
        states = Reservation.objects.values_list("sku", "state", "shipped")
        assert set(states) == {("MUG", "backordered", 1), ("CUP", "backordered", 0)}

    def test_takes_all_that_is_open_for_missing_where_no_lines_are_named(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = hear(accepted, warehouse, "closed_short", parcel(CUP=1))
        assert row.state == FulfillmentState.INCOMPLETE
        assert row.lines.get(sku="MUG").short == 2

    @pytest.mark.parametrize("units", [{"MUG": 1}, {"MUG": 2, "CUP": 1}, {}])
    def test_alarms_and_waits_where_the_counts_do_not_add_up(
        self, accepted: Fulfillment, warehouse: FakeWarehouse, units: dict[str, int]
    ) -> None:
        row = hear(accepted, warehouse, "closed_short", parcel(CUP=1), lines=missing(**units))

        assert row.state == FulfillmentState.PARTIALLY_SHIPPED
        assert Alert.objects.get().kind == "warehouse_disagrees"
        assert not row.lines.filter(short__gt=0).exists()
        assert told("fulfillment.closed_short") == 0

    def test_is_shipped_when_nothing_is_missing(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = hear(accepted, warehouse, "closed_short", parcel(**ALL), lines=missing())
        assert row.state == FulfillmentState.SHIPPED

    def test_leaves_the_order_unfinished_while_it_waits_for_the_rest(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "closed_short", parcel(MUG=2), lines=missing(CUP=1))
        order_id = accepted.order_id
        assert queries.summaries([order_id]) == {order_id: "partially_fulfilled"}

        stock.release_reservations(order_id=order_id)
        assert queries.summaries([order_id]) == {order_id: "fulfilled"}

    def test_of_everything_is_not_a_parcel(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "closed_short", lines=missing(**ALL))
        order_id = accepted.order_id
        assert queries.summaries([order_id]) == {order_id: "unfulfilled"}

        stock.release_reservations(order_id=order_id)
        assert queries.summaries([order_id]) == {order_id: "cancelled"}

    def test_books_no_parcel_of_what_was_missing(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "closed_short", parcel(MUG=1), lines=missing(MUG=1, CUP=1))
        row = hear(accepted, warehouse, "closed_short", parcel(MUG=1), parcel("P-2", CUP=1))

        assert row.state == FulfillmentState.INCOMPLETE
        assert Alert.objects.get().kind == "shipment_does_not_fit"
        assert dispatched() == 1


class TestListStuck:
    def test_names_a_request_past_its_age(self, request_row: Fulfillment) -> None:
        age = FULFILLMENT_AGE[FulfillmentState.READY]

        assert queries.list_stuck(now=timezone.now()) == []
        (found,) = queries.list_stuck(now=timezone.now() + age + timedelta(seconds=5))

        assert (found.kind, found.subject_id) == ("fulfillment_stuck", request_row.order_id)


class TestConstraints:
    @pytest.mark.parametrize(
        ("model", "changes", "name"),
        [
            (FulfillmentLine, {"quantity": 0}, "shipped_within_quantity"),
            (FulfillmentLine, {"shipped": 3}, "shipped_within_quantity"),
            (Fulfillment, {"state": "lost"}, "fulfillment_state_known"),
        ],
    )
    def test_refuse_what_cannot_be(
        self, request_row: Fulfillment, model: type, changes: dict[str, object], name: str
    ) -> None:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            model.objects.update(**changes)  # type: ignore[attr-defined]

        assert constraint_name(caught.value) == name

    def test_refuse_a_second_parcel_of_the_same_id(
        self, accepted: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        hear(accepted, warehouse, "partially_shipped", parcel(MUG=1))
        row = Shipment.objects.get()
        row.pk, row.public_id = None, "shp_other"

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            row.save()

        assert constraint_name(caught.value) == "one_shipment_per_warehouse_id"
