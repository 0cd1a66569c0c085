"""Requests that do not get through: sent again by a person, given up, or all at once when the
warehouse is back."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, holds
from fulfillment.services.steps import LONGEST_PAUSE, move, revive
from fulfillment.states import FulfillmentState, WaitsFor
from globalmart.core import timeline

S = FulfillmentState
# What can be tried anew; of other states nothing is to be sent.
TRIED = (S.SUBMIT_UNKNOWN, S.REJECTED, S.CANCELLATION_REQUESTED)

# One at a time as fast as the warehouse lets us; what somebody works on, or waits a minute before
# it is looked up once more, is left alone.
RESUME = """
WITH waiting AS (
    SELECT id
      FROM fulfillment_fulfillment
     WHERE warehouse_id = %(warehouse)s AND waits_for = 'nobody' AND due_at > %(now)s
       AND (lease_until IS NULL OR lease_until < %(now)s)
     ORDER BY id
       FOR NO KEY UPDATE SKIP LOCKED
), placed AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM waiting
)
UPDATE fulfillment_fulfillment f
   SET due_at = %(now)s::timestamptz + placed.place * %(pause)s * interval '1 second',
       -- Tries that the warehouse got go on being counted.
       tries = CASE WHEN tries > %(pauses)s THEN tries ELSE 0 END
  FROM placed
 WHERE f.id = placed.id
"""


def may_replay(row: Fulfillment) -> bool:
    """Tell whether trying the request again is safe: what nobody knows the fate of is not sent
    again to a warehouse that can neither be asked nor be told twice."""
    if row.state == S.READY:
        # What was not tried yet may wait for its day.
        return row.waits_for == WaitsFor.NOBODY
    if row.state not in TRIED:
        return False
    knows = row.warehouse.can_look_up or row.warehouse.deduplicates
    return knows or row.state != S.SUBMIT_UNKNOWN


def may_discard(row: Fulfillment) -> bool:
    """Tell whether the warehouse certainly does not have the request."""
    is_unsent = row.state in (S.PLANNED, S.ON_HOLD, S.READY) and row.first_sent_at is None
    return is_unsent or row.state == S.REJECTED


def replay(*, fulfillment_ids: Collection[int], actor: str, reason: str, now: datetime) -> int:
    """Make requests due at once, whatever they wait for; return how many there were.

    One that was refused goes again as the next sequence. Each is a transaction of its own. What may
    not be replayed is left alone. Raises ValueError without a reason.
    """
    reason = check_reason(reason)
    return sum(
        _replay(fulfillment_id=key, actor=actor, reason=reason, now=now)
        for key in sorted(fulfillment_ids)
    )


@transaction.atomic
def _replay(*, fulfillment_id: int, actor: str, reason: str, now: datetime) -> bool:
    row = _locked(fulfillment_id)
    if row is None or not may_replay(row) or _is_in_work(row, now):
        return False
    if row.state == S.REJECTED:
        release_refused(row, actor=actor, reason=reason, now=now)
    else:
        record(row, "replayed", actor=actor, reason=reason)
        revive(row, now)
        row.due_at, row.tries = now, 0
    row.save()
    return True


def discard(*, fulfillment_ids: Collection[int], actor: str, reason: str, now: datetime) -> int:
    """Give requests up that the warehouse certainly does not have; return how many there were.

    They are cancelled, and what they had reserved is free again. What may be there is left alone:
    that has to be cancelled at the warehouse. Raises ValueError without a reason.
    """
    reason = check_reason(reason)
    return sum(
        _discard(fulfillment_id=key, actor=actor, reason=reason, now=now)
        for key in sorted(fulfillment_ids)
    )


@transaction.atomic
def _discard(*, fulfillment_id: int, actor: str, reason: str, now: datetime) -> bool:
    row = _locked(fulfillment_id)
    if row is None or not may_discard(row):
        return False
    cancelling.confirm_cancelled(row, now, reason, actor=actor)
    row.save()
    return True


def resume_waiting(*, warehouse_id: int, now: datetime) -> int:
    """The warehouse answers again: make everything due that only waited for that, one after the
    other at the rate that it allows. Return how many there were."""
    rate = settings.WMS_RATE_PER_SECOND
    values = {
        "warehouse": warehouse_id,
        "now": now,
        "pause": 1 / rate if rate else 0.0,
        "pauses": LONGEST_PAUSE,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESUME, values)
        return int(cursor.rowcount)


def release_refused(row: Fulfillment, *, actor: str, reason: str, now: datetime) -> None:
    """Let a refused request go once more, as the next sequence of the same reference; that of an
    order on hold waits for its release. The caller saves the locked row."""
    move(row, S.READY, now, reason, actor=actor)
    row.sequence += 1
    # The warehouse has said that it does not have it.
    row.first_sent_at = row.absent_since = None
    row.due_at, row.tries = now, 0
    if row.is_held:
        holds.park(row, now)


def record(row: Fulfillment, kind: str, *, actor: str, reason: str) -> None:
    """Write into the order's story what a person did with a request that took no step by it."""
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"fulfillment.{kind}",
        actor=actor,
        reason=reason,
        data={"reference": row.reference},
    )


def _locked(fulfillment_id: int) -> Fulfillment | None:
    rows = Fulfillment.objects.filter(pk=fulfillment_id).select_related("warehouse")
    return rows.locked().first()


def _is_in_work(row: Fulfillment, now: datetime) -> bool:
    return row.lease_until is not None and row.lease_until > now


def check_reason(text: str) -> str:
    """Return the reason, at most 300 characters of it. Raises ValueError where there is none."""
    found = text.strip()[:300]
    if not found:
        raise ValueError("this is done for a reason")
    return found
