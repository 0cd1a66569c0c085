"""The courses that seeded orders take: in which states each one ends, and how often it is taken."""

from dataclasses import dataclass, replace
from typing import Literal

from fulfillment.states import FulfillmentState as F
from fulfillment.states import ReservationState as R
from fulfillment.states import ShipmentState
from orders.states import CancellationState, OrderState, ShortageState
from payments.states import AttemptState as A
from payments.states import DisputeState, RefundState

O = OrderState  # noqa: E741 - as in states
HOUR, DAY = 60, 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where order, payment and request end. `shipped` lines are the first ones; `rest` is what
    became of the others' units. Of an open order `age` is how long ago it was placed, in minutes;
    `share` counts among the open, or among the ended ones."""

    share: float
    order: OrderState
    payment: A | None = A.CAPTURED
    request: F | None = F.SHIPPED
    shipped: Literal["all", "first", "none"] = "all"
    rest: R = R.COMMITTED
    parcel: ShipmentState = ShipmentState.DELIVERED
    parcels: int = 1
    least_lines: int = 1
    age: tuple[int, int] = (0, 0)
    is_declined: bool = False
    is_paid: bool = True
    # A hold was placed; it is open where the request is on hold.
    has_hold: bool = False
    has_alert: bool = False
    refund: RefundState | None = None
    dispute: DisputeState | None = None
    shortage: ShortageState | None = None
    cancellation: CancellationState | None = None


DELIVERED = Plan(share=870, order=O.COMPLETED)
# What has come to its end.
ENDED = {
    "delivered": DELIVERED,
    "two parcels": Plan(share=25, order=O.COMPLETED, parcels=2, least_lines=2),
    "declined once": Plan(share=25, order=O.COMPLETED, is_declined=True),
    "held for a while": Plan(share=10, order=O.COMPLETED, has_hold=True),
    "refunded": Plan(share=25, order=O.COMPLETED, refund=RefundState.SUCCEEDED, least_lines=2),
    "dispute won": Plan(share=2, order=O.COMPLETED, dispute=DisputeState.WON),
    "dispute lost": Plan(share=2, order=O.COMPLETED, dispute=DisputeState.LOST),
    "short": Plan(
        share=6,
        order=O.COMPLETED,
        request=F.INCOMPLETE,
        shipped="first",
        rest=R.RELEASED,
        least_lines=2,
        shortage=ShortageState.CANCELLED,
    ),
    "cancelled": Plan(
        share=20,
        order=O.CANCELLED,
        payment=A.CANCELLED,
        request=F.CANCELLED,
        shipped="none",
        rest=R.RELEASED,
        cancellation=CancellationState.ACCEPTED,
    ),
    "expired": Plan(
        share=15,
        order=O.EXPIRED,
        payment=A.CANCELLED,
        request=None,
        shipped="none",
        rest=R.RELEASED,
        is_paid=False,
    ),
}
_UNPAID = Plan(
    share=0,
    order=O.PENDING_PAYMENT,
    payment=A.CREATED,
    request=None,
    shipped="none",
    rest=R.HELD,
    is_paid=False,
)
_PACKED = Plan(share=0, order=O.IN_FULFILLMENT, payment=A.AUTHORIZED, shipped="none")
_HALF = Plan(
    share=0,
    order=O.IN_FULFILLMENT,
    payment=A.PARTIALLY_CAPTURED,
    shipped="first",
    least_lines=2,
    age=(8 * HOUR, 60 * HOUR),
)
# What is under way, or was a few days ago.
OPEN = {
    "draft": Plan(
        share=4,
        order=O.DRAFT,
        payment=None,
        request=None,
        shipped="none",
        is_paid=False,
        age=(HOUR, 9 * DAY),
    ),
    "to be paid": replace(_UNPAID, share=6, payment=A.CREATED, age=(1, 10)),
    "challenged": replace(_UNPAID, share=2, payment=A.REQUIRES_ACTION, age=(3, 10)),
    "unknown": replace(_UNPAID, share=1, payment=A.UNKNOWN, age=(5, 10), has_alert=True),
    "on hold": Plan(
        share=2,
        order=O.CONFIRMED,
        payment=A.AUTHORIZED,
        request=F.ON_HOLD,
        shipped="none",
        has_hold=True,
        age=(10, 15),
    ),
    "accepted": replace(_PACKED, share=30, request=F.ACCEPTED, age=(HOUR, 20 * HOUR)),
    "picked": replace(_PACKED, share=20, request=F.IN_PROGRESS, age=(2 * HOUR, 40 * HOUR)),
    "being stopped": replace(
        _PACKED,
        share=1,
        request=F.CANCELLATION_REQUESTED,
        cancellation=CancellationState.REQUESTED,
        age=(10, 15),
    ),
    "half shipped": replace(_HALF, share=6, request=F.PARTIALLY_SHIPPED),
    "backordered": replace(
        _HALF, share=2, request=F.INCOMPLETE, rest=R.BACKORDERED, shortage=ShortageState.WAITING
    ),
    "customer asked": replace(
        _HALF, share=2, request=F.INCOMPLETE, rest=R.BACKORDERED, shortage=ShortageState.OPEN
    ),
    "on its way": Plan(
        share=80, order=O.COMPLETED, parcel=ShipmentState.IN_TRANSIT, age=(3 * DAY, 8 * DAY)
    ),
    "just delivered": Plan(share=120, order=O.COMPLETED, age=(6 * DAY, 10 * DAY)),
    "refund asked for": Plan(
        share=2,
        order=O.COMPLETED,
        refund=RefundState.REQUESTED,
        least_lines=2,
        age=(6 * DAY, 9 * DAY),
    ),
    "refund on its way": Plan(
        share=2,
        order=O.COMPLETED,
        refund=RefundState.PENDING,
        least_lines=2,
        age=(6 * DAY, 9 * DAY),
    ),
    "dispute open": Plan(
        share=1, order=O.COMPLETED, dispute=DisputeState.NEEDS_RESPONSE, age=(6 * DAY, 9 * DAY)
    ),
}
