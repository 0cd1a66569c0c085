"""Requests that are not to be shipped: taken back here, or stopped at the warehouse if it can.

Only the warehouse's word cancels what it may have; goods that leave first win.
"""

from datetime import datetime

from django.db import transaction

from fulfillment import events
from fulfillment.models import Fulfillment
from fulfillment.services import holds, stock
from fulfillment.services.steps import move, revive, stop
from fulfillment.states import HERE, IN_DOUBT, THERE, FulfillmentState, WaitsFor
from globalmart.core import outbox

S = FulfillmentState


@transaction.atomic
def request_cancellation(*, order_id: int, reason: str, actor: str, now: datetime) -> None:
    """Stop all that has not left of an order.

    What was certainly never sent is cancelled at once and gives back what it had reserved; of the
    rest the warehouse is asked, and its answers come as events. What has left, or once could not be
    stopped, stays. `reason` goes to the warehouse, too (at most 200 characters). The caller holds
    the order's lock; a second telling changes nothing.
    """
    for row in Fulfillment.objects.filter(order_id=order_id).locked():
        want_stopped(row, reason, actor, now)


def want_stopped(
    row: Fulfillment, reason: str, actor: str, now: datetime, *, keeps_units: bool = False
) -> None:
    """Have one locked request stopped, and save it; with `keeps_units` what it had reserved stays
    the order's. Of what has left, or was asked already, nothing is asked."""
    # Who has asked already was answered, or will be.
    if row.cancel_wanted_at is not None or row.state not in HERE | THERE | IN_DOUBT:
        return
    row.cancel_wanted_at, row.cancel_reason = now, reason[:200]
    row.keeps_units = keeps_units
    if row.state == S.REJECTED or (row.state in HERE and row.first_sent_at is None):
        confirm_cancelled(row, now, reason, actor=actor)
    elif row.state in IN_DOUBT:
        _find_out_soon(row, now)
    else:
        ask_to_stop(row, now, actor=actor)
    row.save()


def _find_out_soon(row: Fulfillment, now: datetime) -> None:
    """Whoever sends the request, or looks it up, sees that it is to be stopped."""
    if row.state == S.SUBMIT_UNKNOWN:
        revive(row, now)
        row.due_at = now


def ask_to_stop(row: Fulfillment, now: datetime, *, actor: str = "") -> None:
    """Have the warehouse asked to stop the request. The caller saves the locked row."""
    before = row.state
    if row.state == S.ON_HOLD:
        # Put aside because nothing seemed to have arrived.
        move(row, S.READY, now, actor=actor or "system")
    move(row, S.CANCELLATION_REQUESTED, now, row.cancel_reason, actor=actor or "system")
    row.state_before_cancel = before
    row.due_at, row.lease_until, row.tries, row.absent_since = now, None, 0, None
    # Whoever has leased it for sending has lost it.
    row.lease_token = None


def go_on(row: Fulfillment, now: datetime) -> None:
    """The warehouse has turned out to have the request: ask it to stop it, if somebody wants that.
    The caller saves the locked row."""
    if row.cancel_wanted_at is not None and not row.is_too_late and row.state in THERE:
        ask_to_stop(row, now)


def confirm_cancelled(
    row: Fulfillment, now: datetime, reason: str = "", *, actor: str = ""
) -> None:
    """Nothing of the request will ship, whoever said so: end it, give back what it had reserved
    unless it was recalled, tell the house. The caller saves the locked row.

    Raises IllegalTransition where it was not to be cancelled.
    """
    move(row, S.CANCELLED, now, reason, actor=actor)
    row.rest()
    if not row.keeps_units:
        stock.release_reservations(
            order_id=row.order_id,
            warehouse_id=row.warehouse_id,
            skus=list(row.lines.values_list("sku", flat=True)),
        )
    holds.parcel_stopped(row, now)
    outbox.publish(events.FulfillmentCancelled(subject_id=row.order_id, fulfillment_id=row.pk))


def stopped_there(row: Fulfillment, now: datetime) -> None:
    """The warehouse has cancelled it: what was asked for, or what a person has to settle, because
    the order goes on. The caller saves the locked row, which has no end yet."""
    is_wanted = row.cancel_wanted_at is not None and not row.is_too_late
    if is_wanted and row.state in (S.CANCELLATION_REQUESTED, *IN_DOUBT):
        confirm_cancelled(row, now, "the warehouse has stopped it")
        return
    if row.state == S.SUBMITTING:
        move(row, S.SUBMIT_UNKNOWN, now, "no answer")
    stop(
        row,
        WaitsFor.WAREHOUSE,
        f"The warehouse on {row.reference}: it has cancelled it without our asking. Ask there, "
        "then say on the request's page that it was cancelled there.",
    )


def goods_win(row: Fulfillment, now: datetime) -> None:
    """A parcel has left of what somebody wanted stopped: it was too late, whatever the warehouse
    may answer. Does nothing where nobody wanted that, or was told already.

    The caller records the parcel, takes the step to what has shipped, and saves the locked row.
    """
    if row.cancel_wanted_at is None or row.is_too_late:
        return
    _refuse(row, now)


def refuse(row: Fulfillment, now: datetime, reason: str) -> None:
    """The warehouse cannot stop it any more: it goes on as before. The caller saves the row."""
    is_news = row.state_before_cancel not in THERE
    move(row, S.ACCEPTED if is_news else S(row.state_before_cancel), now, reason)
    _refuse(row, now)
    if is_news:
        # Who cannot stop it any more has it.
        outbox.publish(events.FulfillmentAccepted(subject_id=row.order_id, fulfillment_id=row.pk))


def _refuse(row: Fulfillment, now: datetime) -> None:
    # What cannot be recalled keeps nothing for another request.
    row.is_too_late, row.keeps_units = True, False
    row.rest()
    outbox.publish(events.CancellationRefused(subject_id=row.order_id, fulfillment_id=row.pk))
