"""The story of an order as its customer reads it."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from django.utils import timezone

from fulfillment import queries as fulfillment
from globalmart.core.models import TimelineEntry
from orders.models import Order, OrderLine
from orders.queries import delivery
from orders.queries.holds import is_held, is_to_pay
from orders.queries.preorders import latest_ahead
from orders.states import OrderState
from payments import queries as payments

S = OrderState
# A live attempt in one of these waits for the customer: paying (again) is safe.
AWAITS_CUSTOMER = ("created", "requires_action")
# While money is on its way people watch closely; later a look every half minute is enough.
CLOSE_WATCH = timedelta(minutes=5)
WORDS = {
    S.CONFIRMED: "Your bank approved the payment",
    S.IN_FULFILLMENT: "We sent your order to our warehouse",
    S.COMPLETED: "Everything has been dispatched",
    S.CANCELLED: "The order was cancelled",
    S.EXPIRED: "The order expired without a payment",
}
# Headline, detail and tone.
Words = tuple[str, str, Literal["calm", "good", "wait", "bad"]]
STEPS = ("Placed", "Payment confirmed", "Preparing", "Dispatched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage of the order; `at` is when it was reached."""

    name: str
    at: datetime | None
    state: Literal["done", "current", "ahead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel that left, with what is in it as (name, quantity)."""

    number: int
    carrier: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime
    contents: list[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of the order's story, in plain words."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Everything that the tracking page says. `version` changes when any of it does."""

    headline: str
    detail: str
    tone: Literal["calm", "good", "wait", "bad"]
    steps: list[Step]
    parcels: list[Parcel]
    story: list[Happening]
    ships_from: date | None
    earliest: date | None
    latest: date | None
    can_pay: bool
    kept_until: datetime | None
    is_final: bool
    poll_seconds: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """Whether the customer may pay now, and why the last try failed (Stripe's decline code)."""

    is_open: bool
    decline_code: str
    # After many declined cards: from when (UTC) the next one is tried.
    rests_until: datetime | None = None


def get_payable(*, order: Order) -> Payable:
    """Tell whether the card form may be shown: the customer was asked for the money, and nothing
    of unknown outcome is under way."""
    if not is_to_pay(order):
        return Payable(is_open=False, decline_code="")
    attempt = payments.find_live_attempt(order_id=order.pk)
    if attempt is None:
        until = payments.resting_until(order_id=order.pk, now=timezone.now())
        return Payable(is_open=until is None, decline_code="", rests_until=until)
    is_open = attempt.state in AWAITS_CUSTOMER and attempt.mode == "browser"
    return Payable(is_open=is_open, decline_code=attempt.decline_code)


def list_lines(*, order: Order) -> list[OrderLine]:
    """Return the lines of an order in the order of placing."""
    return list(order.lines.order_by("position"))


def find_order(*, number: str, email: str) -> Order | None:
    """Return the order with this number if it belongs to this address, in any case of letters."""
    order = Order.objects.filter(number=number).first()
    if order is None or order.email.casefold() != email.strip().casefold():
        return None
    return order


def get_order(*, number: str) -> Order:
    """Return the order with this number. Raises Order.DoesNotExist."""
    return Order.objects.get(number=number)


def track(*, order: Order, now: datetime) -> Tracking:
    """Return what the customer sees of an order."""
    payable = get_payable(order=order)
    lines = list_lines(order=order)
    parcels = _parcels(order, lines)
    is_all_sent = bool(lines) and all(
        line.shipped + line.cancelled >= line.quantity for line in lines
    )
    is_dispatched = order.state == S.COMPLETED or is_all_sent
    is_on_hold = is_held(order_id=order.pk)
    headline, detail, tone = _words(order, payable, parcels, is_dispatched, is_on_hold)
    ships_from = None if parcels else latest_ahead([order.ships_from], today=now.date())
    is_final = order.state in (S.COMPLETED, S.CANCELLED, S.EXPIRED)
    window = _window(order, parcels, now=now)
    changes = _changes(order)
    story = _story(order, parcels, changes)
    facts = (headline, detail, order.version, len(parcels), len(story), payable, window)
    return Tracking(
        headline=headline,
        detail=detail,
        tone=tone,
        steps=_steps(order, parcels, is_dispatched, started_at=dict(changes).get(S.IN_FULFILLMENT)),
        parcels=parcels,
        story=story,
        ships_from=None if is_final else ships_from,
        earliest=window[0] if window else None,
        latest=window[1] if window else None,
        can_pay=payable.is_open,
        kept_until=order.payment_due_at if payable.is_open else None,
        is_final=is_final,
        poll_seconds=3 if now - order.state_changed_at < CLOSE_WATCH else 30,
        version=hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
    )


def _unpaid_words(order: Order, payable: Payable) -> Words:
    if order.payment_due_at is None:
        text = "You have not been charged. When they are nearly here we send you a link to pay."
        return "Your things are kept for you", text, "calm"
    if payable.rests_until is not None:
        text = "Several cards were declined. You were not charged; the next can be tried soon."
        return "Your payment did not go through", text, "bad"
    if not payable.is_open:
        text = "Please do not pay again: this page follows along by itself."
        return "We are confirming your payment", text, "wait"
    if payable.decline_code:
        return "Your payment did not go through", "Your card was not charged.", "bad"
    return "Waiting for your payment", "You have not been charged.", "wait"


def _words(
    order: Order, payable: Payable, parcels: list[Parcel], is_dispatched: bool, is_on_hold: bool
) -> Words:
    if order.state == S.PENDING_PAYMENT:
        return _unpaid_words(order, payable)
    if order.state == S.EXPIRED:
        return "This order has expired", _what_was_paid(order), "bad"
    if order.state == S.CANCELLED:
        return "This order is cancelled", "You will not be charged for it.", "bad"
    if is_dispatched:
        return "Your order is on its way", "", "good"
    if parcels:
        return "Part of your order is on its way", "The rest follows in another parcel.", "good"
    if payable.is_open:
        text = "Your bank gave up what it held for this order. You were not charged."
        return "We need another payment", text, "bad"
    # Why an order waits is between the shop and the bank.
    if order.state == S.IN_FULFILLMENT or is_on_hold:
        return "We are preparing your order", "", "calm"
    return "Your order is confirmed", "", "good"


def _what_was_paid(order: Order) -> str:
    """Say what became of money that came for an order which had expired."""
    status = payments.summaries([order.pk]).get(order.pk, "unpaid")
    if status in {"unpaid", "pending"}:
        return "It was not paid in time. You were not charged."
    return "Your payment came too late, so all of it goes back to you."


def _steps(
    order: Order, parcels: list[Parcel], is_dispatched: bool, *, started_at: datetime | None
) -> list[Step]:
    sent = parcels[-1].shipped_at if parcels and is_dispatched else None
    times = (order.created_at, order.confirmed_at, started_at, sent)
    if is_dispatched:
        reached = 3
    elif order.state == S.IN_FULFILLMENT or parcels:
        reached = 2
    elif order.confirmed_at is not None:
        reached = 1
    else:
        reached = 0
    steps = []
    for place, (name, at) in enumerate(zip(STEPS, times, strict=True)):
        is_ahead = place > reached
        state: Literal["done", "current", "ahead"] = "done" if place < reached else "current"
        steps.append(
            Step(name=name, at=None if is_ahead else at, state="ahead" if is_ahead else state)
        )
    return steps


def _parcels(order: Order, lines: list[OrderLine]) -> list[Parcel]:
    names = {line.sku: line.name for line in lines}
    shipments = fulfillment.list_shipments([order.pk]).get(order.pk, [])
    return [
        Parcel(
            number=number,
            carrier=shipment.carrier,
            tracking_number=shipment.tracking_number,
            tracking_url=shipment.tracking_url,
            shipped_at=shipment.shipped_at,
            contents=[(names.get(sku, sku), quantity) for sku, quantity in shipment.lines],
        )
        for number, shipment in enumerate(shipments, start=1)
    ]


def _window(order: Order, parcels: list[Parcel], *, now: datetime) -> tuple[date, date] | None:
    if order.state in (S.CANCELLED, S.EXPIRED, S.PENDING_PAYMENT):
        return None
    if parcels:
        leaves = parcels[-1].shipped_at.date()
    else:
        leaves = _leaves(order, now)
    return delivery.estimate(method_code=order.shipping_method, dispatched=leaves)


def _leaves(order: Order, now: datetime) -> date:
    """The day promised for the last parcel, or a later one when that has gone by."""
    promised = fulfillment.promised_dates([order.pk]).get(order.pk, order.ships_from)
    not_before = max(now.date(), promised or now.date())
    asked_at = order.confirmed_at or order.created_at
    return fulfillment.earliest_ship_date(now=asked_at, not_before=not_before)


def _changes(order: Order) -> list[tuple[OrderState, datetime]]:
    """Return the states that the order came into, with the time of each, oldest first."""
    entries = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk)
    # Requests and parcels have states of the same names in the same story.
    steps = entries.filter(kind__startswith="order.", after__in=WORDS)
    rows = steps.order_by("id").values_list("after", "created_at")
    return [(S(after), at) for after, at in rows]


def _story(
    order: Order, parcels: list[Parcel], changes: list[tuple[OrderState, datetime]]
) -> list[Happening]:
    story = [Happening(at=order.created_at, text="You placed the order")]
    story += [Happening(at=at, text=WORDS[state]) for state, at in changes]
    story += [
        Happening(at=parcel.shipped_at, text=f"Parcel {parcel.number} left with {parcel.carrier}")
        for parcel in parcels
    ]
    return sorted(story, key=lambda happening: happening.at, reverse=True)
