"""Refunds of an order: by line, shipping, a free amount, or the whole. Minor units.

Amounts come from what the order froze: a line's price less its discount, with tax. Taken one by
one or at once, the units of a line sum to exactly what it cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from globalmart.core.money import allocate, charge_step, display
from orders.models import Order, OrderLine
from orders.queries.shares import cancelled_share
from payments import queries as payments
from payments.queries import RefundPart, RefundView
from payments.services import refunds
from payments.services.refunds import Part, PartKind, Reason

# These give back something else than what cancelled units have cost.
ASIDE = (Reason.GOODWILL, Reason.RETURNED, Reason.LATE_PAYMENT)


class BadSelection(Exception):
    """What is to be refunded is not there any more, or nothing was chosen; says which."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be refunded: units by line position, amounts by line position (the goods stay,
    their price is lowered), shipping, a free amount; or the whole of what is left."""

    quantities: Mapping[int, int] = field(default_factory=dict)
    lowered_minor: Mapping[int, int] = field(default_factory=dict)
    shipping_minor: int = 0
    amount_minor: int = 0
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class LineLeft:
    """What of a line can still be refunded."""

    position: int
    sku: str
    name: str
    quantity: int
    amount_minor: int
    # The smallest amount that can be paid back.
    step_minor: int = 1

    def amount_of(self, quantity: int) -> int:
        """Return what so many of the units that are left come to; all of them, to all."""
        if quantity >= self.quantity:
            return self.amount_minor if self.quantity else 0
        share, more = divmod(self.amount_minor // self.step_minor, self.quantity)
        return (share * quantity + min(more, quantity)) * self.step_minor


@dataclass(frozen=True, slots=True)
class Left:
    """What of an order can still be refunded; `refundable_minor` is what payments allows."""

    lines: tuple[LineLeft, ...]
    shipping_minor: int
    refundable_minor: int
    currency: str

    def shown(self, amount_minor: int) -> str:
        """Return an amount in words."""
        return display(amount_minor, self.currency)


def what_is_left(*, order: Order) -> Left:
    """Return what of the order was not refunded, and is not about to be."""
    done = [view for view in payments.list_refunds(order_id=order.pk) if view.is_counted]
    lines = list(order.lines.order_by("position"))
    parts = [part for view in done for part in view.parts]
    shipped = sum(part.amount_minor for part in parts if part.kind == PartKind.SHIPPING)
    return Left(
        lines=tuple(_line_left(line, done) for line in lines),
        shipping_minor=max(0, order.shipping_total_minor - shipped),
        refundable_minor=payments.refundable_minor(order_id=order.pk),
        currency=order.currency,
    )


def _line_left(line: OrderLine, done: Sequence[RefundView]) -> LineLeft:
    """What of a line was neither refunded nor cancelled. What went back for cancelled units, or
    may have, does not count twice."""
    back, others = parts_of_line(line, done, False), parts_of_line(line, done, True)
    units = max(line.cancelled, sum(part.quantity for part in back))
    minor = max(cancelled_share(line), sum(part.amount_minor for part in back))
    return LineLeft(
        position=line.position,
        sku=line.sku,
        name=line.name,
        quantity=max(0, line.quantity - units - sum(part.quantity for part in others)),
        amount_minor=max(0, line.total_minor - minor - sum(part.amount_minor for part in others)),
        step_minor=charge_step(line.order.currency),
    )


def parts_of_line(line: OrderLine, views: Sequence[RefundView], is_aside: bool) -> list[RefundPart]:
    """Return a line's parts of refunds: of those aside, or of those that may have been for
    cancelled units."""
    return [
        part
        for view in views
        for part in view.parts
        if part.line == line.position and (view.reason in ASIDE) == is_aside
    ]


@transaction.atomic
def request_refund(
    *,
    order_id: int,
    selection: Selection,
    reason: Reason,
    requested_by: str,
    now: datetime,
    note: str = "",
    uuid: UUID | None = None,
    approve: bool = False,
) -> RefundView:
    """Ask for a refund under the order's lock; with `approve`, also approve it where one person
    is enough. The same `uuid` gives the same refund again.

    Raises BadSelection, and RefundRefused (payments).
    """
    order = Order.objects.locked().get(pk=order_id)
    uuid = uuid or uuid4()
    found = payments.find_refund(order_id=order_id, uuid=uuid)
    if found is None:
        refunds.request_refund(
            order_id=order_id,
            items=_parts(what_is_left(order=order), selection),
            reason=reason,
            requested_by=requested_by,
            now=now,
            note=note,
            uuid=uuid,
        )
        found = find_made(order_id, uuid)
    if approve and found.state == "requested" and not found.needs_second_person:
        refunds.approve_refund(refund_id=found.id, approved_by=requested_by, now=now)
    return find_made(order_id, uuid)


def find_made(order_id: int, uuid: UUID) -> RefundView:
    """Return the order's refund with this uuid. Raises LookupError."""
    found = payments.find_refund(order_id=order_id, uuid=uuid)
    if found is None:
        raise LookupError(str(uuid))
    return found


def _parts(left: Left, selection: Selection) -> list[Part]:
    if selection.is_whole:
        return _whole(left)
    parts = [*_by_units(left, selection), *_by_lowering(left, selection)]
    if not 0 <= selection.shipping_minor <= left.shipping_minor:
        raise BadSelection(f"Of shipping, {left.shown(left.shipping_minor)} is left.")
    if selection.amount_minor < 0:
        raise BadSelection("An amount is above zero.")
    if selection.shipping_minor:
        parts.append(Part(PartKind.SHIPPING, selection.shipping_minor))
    if selection.amount_minor:
        parts.append(Part(PartKind.AMOUNT, selection.amount_minor))
    if not parts:
        raise BadSelection("Nothing was chosen.")
    return parts


def _by_units(left: Left, selection: Selection) -> list[Part]:
    parts = []
    for position, quantity in sorted(selection.quantities.items()):
        line = _line(left, position)
        if not 0 <= quantity <= line.quantity:
            raise BadSelection(f"Of {line.sku}, {line.quantity} are left.")
        if amount := line.amount_of(quantity):
            parts.append(Part(PartKind.LINE, amount, position, quantity))
        elif quantity:
            raise BadSelection(f"{line.sku} has cost nothing, or was refunded already.")
    return parts


def _by_lowering(left: Left, selection: Selection) -> list[Part]:
    parts = []
    for position, amount in sorted(selection.lowered_minor.items()):
        line = _line(left, position)
        by_units = line.amount_of(selection.quantities.get(position, 0))
        if not 0 <= amount <= line.amount_minor - by_units:
            rest = left.shown(line.amount_minor - by_units)
            raise BadSelection(f"Of {line.sku}, {rest} is left.")
        if amount:
            parts.append(Part(PartKind.LINE, amount, position, 0))
    return parts


def _line(left: Left, position: int) -> LineLeft:
    found = next((line for line in left.lines if line.position == position), None)
    if found is None:
        raise BadSelection(f"There is no line {position}.")
    return found


def _whole(left: Left) -> list[Part]:
    """Share all that payments allows out over what is left; the rest has no line of its own."""
    wanted = [
        Part(PartKind.LINE, line.amount_minor, line.position, line.quantity)
        for line in left.lines
        if line.amount_minor
    ]
    if left.shipping_minor:
        wanted.append(Part(PartKind.SHIPPING, left.shipping_minor))
    total = sum(part.amount_minor for part in wanted)
    shared = min(total, left.refundable_minor)
    amounts = allocate(shared, [part.amount_minor for part in wanted]) if wanted else []
    parts = [
        Part(part.kind, amount, part.line, part.quantity)
        for part, amount in zip(wanted, amounts, strict=True)
        if amount
    ]
    if rest := left.refundable_minor - shared:
        parts.append(Part(PartKind.AMOUNT, rest))
    if not parts:
        raise BadSelection("Nothing is left to be refunded.")
    return parts
