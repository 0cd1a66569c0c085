"""Cancelling an order, whole or some units of it: asked for, carried on by events, decided when
the requests that stand in its way have an end.

Goods that have left win. Each step locks the order, then its account, then its requests.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import cancelling as requests
from fulfillment.services import stock
from orders.models import CancellationLine, Order, OrderCancellation
from orders.queries.cancellations import (
    ALL_LEFT,
    PART_LEFT,
    not_coming,
    wanted_units,
    why_not,
)
from orders.queries.changes import (
    CHANGED,
    FEWER,
    UNDER_WAY,
    cancellable_units,
    is_changing,
    why_no_units,
)
from orders.services import (
    changing,
    holds,
    leftovers,
    lifecycle,
    shortages,
    shrinking,
    stopping_units,
    wishes,
)
from orders.services.counting import cancel_units, count_allocated, count_parcels
from orders.services.remainders import end_if_over
from orders.services.vouchers import lock_voucher
from orders.states import CancellationState, OrderState
from payments.services import giving_back, planning
from payments.services.refunds import Reason

C = CancellationState


class CannotCancel(changing.CannotChange):
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
    reason = wishes.check_reason(reason)
    order = Order.objects.locked().get(pk=order_id)
    open_row = wishes.find_open(order_id)
    if open_row is not None and open_row.is_whole:
        return open_row
    if is_changing(order_id=order_id):
        raise CannotCancel(UNDER_WAY)
    if words := why_not(order=order, is_staff=actor.startswith("staff:")):
        raise CannotCancel(words)
    row = OrderCancellation.objects.create(
        order=order, reason=reason, requested_by=actor, requested_at=now
    )
    wishes.tell(row, "", reason)
    _carry_on(order, row, now)
    return row


@transaction.atomic
def request_units(
    *,
    order_id: int,
    units: Mapping[int, int],
    reason: str,
    actor: str,
    now: datetime,
    seen: Mapping[int, int] | None = None,
) -> OrderCancellation:
    """Ask for units of lines, by position, to be cancelled, and go as far as that goes at once.

    All that is left of an order of which nothing has left is the whole of it. `seen` says how many
    units of each line were cancelled when this was asked for: so the same form twice is one wish.
    Asked again, it returns that one. The rest is as in `request_cancellation`. Raises CannotCancel,
    and ValueError without a reason, or for units that the order does not have.
    """
    reason = wishes.check_reason(reason)
    order = changing.lock(order_id)
    lines = {line.position: line for line in order.lines.all()}
    wanted = {place: count for place, count in units.items() if count}
    if not wanted or min(wanted.values()) < 0 or wanted.keys() - lines.keys():
        raise ValueError("units of the order's lines are cancelled")
    if repeated := _find_same(order, wanted, seen):
        return repeated
    if words := why_no_units(order=order, is_staff=actor.startswith("staff:")):
        raise CannotCancel(words)
    can = cancellable_units(order=order)
    if any(count > can.get(place, 0) for place, count in wanted.items()):
        raise CannotCancel(FEWER)
    if all(line.quantity == line.cancelled + wanted.get(place, 0) for place, line in lines.items()):
        return request_cancellation(order_id=order_id, reason=reason, actor=actor, now=now)
    row = OrderCancellation.objects.create(
        order=order, is_whole=False, reason=reason, requested_by=actor, requested_at=now
    )
    CancellationLine.objects.bulk_create(
        CancellationLine(cancellation=row, line=lines[place], quantity=count)
        for place, count in sorted(wanted.items())
    )
    wishes.tell(row, "", reason)
    _carry_on(order, row, now)
    return row


def _find_same(
    order: Order, wanted: Mapping[int, int], seen: Mapping[int, int] | None
) -> OrderCancellation | None:
    """Return the open wish for the same units; or the last one, if the order has changed since it
    was looked at by nothing else. Raises CannotCancel where it has changed otherwise."""
    last = order.cancellations.order_by("-pk").first()
    is_same = last is not None and wanted_units(last) == wanted
    if last is not None and is_same and last.state == C.REQUESTED:
        return last
    now_cancelled = {line.position: line.cancelled for line in order.lines.all()}
    if seen is None or all(now_cancelled[place] == seen.get(place, 0) for place in now_cancelled):
        return None
    if last is None or not is_same:
        raise CannotCancel(CHANGED)
    return last


@transaction.atomic
def go_on(*, order_id: int, now: datetime) -> None:
    """Bank or warehouse have said something: carry on what was asked for, if it is still open."""
    order = Order.objects.locked().get(pk=order_id)
    row = wishes.find_open(order_id)
    if row is not None:
        _carry_on(order, row, now)


def _carry_on(order: Order, row: OrderCancellation, now: datetime) -> None:
    lock_voucher(order=order)
    planning.lock_account(order_id=order.pk)
    match order.state:
        case OrderState.PENDING_PAYMENT:
            _end_unpaid(order, row, now)
        case OrderState.CONFIRMED | OrderState.IN_FULFILLMENT if not row.is_whole:
            stopping_units.stop_units(order, row, now)
        case OrderState.CONFIRMED | OrderState.IN_FULFILLMENT:
            _stop_goods(order, row, now)
            leftovers.tell(order_id=order.pk, now=now)
        case OrderState.COMPLETED:
            wishes.reject(row, ALL_LEFT, now)
        case _:
            wishes.accept(row, now)


def _end_unpaid(order: Order, row: OrderCancellation, now: datetime) -> None:
    """The order ends only when its payment was seen cancelled; until then it keeps its goods."""
    if planning.plan_cancel(order_id=order.pk, now=now):
        wishes.accept(row, now)
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
        wishes.accept(row, now)
        lifecycle.cancel(order, actor=row.requested_by, now=now)
        holds.release_if_stocked(order_id=order.pk, now=now)
        return
    given_up = not_coming(order=order, lines=lines, ahead=ahead)
    wishes.reject(row, PART_LEFT if given_up else ALL_LEFT, now)
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
    end_if_over(order_id=order.pk, actor=row.requested_by, now=now)
