"""What carriers tell moves a parcel ahead, never back, and is kept whatever it tells."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment import queries
from fulfillment.gateways.wms import CarrierEvent, CarrierState, WarehouseShipment
from fulfillment.models import Carrier, Fulfillment, Shipment, ShipmentEvent
from fulfillment.services import shipments, tracking
from fulfillment.states import SHIPMENT_AGE, FulfillmentState, ShipmentState
from globalmart.core.db import constraint_name
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from tests.builders import NOON
from tests.fulfillment.fakes import FakeWarehouse, parcel

ALL: Any = {"MUG": 2, "CUP": 1}


def scan(state: CarrierState, hours: float = 1, event_id: str = "") -> CarrierEvent:
    """What a carrier told so many hours after the parcel left."""
    at = NOON + timedelta(hours=hours)
    return CarrierEvent(event_id or f"{state}-{hours}", state, at, "told by the carrier")


@pytest.fixture
def row(request_row: Fulfillment) -> Fulfillment:
    Fulfillment.objects.update(state=FulfillmentState.ACCEPTED, wms_number="W-1", due_at=None)
    return Fulfillment.objects.get()


@pytest.fixture
def hear(row: Fulfillment, warehouse: FakeWarehouse) -> Any:
    """Have the warehouse tell of the order's one parcel with these events."""

    def told(*events: CarrierEvent, **changes: Any) -> Shipment:
        found: WarehouseShipment = replace(parcel("P-1", *events, **ALL), **changes)
        shown = warehouse.show(row.reference, "shipped", found)
        shipments.record(warehouse_id=row.warehouse_id, found=shown)
        return Shipment.objects.get()

    return told


def moves() -> list[str]:
    """The states that the house was told of."""
    rows = OutboxEvent.objects.filter(name="shipment.moved").order_by("pk")
    return [each.payload["state"] for each in rows]


class TestHear:
    def test_moves_the_parcel_to_its_door(self, hear: Any) -> None:
        hear()
        hear(scan("in_transit", 1))
        hear(scan("in_transit", 1), scan("out_for_delivery", 20))
        found = hear(scan("in_transit", 1), scan("out_for_delivery", 20), scan("delivered", 22))

        assert found.state == ShipmentState.DELIVERED
        assert found.delivered_at == NOON + timedelta(hours=22)
        assert moves() == ["out_for_delivery", "delivered"]
        kinds = TimelineEntry.objects.filter(kind__startswith="shipment.").order_by("pk")
        assert list(kinds.values_list("kind", flat=True)) == [
            "shipment.dispatched",
            "shipment.out_for_delivery",
            "shipment.delivered",
        ]

    def test_tells_each_move_once_however_often_it_is_told(self, hear: Any) -> None:
        for _ in range(3):
            hear(scan("out_for_delivery"), scan("delivered", 2))

        assert moves() == ["out_for_delivery", "delivered"]
        assert ShipmentEvent.objects.count() == 2

    def test_takes_events_in_the_order_of_their_times(self, hear: Any) -> None:
        found = hear(scan("delivered", 3), scan("attempt_failed", 2), scan("out_for_delivery", 1))

        assert found.state == ShipmentState.DELIVERED
        assert moves() == ["out_for_delivery", "attempt_failed", "delivered"]

    def test_keeps_what_tells_of_the_past_and_stays(self, hear: Any) -> None:
        hear(scan("out_for_delivery", 5))
        found = hear(scan("out_for_delivery", 5), scan("in_transit", 2), scan("label_created", -3))

        assert found.state == ShipmentState.OUT_FOR_DELIVERY
        assert moves() == ["out_for_delivery"]
        assert ShipmentEvent.objects.count() == 3
        assert found.state_changed_at == NOON + timedelta(hours=5)

    def test_lets_no_late_scan_undo_or_make_trouble(self, hear: Any) -> None:
        hear(scan("attempt_failed", 5))
        assert hear(scan("out_for_delivery", 4)).state == ShipmentState.ATTEMPT_FAILED
        assert hear(scan("out_for_delivery", 6)).state == ShipmentState.OUT_FOR_DELIVERY
        assert hear(scan("exception", 5.5)).state == ShipmentState.OUT_FOR_DELIVERY

    def test_believes_in_a_delivery_whenever_it_is_told(self, hear: Any) -> None:
        hear(scan("exception", 5))
        found = hear(scan("delivered", 4))
        assert (found.state, found.delivered_at) == ("delivered", NOON + timedelta(hours=4))

    @pytest.mark.parametrize("end", ["delivered", "returned_to_sender", "lost", "voided"])
    def test_ends_for_good(self, hear: Any, end: CarrierState) -> None:
        hear(scan(end, 1))
        assert hear(scan("in_transit", 2), scan("exception", 3)).state == end
        assert ShipmentEvent.objects.count() == 3

    def test_remembers_when_the_parcel_was_last_heard_of(self, hear: Any) -> None:
        assert hear().state_changed_at == NOON
        assert hear(scan("in_transit", 30)).state_changed_at == NOON + timedelta(hours=30)
        assert moves() == []

    def test_does_not_let_a_clock_of_the_future_silence_the_watchdog(self, hear: Any) -> None:
        found = hear(CarrierEvent("E-1", "in_transit", timezone.now() + timedelta(days=900)))
        assert found.state_changed_at <= timezone.now()

    def test_cuts_a_long_story_short(self, hear: Any) -> None:
        hear(replace(scan("in_transit"), description="x" * 900))
        assert len(ShipmentEvent.objects.get().description) == 300
        assert not Alert.objects.exists()

    def test_hears_of_parcels_of_an_order_that_is_long_done(
        self, hear: Any, row: Fulfillment
    ) -> None:
        hear()
        row.refresh_from_db()
        assert row.state == FulfillmentState.SHIPPED
        assert hear(scan("delivered")).state == ShipmentState.DELIVERED
        row.refresh_from_db()
        assert row.state == FulfillmentState.SHIPPED

    def test_database_keeps_one_event_of_an_id(self, hear: Any) -> None:
        hear(scan("in_transit"))
        event = ShipmentEvent.objects.get()
        event.pk = None
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            event.save()
        assert constraint_name(caught.value) == "one_shipment_event_per_id"


class TestUrl:
    @pytest.fixture(autouse=True)
    def carrier(self, db: None) -> None:
        Carrier.objects.create(
            name="Royal Mail", tracking_url_template="https://mail.example/?n={number}&x=1"
        )

    def test_is_the_one_that_was_told(self, hear: Any) -> None:
        assert hear().tracking_url == "https://track.example/RM"

    def test_is_the_carriers_own_where_none_was_told(self, hear: Any) -> None:
        found = hear(tracking_url="", tracking_number="A/1 &?2")
        assert found.tracking_url == "https://mail.example/?n=A%2F1%20%26%3F2&x=1"

    @pytest.mark.parametrize("told", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
    def test_is_a_web_address_and_nothing_else(self, hear: Any, told: str) -> None:
        found = hear(tracking_url=told, tracking_number="1")
        assert found.tracking_url == "https://mail.example/?n=1&x=1"

    def test_is_none_where_nobody_knows_one(self, hear: Any) -> None:
        assert hear(tracking_url="", carrier="Pigeons").tracking_url == ""

    @pytest.mark.parametrize("number", ["", "9" * 500])
    def test_is_none_without_a_number_that_fits_into_it(self, hear: Any, number: str) -> None:
        assert hear(tracking_url="", tracking_number=number).tracking_url == ""

    def test_comes_with_a_number_that_is_told_later(self, hear: Any) -> None:
        hear(tracking_url="", tracking_number="")
        found = hear(tracking_url="", tracking_number="77")
        assert (found.tracking_number, found.tracking_url) == (
            "77",
            "https://mail.example/?n=77&x=1",
        )
        # What is known is not told anew.
        assert hear(tracking_url="", tracking_number="78").tracking_number == "77"

    def test_template_without_a_place_for_the_number_is_refused(self) -> None:
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Carrier.objects.update(tracking_url_template="https://mail.example/")
        assert constraint_name(caught.value) == "tracking_template_has_number"


class TestSilence:
    def test_of_a_month_lets_the_parcel_expire(self, hear: Any) -> None:
        hear(scan("in_transit"))
        assert tracking.expire_silent(now=NOON + timedelta(days=29)) == 0
        assert tracking.expire_silent(now=NOON + timedelta(days=31)) == 1
        assert tracking.expire_silent(now=NOON + timedelta(days=31)) == 0

        assert Shipment.objects.get().state == ShipmentState.EXPIRED
        assert moves() == ["expired"]

    def test_ends_with_the_next_scan(self, hear: Any) -> None:
        hear(scan("in_transit"))
        tracking.expire_silent(now=NOON + timedelta(days=31))
        # It comes after the expiry and tells of a time before it.
        assert hear(scan("in_transit", 24 * 29)).state == ShipmentState.IN_TRANSIT

    def test_of_a_carrier_that_never_tells_says_nothing(self, hear: Any) -> None:
        hear()
        assert tracking.expire_silent(now=NOON + timedelta(days=99)) == 0
        assert queries.list_stuck_parcels(now=NOON + timedelta(days=99)) == []

    @pytest.mark.parametrize("end", ["delivered", "lost", "voided", "returned_to_sender"])
    def test_changes_no_parcel_that_has_ended(self, hear: Any, end: CarrierState) -> None:
        hear(scan(end))
        assert tracking.expire_silent(now=NOON + timedelta(days=99)) == 0

    def test_of_a_parcel_is_looked_at_again_under_the_lock(
        self, hear: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = hear()
        now: datetime = NOON + timedelta(days=31)
        hear(scan("in_transit", 24 * 30))
        assert not tracking._expire(found.pk, found.fulfillment_id, now)


class TestStuckParcels:
    @pytest.mark.parametrize("state", SHIPMENT_AGE)
    def test_are_named_past_the_age_of_their_state(self, hear: Any, state: ShipmentState) -> None:
        found = hear(scan("in_transit", 0))
        age = SHIPMENT_AGE[state]
        Shipment.objects.update(state=state)

        assert queries.list_stuck_parcels(now=NOON + age) == []
        (stuck,) = queries.list_stuck_parcels(now=NOON + age + timedelta(seconds=1))
        assert (stuck.kind, stuck.subject_id) == ("parcel_stuck", found.order_id)

    def test_are_not_those_that_arrived(self, hear: Any) -> None:
        hear(scan("delivered"))
        assert queries.list_stuck_parcels(now=NOON + timedelta(days=99)) == []
