"""What becomes of a request that was sent, or looked up: one transaction for each outcome.

Whoever records one must still hold the lease with which it asked.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fulfillment import events
from fulfillment.gateways.wms import SubmitAnswer
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, holds, steps
from fulfillment.services.steps import flip, move, put_off, stop
from fulfillment.states import IN_DOUBT, FulfillmentState, WaitsFor
from globalmart.core import outbox
from globalmart.core.failpoints import failpoint

# A look-up that finds nothing may be too early; the next one is believed.
LOOK_AGAIN_SECONDS = 61
# What the gateway says of a request that its own schema refuses.
NOT_WRITABLE = "invalid_request"


def locked(row: Fulfillment, token: UUID | None) -> Fulfillment | None:
    """Return the row, locked, if our lease is still the one that counts (a zombie's is not)."""
    fresh = Fulfillment.objects.locked().get(pk=row.pk)
    if fresh.is_held_by(token) and fresh.state in IN_DOUBT:
        return fresh
    failpoint("CP19", order=row.order_id)
    return None


@transaction.atomic(durable=True)
def record_answer(row: Fulfillment, answer: SubmitAnswer) -> None:
    """The warehouse has said what it makes of the request."""
    fresh = locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if answer.result != "rejected":
        # A duplicate is our own earlier request: success.
        accept(fresh, answer.wms_number, now)
    elif fresh.cancel_wanted_at is not None:
        cancelling.confirm_cancelled(fresh, now, answer.code)
    else:
        _reject(fresh, answer, now)
    fresh.save()
    failpoint("CP18", order=row.order_id)


@transaction.atomic(durable=True)
def record_cancelled(row: Fulfillment, wms_number: str) -> None:
    """The request had arrived, and the warehouse has cancelled it since."""
    fresh = locked(row, row.lease_token)
    if fresh is None:
        return
    fresh.wms_number = wms_number
    cancelling.stopped_there(fresh, timezone.now())
    fresh.save()


def accept(row: Fulfillment, wms_number: str, now: datetime, *, actor: str = "") -> None:
    """The warehouse has the request; if somebody wants it stopped, that is asked for next. The
    caller saves the locked row."""
    row.wms_number = wms_number
    move(row, FulfillmentState.ACCEPTED, now, actor=actor)
    row.rest()
    outbox.publish(events.FulfillmentAccepted(subject_id=row.order_id, fulfillment_id=row.pk))
    cancelling.go_on(row, now)


def _reject(row: Fulfillment, answer: SubmitAnswer, now: datetime) -> None:
    move(row, FulfillmentState.REJECTED, now, answer.code)
    row.last_error = f"{answer.code}: {answer.message}"[:500]
    if answer.code == NOT_WRITABLE:
        who, what = WaitsFor.DEVELOPER, "Our own check refused"
    else:
        who, what = WaitsFor.STAFF, "The warehouse refused"
    stop(row, who, f"{what} {row.reference}: {answer.code}. Put it right and send it again.")
    outbox.publish(events.FulfillmentRejected(subject_id=row.order_id, fulfillment_id=row.pk))


@transaction.atomic(durable=True)
def look_again(row: Fulfillment) -> None:
    """The warehouse did not find the request, which may have been too early."""
    fresh = locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if fresh.state != FulfillmentState.SUBMIT_UNKNOWN:
        move(fresh, FulfillmentState.SUBMIT_UNKNOWN, now, "no answer")
    fresh.waits_for = ""
    fresh.postpone(
        now=now, seconds=LOOK_AGAIN_SECONDS, error="absent once; asked again in a minute"
    )
    fresh.save()


@transaction.atomic(durable=True)
def leave_in_doubt(row: Fulfillment) -> None:
    """The warehouse can neither be asked nor be told twice."""
    fresh = locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if fresh.cancel_wanted_at is not None:
        # A cancel can be told twice, and its answer says what the warehouse has.
        cancelling.ask_to_stop(fresh, now)
    else:
        _declare_unclear(fresh, now)
    fresh.save()


@transaction.atomic(durable=True)
def postpone(
    row: Fulfillment, state: FulfillmentState, error: steps.NoAnswer, *, never_left: bool = False
) -> None:
    """No answer came, or none that settles it: the request waits in this state; with `never_left`
    as if it had not been tried."""
    fresh = locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if state == FulfillmentState.READY:
        flip(fresh, state, now, "no answer")
    elif fresh.state != state:
        move(fresh, state, now, "no answer")
    if never_left:
        fresh.first_sent_at = None
    put_off(fresh, error, now)
    can_be_told = row.warehouse.can_look_up or row.warehouse.deduplicates
    if fresh.state == FulfillmentState.READY and fresh.cancel_wanted_at is not None:
        if fresh.first_sent_at is None:
            cancelling.confirm_cancelled(fresh, now, "never sent")
        else:
            cancelling.ask_to_stop(fresh, now)
    elif fresh.state == FulfillmentState.READY and fresh.is_held:
        # The hold came while the request was on its way, and it did not arrive.
        holds.park(fresh, now)
    elif fresh.state == FulfillmentState.SUBMIT_UNKNOWN and not can_be_told:
        _declare_unclear(fresh, now)
    fresh.save()


def _declare_unclear(row: Fulfillment, now: datetime) -> None:
    if row.state != FulfillmentState.SUBMIT_UNKNOWN:
        move(row, FulfillmentState.SUBMIT_UNKNOWN, now, "no answer")
    stop(
        row,
        WaitsFor.WAREHOUSE,
        f"Nobody knows whether {row.reference} arrived, and it must not be sent again: ask the "
        "warehouse, then say on the request's page whether it is there.",
    )
