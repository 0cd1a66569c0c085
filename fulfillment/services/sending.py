"""Requests on their way to the warehouse: sent once, looked up before sent again."""

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
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, holds, steps
from fulfillment.services.steps import move, put_off, stop
from fulfillment.states import FulfillmentState, WaitsFor
from globalmart.core import outbox
from globalmart.core.db import WORK_FIELDS
from globalmart.core.failpoints import failpoint
from globalmart.core.work import backoff

# Twice the gateway's deadline of 25 s.
LEASE_SECONDS = 50
# One look-up that finds nothing may be too early; the second, this much later, is believed.
ABSENT_FOR = timedelta(seconds=60)
LOOK_AGAIN_SECONDS = 61
# What the gateway says of a request that its own schema refuses.
NOT_WRITABLE = "invalid_request"
UNSENT = {FulfillmentState.READY}
IN_DOUBT = {FulfillmentState.SUBMITTING, FulfillmentState.SUBMIT_UNKNOWN}


def submit(*, fulfillment_id: int, token: UUID) -> None:
    """Send one request, or find out what became of it, and record the outcome.

    Does nothing when the lease with this token has passed to somebody else. Waits for the network;
    refuses to run in a transaction.
    """
    row, is_resend = _take(fulfillment_id=fulfillment_id, token=token, now=timezone.now())
    if row is None:
        return
    if not is_resend or (_is_not_there(row) and _may_go_again(row)):
        _send(row, is_resend=is_resend)


def _is_not_there(row: Fulfillment) -> bool:
    """Tell whether the request, which may have arrived, may be sent again.

    A warehouse that cannot be asked gets it once more only if it knows repetitions.
    """
    if row.warehouse.can_look_up:
        return _is_absent(row)
    if row.warehouse.deduplicates:
        return True
    _leave_in_doubt(row)
    return False


def _is_absent(row: Fulfillment) -> bool:
    """Look our reference up before it is sent again; only two finds of nothing, a minute apart,
    let it go. Whatever else is found, or goes wrong, is recorded here."""
    doubt = FulfillmentState.SUBMIT_UNKNOWN
    try:
        known = gateways.current().get_order(row.reference)
    except (WarehouseRejected, WarehouseUnavailable, OutcomeUnknown) as error:
        # A look-up that is refused says nothing about the request that may have arrived.
        _postpone(row, doubt, error)
        return False
    if known is not None:
        result: Literal["rejected", "duplicate"] = (
            "rejected" if known.status == "cancelled" else "duplicate"
        )
        _record_answer(row, SubmitAnswer(result, known.wms_number, known.status, ""))
        return False
    if not _is_surely_absent(row, timezone.now()):
        _look_again(row)
        return False
    return True


def _send(row: Fulfillment, *, is_resend: bool) -> None:
    # What is sent now may be seen only later: the two look-ups begin anew.
    Fulfillment.objects.filter(pk=row.pk, absent_since__isnull=False).update(absent_since=None)
    failpoint("CP16", order=row.order_id)
    answer = _call(row)
    failpoint("CP17", order=row.order_id)
    if isinstance(answer, SubmitAnswer):
        _record_answer(row, answer)
    elif isinstance(answer, WarehouseUnavailable) and not is_resend:
        _postpone(row, FulfillmentState.READY, answer)
    else:
        _postpone(row, FulfillmentState.SUBMIT_UNKNOWN, answer)


def _call(row: Fulfillment) -> SubmitAnswer | WarehouseUnavailable | OutcomeUnknown:
    try:
        return gateways.current().submit_order(_request(row))
    except WarehouseRejected as error:
        return SubmitAnswer("rejected", "", error.code, error.message)
    except (WarehouseUnavailable, OutcomeUnknown) as error:
        return error


@transaction.atomic(durable=True)
def _take(*, fulfillment_id: int, token: UUID, now: datetime) -> tuple[Fulfillment | None, bool]:
    """Commit that we are about to send; tell whether it may have been sent before."""
    row = Fulfillment.objects.locked().select_related("warehouse").get(pk=fulfillment_id)
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
    """Tell whether what may go again does: not where its order is held, or it is to be stopped."""
    fresh = _locked(row, row.lease_token)
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


def _locked(row: Fulfillment, token: UUID | None) -> Fulfillment | None:
    """The row, locked, if our lease is still the one that counts (a zombie's is not)."""
    fresh = Fulfillment.objects.locked().get(pk=row.pk)
    if fresh.is_held_by(token) and fresh.state in IN_DOUBT:
        return fresh
    failpoint("CP19", order=row.order_id)
    return None


@transaction.atomic(durable=True)
def _record_answer(row: Fulfillment, answer: SubmitAnswer) -> None:
    fresh = _locked(row, row.lease_token)
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
def _look_again(row: Fulfillment) -> None:
    fresh = _locked(row, row.lease_token)
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
def _leave_in_doubt(row: Fulfillment) -> None:
    """The warehouse can neither be asked nor be told twice."""
    fresh = _locked(row, row.lease_token)
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
def _postpone(row: Fulfillment, state: FulfillmentState, error: steps.NoAnswer) -> None:
    fresh = _locked(row, row.lease_token)
    if fresh is None:
        return
    now = timezone.now()
    if fresh.state != state:
        move(fresh, state, now, "no answer")
    put_off(fresh, error, now)
    can_be_told = row.warehouse.can_look_up or row.warehouse.deduplicates
    if fresh.state == FulfillmentState.READY and fresh.cancel_wanted_at is not None:
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
