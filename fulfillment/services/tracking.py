"""What carriers tell of a parcel: kept as it came, and moving the parcel ahead, never back."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote

from django.db import transaction
from django.db.models import Exists, OuterRef

from fulfillment import events
from fulfillment.gateways.wms import CarrierEvent, WarehouseShipment
from fulfillment.models import Carrier, Fulfillment, Shipment, ShipmentEvent
from fulfillment.states import SHIPMENT, ShipmentState
from globalmart.core import outbox, states, timeline

S = ShipmentState
# So long without a scan, a parcel counts as expired.
SILENT_FOR = timedelta(days=30)
SILENT_AT_ONCE = 500
TROUBLE = frozenset({S.ATTEMPT_FAILED, S.EXCEPTION, S.EXPIRED})
ENDS = frozenset({S.DELIVERED, S.RETURNED_TO_SENDER, S.LOST, S.VOIDED})
MOST_URL = 500


def has_news(known: Shipment, told: WarehouseShipment) -> bool:
    """Tell whether anything of this would be recorded; `known.events` may be prefetched."""
    if _missing(known, told):
        return True
    heard = {each.event_id for each in known.events.all()}
    return any(each.event_id not in heard for each in told.events)


def record(shipment: Shipment, told: WarehouseShipment, *, now: datetime) -> None:
    """Keep what is new about a parcel, and move it ahead; the caller has locked its request."""
    for field, value in _missing(shipment, told).items():
        setattr(shipment, field, value)
    heard = set(shipment.events.values_list("event_id", flat=True))
    news = {each.event_id: each for each in told.events if each.event_id not in heard}
    ShipmentEvent.objects.bulk_create(
        ShipmentEvent(
            shipment=shipment,
            event_id=each.event_id,
            state=each.state,
            description=each.description[:300],
            occurred_at=each.at,
        )
        for each in news.values()
    )
    for each in _in_order(news.values()):
        _hear(shipment, each, now)
    shipment.save()


def find_url(*, told: str, carrier: str, number: str) -> str:
    """Return where a parcel can be followed: the address told, else the carrier's own, else "".

    Only web addresses are taken: the page shows it as a link.
    """
    if told.startswith(("https://", "http://")):
        return told
    row = Carrier.objects.filter(name=carrier).first() if number else None
    url = (row.tracking_url_template if row else "").replace("{number}", quote(number, safe=""))
    return url if len(url) <= MOST_URL else ""


def expire_silent(*, now: datetime) -> int:
    """Let parcels expire of which a carrier has told, and nothing for 30 days; return how many.

    Where none has ever told anything, its silence says nothing.
    """
    moving = [state for state in SHIPMENT if state != S.EXPIRED]
    told = Exists(ShipmentEvent.objects.filter(shipment=OuterRef("pk")))
    silent = Shipment.objects.filter(told, state__in=moving, state_changed_at__lt=now - SILENT_FOR)
    found = silent.order_by("state_changed_at").values_list("pk", "fulfillment_id")[:SILENT_AT_ONCE]
    return sum(_expire(pk, fulfillment_id, now) for pk, fulfillment_id in list(found))


@transaction.atomic(durable=True)
def _expire(shipment_id: int, fulfillment_id: int, now: datetime) -> bool:
    Fulfillment.objects.locked().get(pk=fulfillment_id)
    row = Shipment.objects.get(pk=shipment_id)
    if S.EXPIRED not in SHIPMENT.get(row.state, ()) or row.state_changed_at >= now - SILENT_FOR:
        return False
    # The time stays that of the last scan: one that comes late may still be later than it.
    _move(row, S.EXPIRED, actor="system")
    row.save()
    return True


def _missing(known: Shipment, told: WarehouseShipment) -> dict[str, str]:
    """What was not known when the parcel was recorded, and is told now."""
    found = {}
    if told.tracking_number and not known.tracking_number:
        found["tracking_number"] = told.tracking_number
    if told.carrier and not known.carrier:
        found["carrier"] = told.carrier
    if (found or told.tracking_url) and not known.tracking_url:
        found["tracking_url"] = find_url(
            told=told.tracking_url,
            carrier=told.carrier or known.carrier,
            number=told.tracking_number or known.tracking_number,
        )
    return {field: value for field, value in found.items() if value}


def _in_order(told: Iterable[CarrierEvent]) -> list[CarrierEvent]:
    """Sort by time; what happened at the same moment, as parcels go."""
    places = {state: place for place, state in enumerate(S.values)}
    return sorted(told, key=lambda each: (each.at, places[each.state]))


def _hear(shipment: Shipment, told: CarrierEvent, now: datetime) -> None:
    """Move the parcel if that is ahead, and note when it was heard of."""
    state = S(told.state)
    is_old = told.at < shipment.state_changed_at
    # In and out of trouble a parcel goes both ways, so only the time tells which way is ahead. An
    # end is an end whenever it is told.
    to_and_fro = state not in ENDS and (state in TROUBLE or shipment.state in TROUBLE)
    if state in SHIPMENT.get(shipment.state, ()) and not (is_old and to_and_fro):
        _move(shipment, state, actor="carrier")
        if state == S.DELIVERED:
            shipment.delivered_at = told.at
    # A carrier's clock that is ahead of ours must not keep the parcel from alarming.
    shipment.state_changed_at = max(shipment.state_changed_at, min(told.at, now))


def _move(shipment: Shipment, state: ShipmentState, *, actor: str) -> None:
    states.require(SHIPMENT, "shipment", shipment.state, state)
    timeline.record(
        subject_type="order",
        subject_id=shipment.order_id,
        kind=f"shipment.{state}",
        before=shipment.state,
        after=state,
        actor=actor,
        data={"shipment": shipment.public_id},
    )
    shipment.state = state
    outbox.publish(
        events.ShipmentMoved(
            subject_id=shipment.order_id, shipment_id=shipment.pk, state=str(state)
        )
    )
