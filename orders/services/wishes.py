"""Wishes to cancel an order: one is open at a time, each is decided once, and all of it is told."""

from datetime import datetime

from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import OrderCancellation
from orders.states import CANCELLATION, CancellationState

C = CancellationState
MOST_REASON = 200


def check_reason(text: str) -> str:
    """Return the reason as it is kept. Raises ValueError without one."""
    reason = text.strip()[:MOST_REASON]
    if not reason:
        raise ValueError("an order is cancelled for a reason")
    return reason


def find_open(order_id: int) -> OrderCancellation | None:
    """Return the open wish, locked. The caller holds the order's lock."""
    rows = OrderCancellation.objects.filter(order_id=order_id, state=C.REQUESTED)
    return rows.locked().first()


def accept(row: OrderCancellation, now: datetime) -> None:
    """What was wanted is done."""
    _decide(row, C.ACCEPTED, "", now)


def reject(row: OrderCancellation, why: str, now: datetime) -> None:
    """Goods have won: all of them, or a part."""
    _decide(row, C.REJECTED, why, now)
    outbox.publish(events.CancellationRejected(subject_id=row.order_id))


def _decide(row: OrderCancellation, state: CancellationState, why: str, now: datetime) -> None:
    states.require(CANCELLATION, "cancellation", row.state, state)
    before, row.state, row.decided_at = row.state, state, now
    row.save(update_fields=["state", "decided_at"])
    tell(row, before, why)


def tell(row: OrderCancellation, before: str, reason: str) -> None:
    """Write the step in the order's timeline."""
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"cancellation.{row.state}",
        before=before,
        after=row.state,
        actor=row.requested_by if not before else "system",
        reason=reason,
    )
