"""What the warehouse says it has done, recorded once, however often and however late it says so."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from fulfillment import events
from fulfillment.gateways.wms import WarehouseOrder
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, holds, parcels, shorts, tracking
from fulfillment.services.steps import DISAGREES_ALERT, is_dead, move
from fulfillment.states import ENDED, HERE, IN_DOUBT, THERE, FulfillmentState, WaitsFor
from globalmart.core import outbox
from globalmart.core.alerts import open_alert
from globalmart.core.models import Alert

log = logging.getLogger(__name__)

S = FulfillmentState
UNANSWERED = IN_DOUBT | {S.SUBMITTED}
UNTOLD = UNANSWERED | HERE
PICKING = {"picking", "packed", "partially_shipped", "shipped", "closed_short"}
ALIVE = {"received", "picking", "packed", "partially_shipped", "shipped"}
# A list may have been made before its warehouse had cancelled.
CANCELLED_FOR = timedelta(minutes=1)


def record(*, warehouse_id: int, found: WarehouseOrder) -> None:
    """Record what the warehouse says about one of our requests, as `record_page` does."""
    record_page(warehouse_id=warehouse_id, orders=[found])


def record_page(*, warehouse_id: int, orders: Sequence[WarehouseOrder]) -> None:
    """Record what the warehouse says about our requests; a repetition changes nothing, and locks
    nothing.

    One that cannot be recorded is an alert and keeps no other from being told. Raises the
    database's own errors where it was the database that did not answer.
    """
    rows = Fulfillment.objects.filter(
        warehouse_id=warehouse_id, reference__in={found.reference for found in orders}
    ).prefetch_related("shipments__events")
    known = {row.reference: row for row in rows}
    for found in orders:
        row = known.get(found.reference)
        if row is None:
            _alert_unknown(warehouse_id, found.reference)
        elif _has_news(row, found):
            _record_one(row, found)


def _has_news(row: Fulfillment, found: WarehouseOrder) -> bool:
    """Compare before anything is locked: most entries of a list that is read again are old."""
    shipments = {each.wms_shipment_id: each for each in row.shipments.all()}
    for parcel in found.shipments:
        known = shipments.get(parcel.shipment_id)
        if known is None or tracking.has_news(known, parcel):
            return True
    if row.state == S.CANCELLED:
        return _lives_on(row, found)
    if row.state in ENDED:
        return found.status == "cancelled"
    if found.status == "cancelled":
        # Told once; but what was to be stopped may wait for nothing else.
        is_told = row.waits_for == WaitsFor.WAREHOUSE
        return not is_told or row.state == S.CANCELLATION_REQUESTED
    is_further = row.state == S.ACCEPTED and found.status in PICKING
    is_told = row.state not in UNTOLD and row.wms_number == found.wms_number
    return not is_told or is_further or found.status == "closed_short"


def _lives_on(row: Fulfillment, found: WarehouseOrder) -> bool:
    """Tell whether the warehouse goes on with what has long been cancelled."""
    return found.status in ALIVE and timezone.now() - row.state_changed_at > CANCELLED_FOR


def _record_one(row: Fulfillment, found: WarehouseOrder) -> None:
    try:
        _record_order(row.pk, found)
    except (OperationalError, InterfaceError):
        # Not this order's fault: the whole page is read again.
        raise
    except Exception as error:
        # One order that cannot be must not keep all others from being told. The error's own text
        # may hold the row's values, so only its name is kept.
        name = type(error).__name__
        log.warning(
            "what the warehouse says of %s cannot be recorded: %s",
            row.reference,
            name,
            exc_info=not isinstance(error, DatabaseError),
        )
        _alert_disagreement(row, f"{found.status} cannot be recorded: {name}")


@transaction.atomic(durable=True)
def _record_order(fulfillment_id: int, found: WarehouseOrder) -> None:
    row = Fulfillment.objects.locked().get(pk=fulfillment_id)
    now = timezone.now()
    known = {each.wms_shipment_id: each for each in row.shipments.all()}
    for parcel in found.shipments:
        if parcel.shipment_id in known:
            tracking.record(known[parcel.shipment_id], parcel, now=now)
    fresh = {each.shipment_id: each for each in found.shipments if each.shipment_id not in known}
    if row.state == S.CANCELLED:
        for shipment_id in fresh:
            _alert_disagreement(row, f"parcel {shipment_id} left of what it had cancelled")
        if _lives_on(row, found):
            _alert_disagreement(row, f"{found.status}, though it is cancelled here")
        return
    if found.status == "cancelled" and not found.shipments:
        _record_cancelled(row, now)
    else:
        _take_up(row, found, now)
        for parcel in fresh.values():
            if parcels.record(row, parcel, now=now):
                _let_goods_win(row, now)
        if _derive_state(row, found, now):
            _close_disagreement(row, now)
    row.save()


def _take_up(row: Fulfillment, found: WarehouseOrder, now: datetime) -> None:
    """The warehouse has the request, whatever we knew before."""
    if row.state in ENDED:
        return
    # Who tells of our reference has it, even where it seemed that nothing had been sent.
    if row.state == S.ON_HOLD:
        # Now a parcel may leave all the same.
        move(row, S.READY, now)
        holds.alert_parcel(row)
    if row.state == S.READY:
        move(row, S.SUBMITTING, now)
    if row.state in UNANSWERED:
        # The answer to our request was lost; that the warehouse works on it is the answer.
        move(row, S.ACCEPTED, now)
        row.rest()
        outbox.publish(events.FulfillmentAccepted(subject_id=row.order_id, fulfillment_id=row.pk))
        if not found.shipments:
            cancelling.go_on(row, now)
    row.wms_number = found.wms_number
    if found.status in PICKING and row.state == S.ACCEPTED:
        move(row, S.IN_PROGRESS, now)


def _let_goods_win(row: Fulfillment, now: datetime) -> None:
    """A parcel left: whoever wanted it stopped came too late."""
    is_news = row.state_before_cancel not in ("", *THERE)
    if row.state == S.CANCELLATION_REQUESTED and is_news and not row.is_too_late:
        # It was to be stopped before we knew that the warehouse had it at all.
        outbox.publish(events.FulfillmentAccepted(subject_id=row.order_id, fulfillment_id=row.pk))
    cancelling.goods_win(row, now)


def _record_cancelled(row: Fulfillment, now: datetime) -> None:
    """The warehouse will not ship it: what was asked for, or what somebody has to settle."""
    if row.state in ENDED:
        _alert_disagreement(row, "it has cancelled it without our asking")
    else:
        cancelling.stopped_there(row, now)


def _derive_state(row: Fulfillment, found: WarehouseOrder, now: datetime) -> bool:
    """Take the step that the parcels make; tell whether what the warehouse says adds up."""
    if row.state in ENDED:
        return found.status != "cancelled"
    lines = list(row.lines.all())
    if all(line.shipped == line.quantity for line in lines):
        move(row, S.SHIPPED, now)
        return True
    has_shipped = any(line.shipped for line in lines)
    if has_shipped and row.state != S.PARTIALLY_SHIPPED:
        move(row, S.PARTIALLY_SHIPPED, now)
    if found.status != "closed_short":
        return True
    if row.state == S.CANCELLATION_REQUESTED:
        # Nothing has left and nothing will: what was asked for.
        cancelling.confirm_cancelled(row, now)
    elif not shorts.close(row, lines, found, now=now):
        _alert_disagreement(row, "closed short, and parcels and missing units are not all of it")
        return False
    return True


def _alert_disagreement(row: Fulfillment, what: str) -> None:
    open_alert(
        kind=DISAGREES_ALERT,
        subject_type="order",
        subject_id=row.order_id,
        detail=f"The warehouse on {row.reference}: {what}",
    )


def _close_disagreement(row: Fulfillment, now: datetime) -> None:
    """What it says is recorded: its alert has passed, unless a request of the order waits by it."""
    others = Fulfillment.objects.filter(order_id=row.order_id, waits_for=WaitsFor.WAREHOUSE)
    own = Alert.objects.filter(
        kind=DISAGREES_ALERT,
        subject_type="order",
        subject_id=row.order_id,
        detail__startswith=f"The warehouse on {row.reference}: ",
        closed_at__isnull=True,
    )
    if own.exists() and not is_dead(row) and not others.exclude(pk=row.pk).exists():
        own.update(closed_at=now)


def _alert_unknown(warehouse_id: int, reference: str) -> None:
    log.warning("the warehouse tells of %s, which is not ours", reference)
    open_alert(
        kind="warehouse_order_unknown",
        subject_type="warehouse",
        subject_id=warehouse_id,
        detail=f"The warehouse tells of {reference}, which is not ours; the log names every other",
    )
