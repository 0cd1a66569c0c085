"""Everything about an order's cents in one document, for an operator at night; minor units.

Names, addresses and messages are left out: it is made to be shown around.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from fulfillment import queries as fulfillment
from globalmart.core.models import Alert
from orders.models import Order, OrderShortage
from orders.queries.cancellations import list_all as list_cancellations
from orders.queries.corrections import list_all as list_corrections
from orders.queries.holds import list_holds
from orders.queries.preorders import INVITE_BEFORE, start_of
from orders.queries.shortages import OPEN
from orders.states import AT_REST, CancellationState, CorrectionState, OrderState
from payments.queries.adding_up import list_differences
from payments.queries.explanation import find_money
from payments.queries.order_money import Next, OrderMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePart:
    """What one line adds to the order's total."""

    sku: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    total_minor: int
    shipped: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """What a person has been told and nobody has closed."""

    kind: str
    subject: str
    detail: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An order, its money, and whether all of it adds up: then `differences` is empty."""

    number: str
    state: str
    currency: str
    created_at: datetime
    lines: list[LinePart]
    subtotal_minor: int
    shipping_minor: int
    discount_minor: int
    discounts: list[tuple[str, int]]
    tax_minor: int
    tax_added_minor: int
    total_minor: int
    money: OrderMoney | None
    requests: list[str]
    holds: list[str]
    waits_for: list[str]
    alerts: list[OpenAlert]
    coming: list[Next]
    differences: list[str]

    @property
    def open_minor(self) -> int:
        """What is due and neither captured nor held."""
        return self.money.due_minor - self.money.authorized_minor if self.money else 0


def explain(*, number: str) -> Explanation | None:
    """Return the explanation of the order with this number, or None where there is none."""
    order = Order.objects.filter(number=number).first()
    if order is None:
        return None
    money = find_money(order_id=order.pk)
    lines = _lines(order)
    return Explanation(
        number=order.number,
        state=order.state,
        currency=order.currency,
        created_at=order.created_at,
        lines=lines,
        subtotal_minor=order.subtotal_minor,
        shipping_minor=order.shipping_minor,
        discount_minor=order.discount_minor,
        discounts=[(each.name, each.amount_minor) for each in order.discounts.all()],
        tax_minor=order.tax_minor,
        tax_added_minor=order.tax_added_minor,
        total_minor=order.total_minor,
        money=money,
        requests=[
            " ".join(filter(None, each)) for each in fulfillment.list_references(order_id=order.pk)
        ],
        holds=[
            f"{hold.kind}: {hold.reason}"
            for hold in list_holds(order_id=order.pk)
            if hold.released_at is None
        ],
        waits_for=_waits_for(order.pk),
        alerts=_alerts(order.pk, money),
        coming=_coming(order, money),
        differences=[
            *_differences(order, lines, money),
            *(list_differences(money) if money else ()),
        ],
    )


def _lines(order: Order) -> list[LinePart]:
    return [
        LinePart(
            sku=row.sku,
            quantity=row.quantity,
            unit_price_minor=row.unit_price_minor,
            discount_minor=row.discount_minor,
            total_minor=row.total_minor,
            shipped=row.shipped,
            cancelled=row.cancelled,
        )
        for row in order.lines.order_by("position")
    ]


def _waits_for(order_id: int) -> list[str]:
    """Return the open wishes to change the order, and what goods are missing, with since when."""
    wishes = [
        f"cancellation {row.state} by {row.requested_by} since {row.requested_at:%F %T}"
        for row in list_cancellations(order_id=order_id)
        if row.state == CancellationState.REQUESTED
    ]
    wishes += [
        f"correction of the {row.kind} {row.state} by {row.requested_by} since "
        f"{row.requested_at:%F %T}"
        for row in list_corrections(order_id=order_id)
        if row.state == CorrectionState.REQUESTED
    ]
    rows = OrderShortage.objects.filter(line__order_id=order_id, state__in=OPEN)
    return wishes + [
        f"shortage {row.state}: {row.quantity} x {row.line.sku} since {row.state_changed_at:%F %T}"
        for row in rows.select_related("line").order_by("pk")
    ]


def _alerts(order_id: int, money: OrderMoney | None) -> list[OpenAlert]:
    about = Q(subject_type="order", subject_id=order_id)
    for type_, keys in money.subjects().items() if money else ():
        about |= Q(subject_type=type_, subject_id__in=keys)
    return [
        OpenAlert(
            kind=row.kind,
            subject=f"{row.subject_type} {row.subject_id}",
            detail=row.detail,
            opened_at=row.opened_at,
        )
        for row in Alert.objects.filter(about, closed_at=None).order_by("pk")
    ]


def _coming(order: Order, money: OrderMoney | None) -> list[Next]:
    found = list(money.coming) if money else []
    if order.state == OrderState.PENDING_PAYMENT and order.payment_due_at is not None:
        found.append(Next(at=order.payment_due_at, what="end the order, unless it is paid by then"))
    if order.state == OrderState.PENDING_PAYMENT and order.payment_due_at is None:
        day = start_of(order.ships_from) if order.ships_from else order.created_at
        found.append(Next(at=day - INVITE_BEFORE, what="send the customer a link to pay"))
    return sorted(found, key=lambda each: each.at)


def _differences(order: Order, lines: list[LinePart], money: OrderMoney | None) -> list[str]:
    found = []
    goods = sum(line.quantity * line.unit_price_minor for line in lines)
    if goods != order.subtotal_minor:
        found.append(f"the lines sum to {goods}, the order says {order.subtotal_minor}")
    parts = order.subtotal_minor + order.shipping_minor - order.discount_minor
    parts += order.tax_added_minor
    discounts = sum(each.amount_minor for each in order.discounts.all())
    if discounts != order.discount_minor:
        found.append(f"the discounts sum to {discounts}, the order says {order.discount_minor}")
    if parts != order.total_minor:
        found.append(f"the parts sum to {parts}, the order says {order.total_minor}")
    if money is None:
        return [*found, "the order has no account"]
    if money.currency != order.currency:
        found.append(f"the order is in {order.currency}, its account in {money.currency}")
    if money.due_minor > order.total_minor:
        found.append(f"{money.due_minor} is due, the order's total is {order.total_minor}")
    return [*found, *_contradictions(order, money)]


def _contradictions(order: Order, money: OrderMoney) -> list[str]:
    """What the order's state promises about its money."""
    held = money.authorized_minor - money.captured_minor
    found = []
    if order.state == OrderState.COMPLETED and money.captured_minor < money.due_minor:
        missing = money.due_minor - money.captured_minor
        found.append(f"the order is completed, and {missing} of what is due was not captured")
    calls = [call for attempt in money.attempts for call in attempt.operations]
    is_under_way = any(call.finished_at is None for call in calls)
    if order.state in AT_REST and held and not is_under_way:
        found.append(f"the order is {order.state}, and {held} is still held")
    return found
