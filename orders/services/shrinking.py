"""Money follows a smaller order: less is due, and what was captured for the rest goes back."""

from datetime import datetime

from django.db import transaction

from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.money import display
from orders.models import Order, OrderLine
from orders.queries.shares import due_minor
from orders.services import cancelled_refunds
from orders.states import OrderState
from payments import queries as payments
from payments.services.lowering import lower_due
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Part

ALERT = "refund_owed"
LIVE = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT, OrderState.COMPLETED)
ENDED = (OrderState.CANCELLED, OrderState.EXPIRED)


@transaction.atomic
def follow_lines(*, order_id: int, actor: str, now: datetime) -> None:
    """Bring the money of an order in line with its cancelled units; told again, nothing changes.

    A hold, and a capture that has not left, sink at once. What was captured is refunded by line;
    where the system may not do that alone, or payments refuses, an alert leaves it to a person.
    `actor` is who cancelled, as in the timeline.
    """
    smaller = _find_smaller(order_id)
    if smaller is None:
        return
    order, lines = smaller
    lower_due(order_id=order_id, due_minor=due_minor(order, lines), now=now)
    if parts := _owed(order, lines):
        amount = display(sum(part.amount_minor for part in parts), order.currency)
        try:
            view = cancelled_refunds.refund_cancelled(
                order_id=order_id, parts=parts, actor=actor, now=now
            )
        except RefundRefused as refusal:
            _leave_to_staff(order_id, f"{amount} is owed for what was cancelled: {refusal.detail}")
        else:
            if view.state == "requested":
                words = f"{amount} for what was cancelled waits for a person's approval"
                _leave_to_staff(order_id, words)
    _settle(order, lines, now)


@transaction.atomic
def follow_refund(*, order_id: int, now: datetime) -> None:
    """Money has gone back, or will not: lower what is due with it, or tell a person. Nothing more
    is asked for: they may have refunded for another reason than the system would think."""
    if smaller := _find_smaller(order_id):
        _settle(*smaller, now)
        return
    order = Order.objects.get(pk=order_id)
    if order.state in ENDED:
        account = payments.get_account(order_id=order_id)
        gone = account.refunded_minor + account.refund_reserved_minor
        _watch_kept(order, account.captured_minor - gone, "an order that has ended", now)


def _find_smaller(order_id: int) -> tuple[Order, list[OrderLine]] | None:
    """Lock a live order of which a part was cancelled. One of which all was ends, and gives
    everything back with that."""
    order = Order.objects.locked().get(pk=order_id)
    lines = list(order.lines.order_by("position"))
    is_smaller = any(line.cancelled for line in lines)
    is_empty = all(line.cancelled == line.quantity for line in lines)
    return (order, lines) if order.state in LIVE and is_smaller and not is_empty else None


def _owed(order: Order, lines: list[OrderLine]) -> list[Part]:
    limit = payments.captured_minor(order_id=order.pk) - due_minor(order, lines)
    return cancelled_refunds.owed_for_cancelled(order=order, lines=lines, limit_minor=limit)


def _settle(order: Order, lines: list[OrderLine], now: datetime) -> None:
    """Lower what is due as far as money has gone back. What is kept above that, or still owed, a
    person is told of, until there is no more of it."""
    due = due_minor(order, lines)
    lowered = lower_due(order_id=order.pk, due_minor=due, now=now)
    above = cancelled_refunds.kept_minor(order=order) - due
    if above > 0 or (lowered == due and not _owed(order, lines)):
        _watch_kept(order, above, "what was cancelled", now)


def _watch_kept(order: Order, kept_minor: int, what: str, now: datetime) -> None:
    """Tell a person of money that was kept for nothing, until there is no more of it."""
    if kept_minor > 0:
        amount = display(kept_minor, order.currency)
        _leave_to_staff(order.pk, f"{amount} was kept for {what}: no refund is open")
    else:
        close_alert(kind=ALERT, subject_type="order", subject_id=order.pk, now=now)


def _leave_to_staff(order_id: int, detail: str) -> None:
    open_alert(kind=ALERT, subject_type="order", subject_id=order_id, detail=detail)
