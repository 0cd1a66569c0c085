"""The story of an order as its customer reads it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from orders.models import NEVER_PLACED, Order, OrderCancellation, OrderLine
from orders.queries import cancellations, shortages
from orders.queries import changes as changes_of
from orders.queries.documents import Paper, list_papers
from orders.queries.holds import is_held
from orders.queries.parcels import Parcel, Tone, find_window, list_parcels
from orders.queries.payable import Payable, get_payable
from orders.queries.preorders import latest_ahead
from orders.queries.refunds import RefundNote, list_notes
from orders.queries.returns import ReturnView, list_returns
from orders.queries.shortages import Missing
from orders.queries.standing import Standing, standing_of
from orders.queries.story import Happening, list_changes, tell_story
from orders.states import CancellationState, OrderState
from payments import queries as payments

S = OrderState
# While money is on its way people watch closely; later a look every half minute is enough.
CLOSE_WATCH = timedelta(minutes=5)
# Headline, detail and tone.
Words = tuple[str, str, Tone]
STEPS = ("Placed", "Payment confirmed", "Preparing", "Dispatched", "Delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage of the order; `at` is when it was reached."""

    name: str
    at: datetime | None
    state: Literal["done", "current", "ahead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Everything that the tracking page says. `version` changes when any of it does."""

    headline: str
    detail: str
    tone: Tone
    lines: list[OrderLine]
    refunds: list[RefundNote]
    returns: list[ReturnView]
    papers: list[Paper]
    steps: list[Step]
    parcels: list[Parcel]
    missing: list[Missing]
    cancellation: OrderCancellation | None
    standing: Standing
    was_partly_stopped: bool
    is_sent: bool
    has_arrived: bool
    can_cancel: bool
    why_not: str
    story: list[Happening]
    ships_from: date | None
    earliest: date | None
    latest: date | None
    can_pay: bool
    kept_until: datetime | None
    is_final: bool
    poll_seconds: int
    version: str


def list_lines(*, order: Order) -> list[OrderLine]:
    """Return the lines of an order in the order of placing."""
    return list(order.lines.order_by("position"))


def find_order(*, number: str, email: str) -> Order | None:
    """Return the order with this number if it belongs to this address, in any case of letters."""
    order = Order.objects.exclude(NEVER_PLACED).filter(number=number).first()
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
    parcels = list_parcels(order, lines)
    missing = shortages.list_missing(order=order)
    cancellation = cancellations.find_latest(order_id=order.pk)
    standing = standing_of(order=order)
    sent = is_sent(order, lines)
    arrived = sent and bool(parcels) and all(parcel.delivered_at for parcel in parcels)
    headline, detail, tone = _words(order, payable, parcels, missing, cancellation, sent, arrived)
    window = None
    if not _is_open(cancellation) and not any(each.is_open for each in missing):
        window = find_window(order, parcels, is_dispatched=sent, now=now)
    changes = list_changes(order)
    story = tell_story(order, parcels, changes)
    why_not = cancellations.why_not(order=order)
    is_ended = order.state in (S.COMPLETED, S.CANCELLED, S.EXPIRED)
    ahead = None if parcels or is_ended else latest_ahead([order.ships_from], today=now.date())
    notes = list_notes(order_id=order.pk)
    papers = list_papers(order_id=order.pk)
    back = list_returns(order=order)
    told = (standing, parcels, missing, story, notes, back, papers)
    facts = (headline, detail, order.version, told, payable, window, why_not, _units(lines))
    return Tracking(
        headline=headline,
        detail=detail,
        tone=tone,
        lines=lines,
        refunds=notes,
        returns=back,
        papers=papers,
        steps=_steps(order, parcels, sent, arrived, dict(changes).get(S.IN_FULFILLMENT)),
        parcels=parcels,
        missing=missing,
        cancellation=cancellation,
        standing=standing,
        was_partly_stopped=cancellation is not None
        and cancellation.state == CancellationState.REJECTED
        and cancellations.was_partly_stopped(order_id=order.pk),
        is_sent=sent,
        has_arrived=arrived,
        can_cancel=not why_not and not changes_of.is_changing(order_id=order.pk),
        # That it has left is told above.
        why_not=why_not if why_not == cancellations.IN_DISPUTE else "",
        story=story,
        ships_from=ahead,
        earliest=window[0] if window else None,
        latest=window[1] if window else None,
        can_pay=payable.is_open,
        kept_until=order.payment_due_at if payable.is_open else None,
        is_final=is_ended and all(parcel.is_at_end for parcel in parcels),
        poll_seconds=_poll_seconds(order, cancellation, now),
        version=hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
    )


def _units(lines: list[OrderLine]) -> list[tuple[int, int]]:
    return [(line.shipped, line.cancelled) for line in lines]


def is_sent(order: Order, lines: Sequence[OrderLine]) -> bool:
    """Tell whether all of an order that is to leave has left."""
    return order.state == S.COMPLETED or (
        any(line.shipped for line in lines)
        and all(line.shipped + line.cancelled >= line.quantity for line in lines)
    )


def _is_open(cancellation: OrderCancellation | None) -> bool:
    return cancellation is not None and cancellation.state == CancellationState.REQUESTED


def _poll_seconds(order: Order, cancellation: OrderCancellation | None, now: datetime) -> int:
    """Who waits for an answer looks often, who waits for the postman now and then."""
    if order.state == S.COMPLETED:
        return 300
    since = order.state_changed_at
    if cancellation is not None:
        since = max(since, cancellation.requested_at)
    return 3 if now - since < CLOSE_WATCH else 30


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
    order: Order,
    payable: Payable,
    parcels: list[Parcel],
    missing: list[Missing],
    cancellation: OrderCancellation | None,
    is_sent: bool,
    has_arrived: bool,
) -> Words:
    if _is_open(cancellation):
        return _waiting_words(order, parcels)
    match order.state:
        case S.PENDING_PAYMENT:
            return _unpaid_words(order, payable)
        case S.EXPIRED:
            return "This order has expired", _what_was_paid(order), "bad"
        case S.CANCELLED:
            return "This order is cancelled", _what_goes_back(order), "bad"
    if is_sent:
        headline = "Your order was delivered" if has_arrived else "Your order is on its way"
        return headline, "", "good"
    return _words_on_the_way(order, payable, parcels, missing)


def _words_on_the_way(
    order: Order, payable: Payable, parcels: list[Parcel], missing: list[Missing]
) -> Words:
    if any(each.is_open for each in missing):
        text = "Our warehouse does not have all of it. Please tell us below what we shall do."
        return "We need your decision", text, "wait"
    if parcels:
        return "Part of your order is on its way", "The rest follows in another parcel.", "good"
    if payable.is_open:
        text = "Your bank gave up what it held for this order. You were not charged."
        return "We need another payment", text, "bad"
    # Why an order waits is between the shop and the bank.
    if order.state == S.IN_FULFILLMENT or is_held(order_id=order.pk):
        return "We are preparing your order", "", "calm"
    return "Your order is confirmed", "", "good"


def _waiting_words(order: Order, parcels: list[Parcel]) -> Words:
    if order.state == S.PENDING_PAYMENT:
        text = "We have asked your bank to let the payment go. This page follows along by itself."
        return "We are cancelling your order", text, "wait"
    follows = "This page follows along by itself, and we write to you."
    if parcels:
        text = f"What has left comes to you. What can be stopped you do not pay for. {follows}"
        return "We have asked our warehouse to stop the rest", text, "wait"
    money = "you are not charged"
    if payments.get_account(order_id=order.pk).captured_minor:
        money = "you get all of your money back"
    text = f"If it has not left yet, nothing is sent and {money}. {follows}"
    return "We have asked our warehouse to stop your order", text, "wait"


def _what_goes_back(order: Order) -> str:
    """Say what becomes of the money of an order that was cancelled."""
    account = payments.get_account(order_id=order.pk)
    if account.captured_minor:
        return "All that you paid goes back to you. Your bank shows it in 5 to 10 days."
    if order.confirmed_at is None:
        return "You were not charged."
    return "You were not charged. What your bank had set aside for it is free again in a few days."


def _what_was_paid(order: Order) -> str:
    """Say what became of money that came for an order which had expired."""
    status = payments.summaries([order.pk]).get(order.pk, "unpaid")
    if status in {"unpaid", "pending"}:
        return "It was not paid in time. You were not charged."
    return "Your payment came too late, so all of it goes back to you."


def _steps(
    order: Order,
    parcels: list[Parcel],
    is_sent: bool,
    has_arrived: bool,
    started_at: datetime | None,
) -> list[Step]:
    sent = parcels[-1].shipped_at if parcels and is_sent else None
    there = max((each.delivered_at for each in parcels if each.delivered_at), default=None)
    times = (order.created_at, order.confirmed_at, started_at, sent, there)
    if is_sent:
        reached = 4 if has_arrived else 3
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
