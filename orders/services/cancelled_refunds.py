"""What was paid for cancelled units goes back, by line, once. Minor units."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from globalmart.core.money import allocate
from orders.models import Order, OrderLine
from orders.queries.shares import cancelled_share
from orders.services.refunds import ASIDE, find_made, parts_of_line
from payments import queries as payments
from payments.queries import RefundView
from payments.services import refunds
from payments.services.refunds import Part, PartKind, Reason

# Tells what was asked for here from what a person asked for with the same reason.
FOR_CANCELLED = "what was cancelled had been paid for"


def owed_for_cancelled(*, order: Order, lines: Sequence[OrderLine], limit_minor: int) -> list[Part]:
    """Return what is to be given back for cancelled units, by line, at most `limit_minor` in all.

    What a person refunded by line, or as a free amount, may have been for them: it is not given
    twice, but as goodwill or for a return. What was asked for by `refund_cancelled` is not asked
    for again, whatever became of it: that is for a person.
    """
    views = payments.list_refunds(order_id=order.pk)
    counted = [view for view in views if view.is_counted]
    asked = [view for view in views if view.is_counted or view.note == FOR_CANCELLED]
    limit_minor -= sum(
        part.amount_minor
        for view in asked
        for part in view.parts
        if part.kind == PartKind.AMOUNT and view.reason not in ASIDE
    )
    parts = []
    for line in lines:
        cancelled = cancelled_share(line)
        back, others = parts_of_line(line, asked, False), parts_of_line(line, counted, True)
        back_minor = min(cancelled, sum(part.amount_minor for part in back))
        limit_minor -= back_minor
        amount = cancelled - back_minor
        amount = min(amount, line.total_minor - sum(part.amount_minor for part in others))
        units = max(0, line.cancelled - sum(part.quantity for part in back))
        if amount > 0:
            parts.append(Part(PartKind.LINE, amount, line.position, units))
    return _at_most(parts, limit_minor)


def kept_minor(*, order: Order) -> int:
    """Return what was captured for the order and neither went back nor is on its way, nor was
    asked for; where that failed, its own case says so."""
    back = [
        view.amount_minor
        for view in payments.list_refunds(order_id=order.pk)
        if view.is_counted and view.reason != Reason.LATE_PAYMENT
    ]
    return payments.captured_minor(order_id=order.pk) - sum(back)


def _at_most(parts: Sequence[Part], limit_minor: int) -> list[Part]:
    if not parts or limit_minor <= 0:
        return []
    wanted = [part.amount_minor for part in parts]
    amounts = allocate(min(limit_minor, sum(wanted)), wanted)
    return [
        Part(part.kind, amount, part.line, part.quantity)
        for part, amount in zip(parts, amounts, strict=True)
        if amount
    ]


def refund_cancelled(
    *, order_id: int, parts: Sequence[Part], actor: str, now: datetime
) -> RefundView:
    """Ask for the refund of cancelled units, and approve it where one person is enough: by the
    member of staff who cancelled, or by the system where the customer did.

    The caller holds the order's lock. Raises RefundRefused (payments).
    """
    is_staff = actor.startswith("staff:")
    requested_by = actor if is_staff else refunds.SYSTEM
    refund = refunds.request_refund(
        order_id=order_id,
        items=parts,
        reason=Reason.CANCELLED,
        requested_by=requested_by,
        now=now,
        note=FOR_CANCELLED,
    )
    limit: int = settings.REFUND_SECOND_PERSON_ABOVE_MINOR
    is_small = not refund.needs_second_person and (is_staff or refund.amount_minor <= limit)
    if is_small:
        refunds.approve_refund(refund_id=refund.pk, approved_by=requested_by, now=now)
    return find_made(order_id, refund.uuid)
