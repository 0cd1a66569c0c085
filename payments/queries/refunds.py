"""Refunds, and what of an order can still be refunded."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch

from payments.models import OrderAccount, PaymentAttempt, Refund, RefundItem
from payments.states import RefundState

# What was asked for in these states goes back, has gone back, or is owed: it is not free again.
COUNTED = tuple(set(RefundState) - {RefundState.REJECTED, RefundState.CANCELLED})


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What a part of a refund is for; `line` is the order line's position. Minor units."""

    kind: str
    amount_minor: int
    line: int | None
    quantity: int


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund as other apps may see it. Minor units."""

    id: int
    uuid: UUID
    order_id: int
    state: str
    amount_minor: int
    currency: str
    reason: str
    note: str
    requested_by: str
    approved_by: str
    needs_second_person: bool
    stripe_refund_id: str
    failure_code: str
    created_at: datetime
    state_changed_at: datetime
    parts: tuple[RefundPart, ...]

    @property
    def is_counted(self) -> bool:
        """Whether its parts are not to be refunded once more."""
        return self.state in COUNTED


def list_refunds(*, order_id: int) -> list[RefundView]:
    """Return the order's refunds, first to last."""
    items = Prefetch("items", RefundItem.objects.order_by("pk"))
    rows = Refund.objects.filter(order_id=order_id).prefetch_related(items).order_by("pk")
    return [_view(row) for row in rows]


def find_refund(*, order_id: int, uuid: UUID) -> RefundView | None:
    """Return the order's refund with this uuid, or None."""
    rows = Refund.objects.prefetch_related("items").filter(order_id=order_id, uuid=uuid)
    return next((_view(row) for row in rows), None)


def refundable_minor(*, order_id: int) -> int:
    """Return how much of one payment of the order is neither refunded nor reserved: the most that
    one refund can give back. 0 for an order without an account."""
    account = OrderAccount.objects.filter(order_id=order_id).first()
    if account is None:
        return 0
    attempts = PaymentAttempt.objects.filter(order_id=order_id, captured_minor__gt=0)
    most = max((_room(attempt) for attempt in attempts), default=0)
    return max(0, min(most, _room(account)))


def refundable_by_attempt(*, order_id: int) -> dict[int, int]:
    """Return how much of each payment of the order can go back, the most first; where one capture
    was not enough, they are several."""
    rooms = {
        attempt.pk: _room(attempt)
        for attempt in PaymentAttempt.objects.filter(order_id=order_id, captured_minor__gt=0)
    }
    found = sorted(rooms.items(), key=lambda each: (-each[1], each[0]))
    return {attempt_id: room for attempt_id, room in found if room > 0}


def _room(row: OrderAccount | PaymentAttempt) -> int:
    return row.captured_minor - row.refunded_minor - row.refund_reserved_minor


def _view(refund: Refund) -> RefundView:
    return RefundView(
        id=refund.pk,
        uuid=refund.uuid,
        order_id=refund.order_id,
        state=refund.state,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
        note=refund.note,
        requested_by=refund.requested_by,
        approved_by=refund.approved_by,
        needs_second_person=refund.needs_second_person,
        stripe_refund_id=refund.stripe_refund_id or "",
        failure_code=refund.failure_code,
        created_at=refund.created_at,
        state_changed_at=refund.state_changed_at,
        parts=tuple(
            RefundPart(item.kind, item.amount_minor, item.line, item.quantity)
            for item in refund.items.all()
        ),
    )
