"""An order's parcels as its customer sees them, and when they are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from fulfillment import queries as fulfillment
from orders.models import Order, OrderLine, OrderShortage
from orders.queries import delivery
from orders.states import OrderState

S = OrderState
Tone = Literal["calm", "good", "wait", "bad"]
# What a carrier's state means for who waits for the parcel.
STATES: dict[str, tuple[str, Tone]] = {
    "label_created": ("Ready to leave", "calm"),
    "in_transit": ("On its way", "calm"),
    "out_for_delivery": ("Out for delivery", "good"),
    "available_for_pickup": ("Waiting to be picked up", "good"),
    "attempt_failed": ("Nobody was in: the carrier tries again", "wait"),
    "exception": ("Held up on its way", "wait"),
    "expired": ("Nothing was heard of it lately: we are asking the carrier", "wait"),
    "delivered": ("Delivered", "good"),
    "returned_to_sender": ("On its way back to us: we will write to you", "bad"),
    "lost": ("Lost on its way: we will write to you", "bad"),
    "voided": ("Withdrawn", "bad"),
}
AT_END = ("delivered", "returned_to_sender", "lost", "voided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel that left, with what is in it as (name, quantity).

    `words` says where it is, `news` what its carrier said last. Without `earliest` nobody knows
    when it is there, or it is.
    """

    number: int
    carrier: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime
    contents: list[tuple[str, int]]
    state: str
    words: str
    tone: Tone
    news: str
    moved_at: datetime
    delivered_at: datetime | None
    earliest: date | None
    latest: date | None

    @property
    def is_at_end(self) -> bool:
        """Whether nothing more is heard of it."""
        return self.state in AT_END


def list_parcels(order: Order, lines: Sequence[OrderLine]) -> list[Parcel]:
    """Return the parcels of an order, in the order of leaving."""
    names = {line.sku: line.name for line in lines}
    instead = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    names |= dict(instead.values_list("substitute_sku", "substitute_name"))
    shipments = fulfillment.list_shipments([order.pk]).get(order.pk, [])
    return [
        _parcel(order, number, shipment, names)
        for number, shipment in enumerate(shipments, start=1)
    ]


def _parcel(
    order: Order, number: int, shipment: fulfillment.ShipmentView, names: dict[str, str]
) -> Parcel:
    words, tone = STATES[shipment.state]
    window = None
    # Of a parcel in trouble nobody knows when it is there.
    if tone in ("calm", "good") and shipment.state not in AT_END:
        left_on = shipment.shipped_at.date()
        window = delivery.estimate(method_code=order.shipping_method, dispatched=left_on)
    return Parcel(
        number=number,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
        tracking_url=shipment.tracking_url,
        shipped_at=shipment.shipped_at,
        contents=[(names.get(sku, sku), quantity) for sku, quantity in shipment.lines],
        state=shipment.state,
        words=words,
        tone=tone,
        news=shipment.news,
        moved_at=shipment.moved_at,
        delivered_at=shipment.delivered_at,
        earliest=window[0] if window else None,
        latest=window[1] if window else None,
    )


def find_window(
    order: Order, parcels: Sequence[Parcel], *, is_dispatched: bool, now: datetime
) -> tuple[date, date] | None:
    """Return the days between which all of the order is with its customer; None: nobody knows."""
    if order.state in (S.CANCELLED, S.EXPIRED, S.PENDING_PAYMENT):
        return None
    if not is_dispatched:
        return delivery.estimate(method_code=order.shipping_method, dispatched=_leaves(order, now))
    open_ones = [parcel for parcel in parcels if parcel.earliest and parcel.latest]
    firsts = [parcel.earliest for parcel in open_ones if parcel.earliest]
    lasts = [parcel.latest for parcel in open_ones if parcel.latest]
    return (min(firsts), max(lasts)) if firsts and lasts else None


def _leaves(order: Order, now: datetime) -> date:
    """The day promised for the last parcel, or a later one when that has gone by."""
    promised = fulfillment.promised_dates([order.pk]).get(order.pk, order.ships_from)
    not_before = max(now.date(), promised or now.date())
    asked_at = order.confirmed_at or order.created_at
    return fulfillment.earliest_ship_date(now=asked_at, not_before=not_before)
