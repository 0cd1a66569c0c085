"""Requests on their way to the warehouse: sent once, looked up before sent again."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fulfillment import gateways
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    ShipTo,
    SubmitAnswer,
    SubmitLine,
    SubmitRequest,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, holds, outcomes
from fulfillment.services.steps import flip, move
from fulfillment.states import IN_DOUBT, FulfillmentState
from globalmart.core.db import WORK_FIELDS
from globalmart.core.failpoints import failpoint
from globalmart.core.work import backoff

# Twice the gateway's deadline of 25 s.
LEASE_SECONDS = 50
# One look-up that finds nothing may be too early; the second, this much later, is believed.
ABSENT_FOR = timedelta(seconds=60)
UNSENT = {FulfillmentState.READY}
# "again" was sent before, and found not to be there; "unsure" may be there.
Trying = Literal["first", "again", "unsure"]


def submit(*, fulfillment_id: int, token: UUID) -> None:
    """Send one request, or find out what became of it, and record the outcome.

    Does nothing when the lease with this token has passed to somebody else. Waits for the network;
    refuses to run in a transaction.
    """
    row, trying = _take(fulfillment_id=fulfillment_id, token=token, now=timezone.now())
    if row is None:
        return
    if trying != "unsure" or (_is_not_there(row) and _may_go_again(row)):
        _send(row, trying)


def _is_not_there(row: Fulfillment) -> bool:
    """Tell whether the request, which may have arrived, may be sent again.

    A warehouse that cannot be asked gets it once more only if it knows repetitions.
    """
    if row.warehouse.can_look_up:
        return _is_absent(row)
    if row.warehouse.deduplicates:
        return True
    outcomes.leave_in_doubt(row)
    return False


def _is_absent(row: Fulfillment) -> bool:
    """Look our reference up before it is sent again; only two finds of nothing, a minute apart,
    let it go. Whatever else is found, or goes wrong, is recorded here."""
    doubt = FulfillmentState.SUBMIT_UNKNOWN
    try:
        known = gateways.current().get_order(row.reference)
    except (WarehouseRejected, WarehouseUnavailable, OutcomeUnknown) as error:
        # A look-up that is refused says nothing about the request that may have arrived.
        outcomes.postpone(row, doubt, error)
        return False
    if known is not None:
        if known.status == "cancelled":
            outcomes.record_cancelled(row, known.wms_number)
        else:
            outcomes.record_answer(row, SubmitAnswer("duplicate", known.wms_number, "", ""))
        return False
    if not _is_surely_absent(row, timezone.now()):
        outcomes.look_again(row)
        return False
    return True


def _send(row: Fulfillment, trying: Trying) -> None:
    # What is sent now may be seen only later: the two look-ups begin anew.
    Fulfillment.objects.filter(pk=row.pk, absent_since__isnull=False).update(absent_since=None)
    failpoint("CP16", order=row.order_id)
    answer = _call(row)
    failpoint("CP17", order=row.order_id)
    if isinstance(answer, SubmitAnswer):
        outcomes.record_answer(row, answer)
    elif isinstance(answer, WarehouseUnavailable) and trying != "unsure":
        outcomes.postpone(row, FulfillmentState.READY, answer, never_left=trying == "first")
    else:
        outcomes.postpone(row, FulfillmentState.SUBMIT_UNKNOWN, answer)


def _call(row: Fulfillment) -> SubmitAnswer | WarehouseUnavailable | OutcomeUnknown:
    try:
        return gateways.current().submit_order(_request(row))
    except WarehouseRejected as error:
        return SubmitAnswer("rejected", "", error.code, error.message)
    except (WarehouseUnavailable, OutcomeUnknown) as error:
        return error


@transaction.atomic(durable=True)
def _take(*, fulfillment_id: int, token: UUID, now: datetime) -> tuple[Fulfillment | None, Trying]:
    """Commit that we are about to send; tell what is known of it."""
    row = Fulfillment.objects.locked().select_related("warehouse").get(pk=fulfillment_id)
    if not row.is_held_by(token):
        return None, "unsure"
    if row.state not in UNSENT | IN_DOUBT:
        row.rest()
        row.save(update_fields=list(WORK_FIELDS))
        return None, "unsure"
    trying: Trying = "unsure"
    if row.state not in IN_DOUBT:
        trying = "again" if row.first_sent_at else "first"
        flip(row, FulfillmentState.SUBMITTING, now)
    row.first_sent_at = row.first_sent_at or now
    row.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    row.save()
    return row, trying


@transaction.atomic(durable=True)
def _may_go_again(row: Fulfillment) -> bool:
    """Tell whether what may go again does: not where its order is held, or it is to be stopped."""
    fresh = outcomes.locked(row, row.lease_token)
    if fresh is None:
        return False
    now = timezone.now()
    is_absent = row.warehouse.can_look_up
    if fresh.cancel_wanted_at is not None and is_absent:
        cancelling.confirm_cancelled(fresh, now, "never arrived")
    elif fresh.cancel_wanted_at is not None:
        cancelling.ask_to_stop(fresh, now)
    elif fresh.is_held and is_absent:
        move(fresh, FulfillmentState.READY, now, "never arrived")
        holds.park(fresh, now)
    elif fresh.is_held:
        # Nobody knows whether it is there; it waits in doubt for the hold's release.
        fresh.postpone(now=now, seconds=backoff(fresh.tries), error="its order is on hold")
    else:
        # The look-up may have taken half of the lease; the call that follows needs its own.
        fresh.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        fresh.save(update_fields=["lease_until"])
        return True
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
