"""The call that asks a warehouse to stop a request, and what its answers mean."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fulfillment import gateways
from fulfillment.gateways.wms import (
    CancelAnswer,
    OutcomeUnknown,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, steps
from fulfillment.states import THERE, FulfillmentState, WaitsFor

# Twice the gateway's deadline of 25 s.
LEASE_SECONDS = 50
# A warehouse may know a request only some time after it came: what it does not find now it may
# find, and ship, a minute later.
ABSENT_FOR = timedelta(seconds=60)
ASK_AGAIN_SECONDS = 61


def ask(*, fulfillment_id: int, token: UUID) -> None:
    """Ask the warehouse to stop one request, and record what it says. Asking twice is harmless.

    Does nothing when the lease with this token has passed to somebody else. Waits for the network;
    refuses to run in a transaction.
    """
    row = _take(fulfillment_id=fulfillment_id, token=token)
    if row is None:
        return
    try:
        answer = gateways.current().cancel_order(row.reference, row.cancel_reason)
    except (WarehouseRejected, WarehouseUnavailable, OutcomeUnknown) as error:
        _put_off(row, error)
    else:
        _record(row, answer)


@transaction.atomic(durable=True)
def _take(*, fulfillment_id: int, token: UUID) -> Fulfillment | None:
    """Renew the lease, which may have waited for a thread; None where it is not ours any more."""
    row = _locked(fulfillment_id, token)
    if row is not None:
        row.lease_until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        row.save(update_fields=["lease_until"])
    return row


def _locked(fulfillment_id: int, token: UUID | None) -> Fulfillment | None:
    """The row, locked, while it is to be stopped and our lease is the one that counts."""
    row = Fulfillment.objects.locked().get(pk=fulfillment_id)
    is_open = row.state == FulfillmentState.CANCELLATION_REQUESTED
    return row if is_open and row.is_held_by(token) else None


@transaction.atomic(durable=True)
def _record(row: Fulfillment, answer: CancelAnswer) -> None:
    fresh = _locked(row.pk, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    # Their words may hold a name: they go where they can be erased, never into the timeline.
    fresh.last_error = answer.message[:500]
    if answer.result == "cancelled":
        cancelling.confirm_cancelled(fresh, now, "the warehouse has stopped it")
    elif answer.result == "too_late":
        cancelling.refuse(fresh, now, "too late")
    elif fresh.absent_since is not None and now - fresh.absent_since >= ABSENT_FOR:
        _believe_absent(fresh, now)
    else:
        fresh.absent_since = fresh.absent_since or now
        fresh.waits_for = ""
        words = "not known there; asked again in a minute"
        fresh.postpone(now=now, seconds=ASK_AGAIN_SECONDS, error=words)
    fresh.save()


def _believe_absent(row: Fulfillment, now: datetime) -> None:
    """Twice not found: it never arrived, unless the warehouse itself had said that it has it."""
    if row.state_before_cancel not in THERE:
        cancelling.confirm_cancelled(row, now, "the warehouse does not know it")
        return
    steps.stop(
        row,
        WaitsFor.WAREHOUSE,
        f"The warehouse had accepted {row.reference}, and does not know it now that it is to be "
        "stopped: ask there; then have it asked again, or say that it was cancelled there.",
    )


@transaction.atomic(durable=True)
def _put_off(row: Fulfillment, error: steps.NoAnswer) -> None:
    """No answer changes nothing: it stays to be stopped, and is asked for again."""
    fresh = _locked(row.pk, row.lease_token)
    if fresh is not None:
        steps.put_off(fresh, error, timezone.now())
        fresh.save()
