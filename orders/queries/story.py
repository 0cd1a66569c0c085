"""What happened to an order so far, in words for its customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from globalmart.core.models import TimelineEntry
from orders.models import Order
from orders.queries.cancellations import PART_LEFT
from orders.queries.parcels import Parcel
from orders.states import OrderState

S = OrderState
WORDS = {
    S.CONFIRMED: "Your bank approved the payment",
    S.IN_FULFILLMENT: "We sent your order to our warehouse",
    S.COMPLETED: "Everything has been dispatched",
    S.CANCELLED: "The order was cancelled",
    S.EXPIRED: "The order expired without a payment",
}
# What else a customer may read of the order's timeline.
MORE = {
    "contact.applied": "The contact was changed",
    "address.requested": "Another address was asked for",
    "address.applied": "It goes to another address",
    "address.rejected": "It was too late for another address",
    "cancellation.requested": "Cancelling was asked for",
    "cancellation.rejected": "It was too late to stop it",
    "shortage.open": "The warehouse could not send everything",
    "shortage.waiting": "Missing goods are waited for",
    "shortage.filled": "Missing goods have come in",
    "shortage.substituted": "Something else is sent instead of missing goods",
    "shortage.cancelled": "Missing goods are neither sent nor paid for",
}
A_PART = "It was too late to stop a part of it"
# Nobody needs to hear of one more scan; of these everybody wants to.
MILESTONES = ("out_for_delivery", "delivered", "returned_to_sender", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of the order's story, in plain words."""

    at: datetime
    text: str


def list_changes(order: Order) -> list[tuple[OrderState, datetime]]:
    """Return the states that the order came into, with the time of each, oldest first."""
    entries = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk)
    # Requests and parcels have states of the same names in the same story.
    steps = entries.filter(kind__startswith="order.", after__in=WORDS)
    rows = steps.order_by("id").values_list("after", "created_at")
    return [(S(after), at) for after, at in rows]


def tell_story(
    order: Order, parcels: Sequence[Parcel], changes: Sequence[tuple[OrderState, datetime]]
) -> list[Happening]:
    """Return all that happened, the latest first."""
    story = [Happening(at=order.created_at, text="You placed the order")]
    story += [Happening(at=at, text=WORDS[state]) for state, at in changes]
    entries = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk, kind__in=MORE)
    # Two lines of one order may go short at once: that is told once.
    told = dict.fromkeys(
        (entry.created_at, A_PART if entry.reason == PART_LEFT else MORE[entry.kind])
        for entry in entries.order_by("id")
    )
    story += [Happening(at=at, text=text) for at, text in told]
    for parcel in parcels:
        name = f"Parcel {parcel.number}"
        story.append(Happening(at=parcel.shipped_at, text=f"{name} left with {parcel.carrier}"))
        if parcel.state in MILESTONES:
            story.append(Happening(at=parcel.moved_at, text=f"{name}: {parcel.words.lower()}"))
    return sorted(story, key=lambda happening: happening.at, reverse=True)
