"""Cancelling a whole order: asked for, carried on by events, decided when all requests have an end.

Goods that have left win. Each step locks the order, then its account, then its requests.
"""

from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import cancelling as requests
from fulfillment.services import stock
from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import Order, OrderCancellation
from orders.queries.cancellations import ALL_LEFT, PART_LEFT, not_coming, why_not
from orders.services import holds, leftovers, lifecycle, shortages, shrinking
from orders.services.counting import cancel_units, count_allocated, count_parcels
from orders.states import CANCELLATION, CancellationState, OrderState
from payments.services import giving_back, planning
from payments.services.refunds import Reason

C = CancellationState
MOST_REASON = 200


class CannotCancel(Exception):
    """The order is past cancelling, or may not be changed now; the text is for the customer."""


@transaction.atomic
def request_cancellation(
    *, order_id: int, reason: str, actor: str, now: datetime
) -> OrderCancellation:
    """Ask for a whole order to be cancelled, and go as far as that goes at once.

    What was never sent or paid ends here; otherwise bank and warehouse are asked, and their answers
    carry it on (`go_on`). Asked again while one is open, it returns that one. `reason` goes to the
    warehouse, too, and into the timeline: nothing personal. Raises CannotCancel, and ValueError
    without a reason.
    """
    reason = reason.strip()[:MOST_REASON]
    if not reason:
        raise ValueError("an order is cancelled for a reason")
    order = Order.objects.locked().get(pk=order_id)
    open_row = _open(order_id)
    if open_row is not None:
        return open_row
    if words := why_not(order=order, is_staff=actor.startswith("staff:")):
        raise CannotCancel(words)
    row = OrderCancellation.objects.create(
        order=order, reason=reason, requested_by=actor, requested_at=now
    )
    _tell(row, "", reason)
    _carry_on(order, row, now)
    return row


@transaction.atomic
def go_on(*, order_id: int, now: datetime) -> None:
    """Bank or warehouse have said something: carry on what was asked for, if it is still open."""
    order = Order.objects.locked().get(pk=order_id)
    row = _open(order_id)
    if row is not None:
        _carry_on(order, row, now)


def _open(order_id: int) -> OrderCancellation | None:
    rows = OrderCancellation.objects.filter(order_id=order_id, state=C.REQUESTED)
    return rows.locked().first()


def _carry_on(order: Order, row: OrderCancellation, now: datetime) -> None:
    planning.lock_account(order_id=order.pk)
    match order.state:
        case OrderState.PENDING_PAYMENT:
            _end_unpaid(order, row, now)
        case OrderState.CONFIRMED | OrderState.IN_FULFILLMENT:
            _stop_goods(order, row, now)
            leftovers.tell(order_id=order.pk, now=now)
        case OrderState.COMPLETED:
            _reject(row, ALL_LEFT, now)
        case _:
            _accept(row, now)


def _end_unpaid(order: Order, row: OrderCancellation, now: datetime) -> None:
    """The order ends only when its payment was seen cancelled; until then it keeps its goods."""
    if planning.plan_cancel(order_id=order.pk, now=now):
        _accept(row, now)
        lifecycle.cancel(order, actor=row.requested_by, now=now)
        return
    # What was captured at Stripe behind our back goes back as well.
    giving_back.give_back(order_id=order.pk, now=now, reason=Reason.CANCELLED)


def _stop_goods(order: Order, row: OrderCancellation, now: datetime) -> None:
    requests.request_cancellation(
        order_id=order.pk, reason=row.reason, actor=row.requested_by, now=now
    )
    ahead = fulfillment.outlook(order_id=order.pk)
    if ahead.being_stopped:
        return
    lines = count_parcels(order)
    if not ahead.coming and not any(line.shipped for line in lines):
        shortages.give_up(order, actor=row.requested_by, now=now)
        _accept(row, now)
        lifecycle.cancel(order, actor=row.requested_by, now=now)
        holds.release_if_stocked(order_id=order.pk, now=now)
        return
    given_up = not_coming(order=order, lines=lines, ahead=ahead)
    _reject(row, PART_LEFT if given_up else ALL_LEFT, now)
    if given_up:
        cancel_units(order, given_up)
        shrinking.follow_lines(order_id=order.pk, actor=row.requested_by, now=now)
    # It may have been accepted while nobody knew.
    lifecycle.capture_on_acceptance(order, now)
    if given_up:
        _go_without(order, row, given_up, now)


def _go_without(
    order: Order, row: OrderCancellation, given_up: dict[int, int], now: datetime
) -> None:
    """Part of the order was stopped: nothing is kept for that, and the rest goes on."""
    shortages.give_up(order, actor=row.requested_by, now=now)
    ahead = fulfillment.outlook(order_id=order.pk)
    lines = order.lines.filter(position__in=given_up).exclude(sku__in=ahead.coming)
    skus = list(lines.values_list("sku", flat=True))
    stock.release_reservations(order_id=order.pk, skus=skus, now=now)
    count_allocated(order)
    holds.release_if_stocked(order_id=order.pk, now=now)
    shortages.end_if_over(order_id=order.pk, actor=row.requested_by, now=now)


def _accept(row: OrderCancellation, now: datetime) -> None:
    _decide(row, C.ACCEPTED, "", now)


def _reject(row: OrderCancellation, why: str, now: datetime) -> None:
    _decide(row, C.REJECTED, why, now)
    outbox.publish(events.CancellationRejected(subject_id=row.order_id))


def _decide(row: OrderCancellation, state: CancellationState, why: str, now: datetime) -> None:
    states.require(CANCELLATION, "cancellation", row.state, state)
    before, row.state, row.decided_at = row.state, state, now
    row.save(update_fields=["state", "decided_at"])
    _tell(row, before, why)


def _tell(row: OrderCancellation, before: str, reason: str) -> None:
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"cancellation.{row.state}",
        before=before,
        after=row.state,
        actor=row.requested_by if not before else "system",
        reason=reason,
    )
