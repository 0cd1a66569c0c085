"""Requests to the warehouse: sent once, looked up before sent again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fulfillment import events, gateways
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    ShipTo,
    SubmitAnswer,
    SubmitLine,
    SubmitRequest,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, FulfillmentLine, Reservation, Warehouse
from fulfillment.services import holds
from fulfillment.services.steps import move
from fulfillment.states import FulfillmentState, ReservationState
from globalmart.core import outbox
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff

# Twice the gateway's deadline of 25 s.
LEASE_SECONDS = 50
# One look-up that finds nothing may be too early; the second, this much later, is believed.
ABSENT_FOR = timedelta(seconds=60)
LOOK_AGAIN_SECONDS = 61
UNSENT = {FulfillmentState.READY}
IN_DOUBT = {FulfillmentState.SUBMITTING, FulfillmentState.SUBMIT_UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One line to ship."""

    sku: str
    name: str
    quantity: int


def open_fulfillment(
    *,
    order_id: int,
    order_number: str,
    service: str,
    ship_to: Mapping[str, str],
    lines: Sequence[Wanted],
    now: datetime,
    not_before: datetime | None = None,
    is_held: bool = False,
) -> None:
    """Insert the order's request to the warehouse, ready and due, in the caller's transaction;
    that of an order on hold waits for its release.

    Goods that are still to come are ready from `not_before` (UTC) on: the request is due, and its
    age counts, from then. `ship_to` has the keys of ShipTo. The second call for the order finds it
    there.
    """
    # Where the units are reserved, whatever staff have made first since then.
    taken = Reservation.objects.filter(order_id=order_id).exclude(state=ReservationState.RELEASED)
    held = taken.order_by("pk").values_list("warehouse_id", flat=True)
    warehouse = Warehouse.objects.get(pk=held[:1])
    if Fulfillment.objects.filter(order_id=order_id, warehouse=warehouse).exists():
        return
    ready_at = max(now, not_before or now)
    fulfillment = Fulfillment.objects.create(
        order_id=order_id,
        warehouse=warehouse,
        reference=f"{order_number}-1",
        order_number=order_number,
        service=service,
        ship_to=dict(ship_to),
        state=FulfillmentState.ON_HOLD if is_held else FulfillmentState.READY,
        state_changed_at=now if is_held else ready_at,
        is_held=is_held,
        due_at=None if is_held else ready_at,
    )
    FulfillmentLine.objects.bulk_create(
        FulfillmentLine(
            fulfillment=fulfillment, sku=line.sku, name=line.name, quantity=line.quantity
        )
        for line in lines
    )
    # Whoever ships must be listened to; the poll's own clock goes on from here.
    Warehouse.objects.filter(pk=warehouse.pk, due_at__isnull=True).update(due_at=now)


def submit(*, fulfillment_id: int, token: UUID) -> None:
    """Send one request, or find out what became of it, and record the outcome.

    Does nothing when the lease with this token has passed to somebody else. Waits for the network;
    refuses to run in a transaction.
    """
    row, is_resend = _take(fulfillment_id=fulfillment_id, token=token, now=timezone.now())
    if row is None:
        return
    if not is_resend or (_is_absent(row) and _may_go_again(row)):
        _send(row, is_resend=is_resend)


def _is_absent(row: Fulfillment) -> bool:
    """Look our reference up before it is sent again; only two finds of nothing, a minute apart,
    let it go. Whatever else is found, or goes wrong, is recorded here."""
    doubt = FulfillmentState.SUBMIT_UNKNOWN
    try:
        known = gateways.current().get_order(row.reference)
    except (WarehouseRejected, WarehouseUnavailable, OutcomeUnknown) as error:
        # A look-up that is refused says nothing about the request that may have arrived.
        _postpone(row, doubt, str(error), backoff(row.tries))
        return False
    if known is not None:
        result: Literal["rejected", "duplicate"] = (
            "rejected" if known.status == "cancelled" else "duplicate"
        )
        _record_answer(row, SubmitAnswer(result, known.wms_number, known.status, ""))
        return False
    if not _is_surely_absent(row, timezone.now()):
        _postpone(row, doubt, "absent once; asked again in a minute", LOOK_AGAIN_SECONDS)
        return False
    return True


def _send(row: Fulfillment, *, is_resend: bool) -> None:
    # What is sent now may be seen only later: the two look-ups begin anew.
    Fulfillment.objects.filter(pk=row.pk, absent_since__isnull=False).update(absent_since=None)
    try:
        answer = gateways.current().submit_order(_request(row))
    except WarehouseRejected as error:
        answer = SubmitAnswer("rejected", "", error.code, error.message)
    except WarehouseUnavailable as error:
        state = FulfillmentState(row.state) if is_resend else FulfillmentState.READY
        _postpone(row, state, str(error), backoff(row.tries))
        return
    except OutcomeUnknown as error:
        _postpone(row, FulfillmentState.SUBMIT_UNKNOWN, str(error), backoff(row.tries))
        return
    _record_answer(row, answer)


@transaction.atomic(durable=True)
def _take(*, fulfillment_id: int, token: UUID, now: datetime) -> tuple[Fulfillment | None, bool]:
    """Commit that we are about to send; tell whether it may have been sent before."""
    row = Fulfillment.objects.locked().get(pk=fulfillment_id)
    if not row.is_held_by(token):
        return None, False
    if row.state not in UNSENT | IN_DOUBT:
        row.rest()
        row.save(update_fields=list(WORK_FIELDS))
        return None, False
    is_resend = row.state in IN_DOUBT
    if not is_resend:
        move(row, FulfillmentState.SUBMITTING, now)
    row.first_sent_at = row.first_sent_at or now
    row.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    row.save()
    return row, is_resend


@transaction.atomic(durable=True)
def _may_go_again(row: Fulfillment) -> bool:
    """Tell whether what certainly did not arrive may be sent again: not while its order is held."""
    fresh = _locked(row, row.lease_token)
    if fresh is None:
        return False
    now = timezone.now()
    if not fresh.is_held:
        # The look-up may have taken half of the lease; the call that follows needs its own.
        fresh.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        fresh.save(update_fields=["lease_until"])
        return True
    move(fresh, FulfillmentState.READY, now, "never arrived")
    holds.park(fresh, now)
    fresh.save()
    return False


def _is_surely_absent(row: Fulfillment, now: datetime) -> bool:
    """Two look-ups without a find, a minute apart. The first one is noted."""
    if row.absent_since is not None:
        return now - row.absent_since >= ABSENT_FOR
    ours = Fulfillment.objects.filter(pk=row.pk, lease_token=row.lease_token)
    ours.update(absent_since=now)
    return False


def _request(row: Fulfillment) -> SubmitRequest:
    lines = row.lines.order_by("pk")
    return SubmitRequest(
        reference=row.reference,
        location=row.warehouse.code,
        sequence=row.sequence,
        order_number=row.order_number,
        service="express" if row.service == "express" else "standard",
        ship_to=ShipTo(**row.ship_to),
        promised_on=row.promised_on,
        lines=tuple(
            SubmitLine(place, line.sku, line.name, line.quantity)
            for place, line in enumerate(lines, start=1)
        ),
    )


def _locked(row: Fulfillment, token: UUID | None) -> Fulfillment | None:
    """The row, locked, if our lease is still the one that counts (a zombie's is not)."""
    fresh = Fulfillment.objects.locked().get(pk=row.pk)
    return fresh if fresh.is_held_by(token) and fresh.state in IN_DOUBT else None


@transaction.atomic(durable=True)
def _record_answer(row: Fulfillment, answer: SubmitAnswer) -> None:
    fresh = _locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    told = {"subject_id": fresh.order_id, "fulfillment_id": fresh.pk}
    if answer.result == "rejected":
        move(fresh, FulfillmentState.REJECTED, now, answer.code)
        fresh.last_error = f"{answer.code}: {answer.message}"[:500]
        _alert_rejected(fresh, answer.code)
        event: outbox.Event = events.FulfillmentRejected(**told)
    else:
        # A duplicate is our own earlier request: success.
        fresh.wms_number = answer.wms_number
        move(fresh, FulfillmentState.ACCEPTED, now)
        event = events.FulfillmentAccepted(**told)
    fresh.rest()
    fresh.save()
    outbox.publish(event)


def _alert_rejected(row: Fulfillment, code: str) -> None:
    open_alert(
        kind="fulfillment_rejected",
        subject_type="order",
        subject_id=row.order_id,
        detail=f"The warehouse refused {row.reference}: {code}. Settle it with the warehouse.",
    )


@transaction.atomic(durable=True)
def _postpone(row: Fulfillment, state: FulfillmentState, error: str, seconds: float) -> None:
    fresh = _locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if fresh.state != state:
        move(fresh, state, now, "no answer")
    fresh.postpone(now=now, seconds=seconds, error=error)
    if fresh.is_held and fresh.state == FulfillmentState.READY:
        # The hold came while the request was on its way, and it did not arrive.
        holds.park(fresh, now)
    fresh.save()
