"""What of an order can come back, until when, and what has become of what does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from fulfillment import queries as fulfillment
from globalmart.core.choreography import MOST_STUCK, Stuck
from globalmart.core.ids import parse_return_number
from orders.models import Order, OrderLine, Return, ReturnLine, Withdrawal
from orders.states import (
    OPEN_RETURNS,
    RETURN_AGE,
    Decision,
    OrderState,
    Reception,
    ReturnKind,
    ReturnState,
)

# Nothing was sent yet, or nobody has said so: it can still be given up.
BEFORE_SENDING = (ReturnState.REQUESTED, ReturnState.APPROVED, ReturnState.AWAITING_GOODS)
UNDECIDED = (Decision.PENDING, Decision.NEEDS_REVIEW)
# A withdrawal whose goods neither ended nor came into a return by then needs a person.
WITHDRAWAL_AGE = timedelta(days=14)
# Chosen, not typed: what customers may give as a reason.
REASONS = (
    ("does not fit", "It does not fit, or is the wrong size"),
    ("not as described", "It is not as described or pictured"),
    ("faulty", "It is faulty"),
    ("damaged in transit", "It arrived damaged"),
    ("wrong item", "It is not what I ordered"),
    ("changed their mind", "I have changed my mind"),
    ("no reason given", "I would rather not say"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returnable:
    """So many units of a line can be asked back now."""

    line: OrderLine
    quantity: int


def asked_back(*, order_id: int) -> Counter[int]:
    """Return by line id the units of open returns about which nothing is decided."""
    rows = ReturnLine.objects.filter(
        rma__order_id=order_id, rma__state__in=OPEN_RETURNS, decision__in=UNDECIDED
    )
    found: Counter[int] = Counter()
    for line_id, quantity in rows.values_list("line_id", "quantity"):
        found[line_id] += quantity
    return found


def list_returnable(*, order: Order) -> list[Returnable]:
    """Return what was shipped and neither came back nor is asked back, by position."""
    open_units = asked_back(order_id=order.pk)
    found = [
        Returnable(line=line, quantity=line.shipped - line.returned - open_units[line.pk])
        for line in order.lines.order_by("position")
    ]
    return [each for each in found if each.quantity > 0]


def window_ends(*, order: Order) -> datetime | None:
    """Return until when customers may ask to send goods back; None: nothing has left yet.

    `RETURN_WINDOW_DAYS` after the last parcel was delivered, or shipped where nobody tells.
    """
    parcels = fulfillment.list_shipments([order.pk]).get(order.pk, [])
    times = [parcel.delivered_at or parcel.shipped_at for parcel in parcels]
    if not times:
        return None
    return max(times) + timedelta(days=settings.RETURN_WINDOW_DAYS)


def may_return(*, order: Order, now: datetime) -> bool:
    """Tell whether the customer may ask now to send something back."""
    until = window_ends(order=order)
    return until is not None and now <= until and bool(list_returnable(order=order))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Units of a return that share one fate, in words for the customer."""

    sku: str
    name: str
    quantity: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnView:
    """A return as its customer reads of it."""

    id: int
    number: str
    kind: str
    state: str
    words: str
    reason: str
    requested_at: datetime
    goods_due_at: datetime
    decline_reason: str
    # Whether a refund was asked for.
    has_refund: bool
    items: tuple[Item, ...]

    @property
    def has_label(self) -> bool:
        """Whether its goods are still to be sent, so that its label is of use."""
        return self.state in (ReturnState.AWAITING_GOODS, ReturnState.IN_TRANSIT)

    @property
    def can_be_sent(self) -> bool:
        """Whether the customer has not said yet that the goods are on their way."""
        return self.state == ReturnState.AWAITING_GOODS

    @property
    def can_be_cancelled(self) -> bool:
        """Whether the customer may think better of it. A contract withdrawn from stays so."""
        return self.kind == ReturnKind.RETURN and self.state in BEFORE_SENDING


WORDS = {
    ReturnState.REQUESTED: "We look at your request and write to you",
    ReturnState.APPROVED: "Approved",
    ReturnState.DECLINED: "We cannot take this back",
    ReturnState.AWAITING_GOODS: "Please send it to us",
    ReturnState.IN_TRANSIT: "On its way to us",
    ReturnState.PARTIALLY_RECEIVED: "A part of it has arrived",
    ReturnState.RECEIVED: "It has arrived, and we look at it",
    ReturnState.INSPECTED: "We have looked at it, and are arranging your refund",
    ReturnState.CLOSED: "Done",
    ReturnState.CANCELLED: "Cancelled: you keep it",
    ReturnState.EXPIRED: "Over: nothing arrived in time",
}
ITEM_WORDS = {
    Reception.AWAITING: "",
    Reception.IN_TRANSIT: "",
    Reception.RECEIVED: "arrived",
    Reception.DAMAGED: "arrived damaged",
    Reception.WRONG_ITEM: "something else arrived",
    Reception.SHORT: "was not in the parcel",
    Reception.LOST_IN_TRANSIT: "lost on its way",
    Reception.NOT_RETURNED: "did not arrive",
}


def list_returns(*, order: Order) -> list[ReturnView]:
    """Return the order's returns, first to last."""
    rows = Return.objects.filter(order=order).order_by("pk")
    return [view(row) for row in rows.prefetch_related("lines__line")]


def returns_of(order_ids: Sequence[int]) -> dict[int, list[Return]]:
    """Return the returns of each order with their lines, first to last, in three queries."""
    rows = ReturnLine.objects.select_related("line").order_by("pk")
    found: dict[int, list[Return]] = {}
    for rma in (
        Return.objects.filter(order_id__in=order_ids)
        .prefetch_related(Prefetch("lines", rows))
        .order_by("pk")
    ):
        found.setdefault(rma.order_id, []).append(rma)
    return found


def find_return(*, order: Order, number: str) -> ReturnView | None:
    """Return one return of the order, or None."""
    row = Return.objects.filter(order=order, number=parse_return_number(number) or "").first()
    return view(row) if row is not None else None


def get_return(*, return_id: int) -> ReturnView:
    """Return a return. Raises Return.DoesNotExist."""
    return view(Return.objects.get(pk=return_id))


def view(row: Return) -> ReturnView:
    """Show a return."""
    rows = list(row.lines.all())
    return ReturnView(
        id=row.pk,
        number=row.number,
        kind=row.kind,
        state=row.state,
        words=WORDS[ReturnState(row.state)],
        reason=row.reason,
        requested_at=row.requested_at,
        goods_due_at=row.goods_due_at,
        decline_reason=row.decline_reason,
        has_refund=any(each.refund_uuid for each in rows),
        items=_items(rows),
    )


def _items(rows: Sequence[ReturnLine]) -> tuple[Item, ...]:
    rows = sorted(rows, key=lambda row: (row.line.position, row.pk))
    return tuple(
        Item(sku=row.line.sku, name=row.line.name, quantity=row.quantity, words=_words_of(row))
        for row in rows
    )


def _words_of(row: ReturnLine) -> str:
    if row.decision == Decision.ACCEPTED:
        return "taken back"
    if row.decision == Decision.REJECTED and row.disposition:
        return "goes back to you"
    return ITEM_WORDS[Reception(row.reception)]


def find_by_uuid(*, order: Order, uuid: UUID) -> Return | None:
    """Return what a form has asked for already, or None."""
    return Return.objects.filter(order=order, uuid=uuid).first()


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return returns that nothing has moved for longer than their age, and withdrawals of which
    something is neither cancelled nor on its way back."""
    found = [
        Stuck(
            "order",
            row.order_id,
            "return_stuck",
            f"return {row.number} {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in RETURN_AGE.items()
        for row in Return.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]
    # Nothing comes of an order that was never paid; should late money revive it, it goes on.
    late = (
        Withdrawal.objects.filter(settled_at__isnull=True, received_at__lt=now - WITHDRAWAL_AGE)
        .exclude(order__state=OrderState.EXPIRED)
        .order_by("received_at")
    )
    found += [
        Stuck(
            "order",
            row.order_id,
            "return_stuck",
            f"the withdrawal of {row.received_at:%F %T} is neither cancelled nor coming back",
        )
        for row in late[:MOST_STUCK]
    ]
    return found


def has_overdue(*, now: datetime) -> bool:
    """Tell whether goods are awaited past their day."""
    return _overdue(now).exists()


def list_overdue(*, now: datetime, limit: int) -> list[int]:
    """Return keys of returns whose goods are past their day, the longest first."""
    return list(_overdue(now).order_by("goods_due_at").values_list("pk", flat=True)[:limit])


def _overdue(now: datetime) -> QuerySet[Return]:
    """A withdrawal holds whenever the goods come: it is left to its age, and to staff."""
    waiting = (ReturnState.AWAITING_GOODS, ReturnState.IN_TRANSIT)
    return Return.objects.filter(kind=ReturnKind.RETURN, state__in=waiting, goods_due_at__lt=now)
