"""Money follows a smaller order: less is due, and what was captured for the rest goes back."""

from datetime import datetime

from django.db import transaction

from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.money import display
from orders.models import Order
from orders.queries.shares import due_minor
from orders.services import refunds
from orders.states import OrderState
from payments import queries as payments
from payments.services.lowering import lower_due
from payments.services.refund_books import RefundRefused

ALERT = "refund_owed"
LIVE = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT, OrderState.COMPLETED)


@transaction.atomic
def follow_lines(*, order_id: int, actor: str, now: datetime) -> None:
    """Bring the money of an order in line with its cancelled units; told again, nothing changes.

    A hold, and a capture that has not left, sink at once. What was captured is refunded by line;
    where the system may not do that alone, or payments refuses, an alert leaves it to a person.
    `actor` is who cancelled, as in the timeline.
    """
    order = Order.objects.locked().get(pk=order_id)
    lines = list(order.lines.order_by("position"))
    is_smaller = any(line.cancelled for line in lines)
    is_empty = all(line.cancelled == line.quantity for line in lines)
    if order.state not in LIVE or not is_smaller or is_empty:
        # An order of which all was cancelled ends, and gives everything back with that.
        return
    due = due_minor(order, lines)
    lower_due(order_id=order_id, due_minor=due, now=now)
    limit = payments.captured_minor(order_id=order_id) - due
    if parts := refunds.owed_for_cancelled(order=order, lines=lines, limit_minor=limit):
        amount = display(sum(part.amount_minor for part in parts), order.currency)
        try:
            view = refunds.refund_cancelled(order_id=order_id, parts=parts, actor=actor, now=now)
        except RefundRefused as refusal:
            _leave_to_staff(order_id, f"{amount} is owed for what was cancelled: {refusal.detail}")
        else:
            if view.state == "requested":
                words = f"{amount} for what was cancelled waits for a person's approval"
                _leave_to_staff(order_id, words)
    if lower_due(order_id=order_id, due_minor=due, now=now) == due:
        close_alert(kind=ALERT, subject_type="order", subject_id=order_id, now=now)


def _leave_to_staff(order_id: int, detail: str) -> None:
    open_alert(kind=ALERT, subject_type="order", subject_id=order_id, detail=detail)
