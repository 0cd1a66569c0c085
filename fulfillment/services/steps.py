"""One step of a warehouse request's machine."""

from datetime import datetime

from fulfillment.models import Fulfillment
from fulfillment.states import FULFILLMENT, FulfillmentState
from globalmart.core import states, timeline


def move(row: Fulfillment, state: FulfillmentState, now: datetime, reason: str = "") -> None:
    """Take one step, with its line in the order's timeline; the caller saves the locked row.

    Raises IllegalTransition.
    """
    states.require(FULFILLMENT, "fulfillment", row.state, state)
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"fulfillment.{state}",
        before=row.state,
        after=state,
        actor="warehouse" if row.first_sent_at else "system",
        reason=reason,
        data={"reference": row.reference},
    )
    row.state = state
    row.state_changed_at = now
