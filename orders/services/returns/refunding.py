"""Money for what came back: by line, once, and never more than was captured. Minor units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from orders.models import Order, Return, ReturnLine
from orders.queries.holds import blocks_changes
from orders.services.refunds import Left, parts_of_line, what_is_left
from orders.services.returns import steps
from orders.services.returns.steps import CannotReturn
from orders.states import OPEN_RETURNS, Decision, ReturnKind, ReturnState
from payments import queries as payments
from payments.services import refunds
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Part, PartKind, Reason


@transaction.atomic
def go_on(*, order_id: int, now: datetime) -> None:
    """Money may be there that was not, or is free again: pay back what waits for it."""
    order = Order.objects.locked().get(pk=order_id)
    rows = Return.objects.filter(order=order, state__in=OPEN_RETURNS).locked()
    for rma in rows:
        refund_taken(order, rma, actor="system", now=now)
        close_if_done(rma, actor="system", now=now)


def refund_taken(order: Order, rma: Return, *, actor: str, now: datetime) -> None:
    """Ask for the refund of what was accepted and is not settled, and approve it where the house
    lets one person, or the system.

    While the payment is in dispute, or not captured yet, it waits, and is asked for again by
    `go_on`. What nothing is left of was paid back otherwise: it is settled without a refund. The
    caller holds the order's lock.
    """
    rows = list(rma.lines.filter(decision=Decision.ACCEPTED, is_settled=False).locked())
    if not rows or waits(order):
        return
    parts = _parts(order, rma, rows, what_is_left(order=order))
    try:
        with transaction.atomic():
            uuids = _request_all(order, parts, actor, now)
    except RefundRefused as refusal:
        if refusal.code != "disputed":
            raise
        return
    for row in rows:
        row.is_settled, row.refund_uuid = True, uuids[0] if uuids else None
        row.save(update_fields=["is_settled", "refund_uuid"])


def waits(order: Order) -> bool:
    """Tell whether nothing can be paid back now: the bank asks for the money, or it is not ours
    yet."""
    if blocks_changes(order_id=order.pk):
        return True
    disputes = payments.list_disputes(order_id=order.pk)
    if any(each.state in ("needs_response", "under_review") for each in disputes):
        return True
    account = payments.get_account(order_id=order.pk)
    is_held = account.authorized_minor > account.captured_minor
    return not account.captured_minor and is_held


def _parts(order: Order, rma: Return, rows: Sequence[ReturnLine], left: Left) -> list[Part]:
    """What the units cost, each line's taken together; and shipping, where a consumer has withdrawn
    from all of the contract (Directive 2011/83/EU, Art. 13)."""
    units: Counter[int] = Counter()
    for row in rows:
        units[row.line.position] += row.quantity
    unpaid = _unpaid_units(order)
    parts = []
    for line in left.lines:
        quantity = min(units[line.position], line.quantity, unpaid[line.position])
        if amount := line.amount_of(quantity):
            parts.append(Part(PartKind.LINE, amount, line.position, quantity))
    if rma.kind == ReturnKind.WITHDRAWAL and left.shipping_minor and _is_all_back(order):
        parts.append(Part(PartKind.SHIPPING, left.shipping_minor))
    return parts


def _unpaid_units(order: Order) -> dict[int, int]:
    """Return by position how many of the units that came back nobody has paid for.

    What a person refunded by units may have been for them, so it is not given twice; but not as
    goodwill, nor as far as it was for cancelled units.
    """
    views = [view for view in payments.list_refunds(order_id=order.pk) if view.is_counted]
    back = [view for view in views if view.reason == Reason.RETURNED]
    found = {}
    for line in order.lines.all():
        paid = sum(part.quantity for part in parts_of_line(line, back, True))
        others = sum(part.quantity for part in parts_of_line(line, views, False))
        found[line.position] = max(0, line.returned - paid - max(0, others - line.cancelled))
    return found


def _is_all_back(order: Order) -> bool:
    return all(line.returned + line.cancelled >= line.quantity for line in order.lines.all())


def _request_all(order: Order, parts: Sequence[Part], actor: str, now: datetime) -> list[UUID]:
    """Ask for the parts, as far as there is money: in one refund where one payment has enough of
    it, else in one for each. Returns their uuids. Raises RefundRefused."""
    uuids, rest = [], list(parts)
    for attempt_id, room in payments.refundable_by_attempt(order_id=order.pk).items():
        now_, rest = _split(rest, room)
        if now_:
            uuids.append(_request(order, now_, actor, now, attempt_id))
    return uuids


def _split(parts: Sequence[Part], limit_minor: int) -> tuple[list[Part], list[Part]]:
    """Return what of the parts comes to at most so much, and the rest; where a part is cut, its
    units stay with the first piece of it."""
    first, rest = [], []
    for part in parts:
        amount = min(part.amount_minor, limit_minor)
        limit_minor -= amount
        if amount:
            first.append(replace(part, amount_minor=amount))
        if left := part.amount_minor - amount:
            units = 0 if amount else part.quantity
            rest.append(replace(part, amount_minor=left, quantity=units))
    return first, rest


def _request(
    order: Order, parts: Sequence[Part], actor: str, now: datetime, attempt_id: int
) -> UUID:
    is_staff = actor.startswith("staff:")
    requested_by = actor if is_staff else refunds.SYSTEM
    refund = refunds.request_refund(
        order_id=order.pk,
        items=parts,
        reason=Reason.RETURNED,
        requested_by=requested_by,
        now=now,
        note="goods came back",
        attempt_id=attempt_id,
        uuid=uuid4(),
    )
    limit: int = settings.REFUND_SECOND_PERSON_ABOVE_MINOR
    is_small = is_staff or actor == steps.IMPORT or refund.amount_minor <= limit
    if is_small and not refund.needs_second_person:
        refunds.approve_refund(refund_id=refund.pk, approved_by=requested_by, now=now)
    return refund.uuid


def close_if_done(rma: Return, *, actor: str, now: datetime) -> None:
    """Close a return that was inspected, once the money for all that was taken is asked for. The
    caller holds the order's lock."""
    if rma.state != ReturnState.INSPECTED:
        return
    if not rma.lines.filter(decision=Decision.ACCEPTED, is_settled=False).exists():
        steps.move(rma, ReturnState.CLOSED, actor=actor, now=now)


@transaction.atomic
def settle_without_refund(*, return_id: int, actor: str, now: datetime, reason: str) -> bool:
    """Close a return without paying anything back any more, as a person decides: the bank has given
    the customer the money, say. Tells whether this call did. Raises CannotReturn without a reason.
    """
    if not reason.strip():
        raise CannotReturn("Say why nothing is paid back.")
    _order, rma = steps.lock(return_id)
    if rma.state != ReturnState.INSPECTED:
        return False
    rma.lines.filter(decision=Decision.ACCEPTED, is_settled=False).update(is_settled=True)
    steps.move(rma, ReturnState.CLOSED, actor=actor, now=now, reason=reason)
    return True
