"""One step of a warehouse request's machine, and the stop of one that only a person can go on
with."""

from datetime import datetime

from django.conf import settings

from fulfillment.gateways.wms import OutcomeUnknown, WarehouseRejected, WarehouseUnavailable
from fulfillment.models import Fulfillment
from fulfillment.states import FULFILLMENT, THERE, FulfillmentState, WaitsFor
from globalmart.core import states, timeline
from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.work import backoff

NoAnswer = WarehouseRejected | WarehouseUnavailable | OutcomeUnknown

S = FulfillmentState
# Whom a dead letter waits for. What waits for nobody goes on by itself.
PEOPLE = (WaitsFor.STAFF, WaitsFor.WAREHOUSE, WaitsFor.DEVELOPER)
REJECTED_ALERT = "fulfillment_rejected"
UNCLEAR_ALERT = "submission_unclear"
STOPPED_ALERT = "fulfillment_stopped"
DISAGREES_ALERT = "warehouse_disagrees"
# Tries that the warehouse never got do not count. After so many the pause is the longest already.
LONGEST_PAUSE = 9


def move(
    row: Fulfillment, state: FulfillmentState, now: datetime, reason: str = "", *, actor: str = ""
) -> None:
    """Take one step, with its line in the order's timeline; the caller saves the whole locked row.

    Who moves on waits for nobody any more. Raises IllegalTransition.
    """
    states.require(FULFILLMENT, "fulfillment", row.state, state)
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"fulfillment.{state}",
        before=row.state,
        after=state,
        actor=actor or ("warehouse" if row.first_sent_at else "system"),
        reason=reason,
        data={"reference": row.reference},
    )
    revive(row, now)
    row.state = state
    row.state_changed_at = now


def flip(row: Fulfillment, state: FulfillmentState, now: datetime, reason: str = "") -> None:
    """Take the step to a try, or back from one that was turned away; the caller saves the row.

    From the second try on it is told no more, and the request stays as old as it was: else one that
    is turned away for ever would never be too old. Raises IllegalTransition.
    """
    if row.waits_for != WaitsFor.NOBODY:
        move(row, state, now, reason)
        return
    states.require(FULFILLMENT, "fulfillment", row.state, state)
    row.state = state


def stop(row: Fulfillment, who: WaitsFor, detail: str) -> None:
    """Try nothing more before this one has acted, and tell so; the caller saves the locked row."""
    row.rest()
    row.waits_for = who
    open_alert(kind=_alert_kind(row), subject_type="order", subject_id=row.order_id, detail=detail)


def put_off(row: Fulfillment, error: NoAnswer, now: datetime) -> None:
    """Try again later, and after too many tries no more; the caller saves the locked row.

    A warehouse that is down is waited for however long it takes.
    """
    if isinstance(error, WarehouseUnavailable):
        row.tries = min(row.tries, LONGEST_PAUSE)
    row.waits_for = WaitsFor.NOBODY
    row.postpone(now=now, seconds=backoff(row.tries), error=str(error))
    if row.tries < settings.WMS_MOST_TRIES:
        return
    is_ours = isinstance(error, WarehouseRejected)
    stop(
        row,
        WaitsFor.DEVELOPER if is_ours else WaitsFor.WAREHOUSE,
        f"{row.reference} has been tried {row.tries} times: {error}",
    )


def revive(row: Fulfillment, now: datetime) -> None:
    """It waits for nobody any more: close its alert, unless another request of the order has the
    same. The caller saves the locked row."""
    if is_dead(row):
        kind = _alert_kind(row)
        others = Fulfillment.objects.filter(order_id=row.order_id).exclude(pk=row.pk)
        if not any(is_dead(other) and _alert_kind(other) == kind for other in others):
            close_alert(kind=kind, subject_type="order", subject_id=row.order_id, now=now)
    row.waits_for = ""


def is_dead(row: Fulfillment) -> bool:
    """Tell whether the request goes on only when a person acts."""
    return row.waits_for in PEOPLE or row.state == S.REJECTED


def _alert_kind(row: Fulfillment) -> str:
    if row.state == S.REJECTED:
        return REJECTED_ALERT
    if row.waits_for == WaitsFor.WAREHOUSE and row.state == S.SUBMIT_UNKNOWN:
        return UNCLEAR_ALERT
    if row.waits_for == WaitsFor.WAREHOUSE and row.state in THERE | {S.PARTIALLY_SHIPPED}:
        return DISAGREES_ALERT
    return STOPPED_ALERT
