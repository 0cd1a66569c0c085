"""Whether an order can be cancelled, what that would do, and what became of the wish."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fulfillment import queries as fulfillment
from fulfillment.queries import Outlook
from globalmart.core.choreography import MOST_STUCK, Stuck
from globalmart.core.models import TimelineEntry
from orders.models import (
    CancellationLine,
    Order,
    OrderCancellation,
    OrderLine,
    OrderShortage,
)
from orders.queries.holds import blocks_changes
from orders.queries.shortages import has_open_shortage
from orders.states import AT_REST, CANCELLATION_AGE, CancellationState, OrderState
from payments import queries as payments

S, C = OrderState, CancellationState
ENDED = "This order has ended."
TOO_LATE = "All of it has left, or could not be stopped any more."
# Why a wish was rejected, as its entry in the timeline says it.
ALL_LEFT = "all of it had left"
PART_LEFT = "part of it had left"
IN_DISPUTE = (
    "The payment for this order is being looked into. Until that is over it cannot be cancelled "
    "on this page."
)


def is_cancelling(*, order_id: int) -> bool:
    """Tell whether somebody wants the whole order cancelled, and nobody knows yet whether it will
    be."""
    wishes = OrderCancellation.objects.filter(order_id=order_id, state=C.REQUESTED)
    return wishes.filter(is_whole=True).exists()


def wanted_units(row: OrderCancellation) -> dict[int, int]:
    """Return the units that somebody wants cancelled, by the position of their line; none where it
    is the whole order."""
    return dict(row.lines.values_list("line__position", "quantity"))


def list_given_up(*, cancellation_id: int) -> list[tuple[int, str]]:
    """Return how many units of what a wish to cancel units has given up, as (units, name)."""
    rows = CancellationLine.objects.filter(cancellation_id=cancellation_id, given_up__gt=0)
    return list(rows.order_by("line__position").values_list("given_up", "line__name"))


def find_latest(*, order_id: int) -> OrderCancellation | None:
    """Return the latest wish to cancel the whole order."""
    rows = OrderCancellation.objects.filter(order_id=order_id, is_whole=True)
    return rows.order_by("-pk").first()


def was_partly_stopped(*, order_id: int) -> bool:
    """Tell whether the last wish that was rejected has stopped a part of the order after all."""
    told = TimelineEntry.objects.filter(
        subject_type="order", subject_id=order_id, kind=f"cancellation.{C.REJECTED}"
    )
    return told.order_by("id").values_list("reason", flat=True).last() == PART_LEFT


def was_about_units(*, order_id: int) -> bool:
    """Tell whether the last wish to cancel was about some units, not the whole order."""
    last = OrderCancellation.objects.filter(order_id=order_id).order_by("-pk").first()
    return last is not None and not last.is_whole


def list_all(*, order_id: int) -> list[OrderCancellation]:
    """Return the wishes to cancel the order, oldest first."""
    return list(OrderCancellation.objects.filter(order_id=order_id).order_by("pk"))


def not_coming(*, order: Order, lines: Sequence[OrderLine], ahead: Outlook) -> dict[int, int]:
    """Return by position the units that have neither left, nor come, nor were given up."""
    instead = list(OrderShortage.objects.filter(line__order=order).exclude(substitute_sku=""))
    found = {}
    for line in lines:
        skus = {line.sku, *(row.substitute_sku for row in instead if row.line_id == line.pk)}
        coming = sum(ahead.coming.get(sku, 0) for sku in skus)
        units = line.quantity - line.shipped - line.cancelled - coming
        if units > 0:
            found[line.position] = units
    return found


def why_not(*, order: Order, is_staff: bool = False) -> str:
    """Return why the order cannot be cancelled now, in words for the customer; empty: it can.

    What decides is how far it has come, not a clock. Staff may cancel what is in dispute.
    """
    if order.state in AT_REST or order.state == S.DRAFT:
        return ENDED
    if not is_staff and blocks_changes(order_id=order.pk):
        return IN_DISPUTE
    if order.state == S.PENDING_PAYMENT or has_open_shortage(order_id=order.pk):
        return ""
    ahead = fulfillment.outlook(order_id=order.pk)
    is_all_away = ahead.too_late and not (ahead.can_be_stopped or ahead.being_stopped)
    lines = list(order.lines.all())
    if is_all_away and not not_coming(order=order, lines=lines, ahead=ahead):
        return TOO_LATE
    return ""


NOTHING_ASKED = Outlook(unsent=0, at_warehouse=0, being_stopped=0, too_late=0, coming={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What cancelling an order now would do to its goods and its money. Minor units.

    Requests are counted: those that end at once, those of which the warehouse is asked, and those
    that go on; with `stays` goods come all the same. With `asks_bank` a payment that the customer
    may have begun is cancelled first. `held_minor` is let go, `captured_minor` goes back, if all of
    it can be stopped.
    """

    at_once: int
    asked: int
    too_late: int
    stays: bool
    asks_bank: bool
    held_minor: int
    captured_minor: int
    currency: str


def preview(*, order: Order) -> Preview:
    """Return what cancelling the order now would do."""
    is_unpaid = order.state == S.PENDING_PAYMENT
    # Nothing is asked of the warehouse before the money is held.
    ahead = NOTHING_ASKED if is_unpaid else fulfillment.outlook(order_id=order.pk)
    account = payments.get_account(order_id=order.pk)
    live = payments.find_live_attempt(order_id=order.pk) if is_unpaid else None
    asked = ahead.at_warehouse + ahead.being_stopped
    has_left = not is_unpaid and order.lines.filter(shipped__gt=0).exists()
    return Preview(
        at_once=ahead.unsent,
        asked=asked,
        too_late=ahead.too_late,
        stays=has_left or (bool(ahead.coming) and not ahead.unsent and not asked),
        asks_bank=live is not None and bool(live.intent_id),
        held_minor=account.authorized_minor - account.captured_minor,
        captured_minor=account.captured_minor
        - account.refunded_minor
        - account.refund_reserved_minor,
        currency=account.currency,
    )


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return wishes to cancel that nobody has answered for longer than their age."""
    late = OrderCancellation.objects.filter(
        state=C.REQUESTED, requested_at__lt=now - CANCELLATION_AGE[C.REQUESTED]
    )
    return [
        Stuck(
            "order",
            row.order_id,
            "cancellation_stuck",
            f"cancelling was asked for at {row.requested_at:%F %T}, and nobody knows yet",
        )
        for row in late.order_by("requested_at")[:MOST_STUCK]
    ]
