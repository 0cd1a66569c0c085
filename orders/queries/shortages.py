"""Goods that a warehouse does not have: what a customer can choose, and what was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from fulfillment import queries as fulfillment
from globalmart.core.choreography import MOST_STUCK, Stuck
from orders.models import Order, OrderLine, OrderShortage
from orders.queries.catalogue import Offer, for_sale, offers_of
from orders.queries.shares import cancelled_share
from orders.states import SHORTAGE_AGE, ShortageState

S = ShortageState
OPEN = (S.OPEN, S.WAITING)
# What is offered instead costs at least what the customer pays, and at most so many times it.
DEAREST = 2
MOST_OFFERS = 3
# So many rows are looked at for those that are in stock in the number that is needed.
LOOKED_AT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A shortage as its customer sees it. `saved_minor`: what is not to be paid without it."""

    id: int
    name: str
    quantity: int
    state: str
    unit_price_minor: int
    saved_minor: int
    currency: str
    substitute: str
    opened_at: datetime
    changed_at: datetime
    offers: Sequence[Offer]

    @property
    def is_open(self) -> bool:
        """Whether the customer is asked."""
        return self.state == S.OPEN


def has_open_shortage(*, order_id: int) -> bool:
    """Tell whether goods of the order are missing of which nobody knows yet what becomes."""
    return OrderShortage.objects.filter(line__order_id=order_id, state__in=OPEN).exists()


def skus_of(row: OrderShortage) -> frozenset[str]:
    """Return what exactly was missing: the line's goods, or what was to be sent instead."""
    if row.fulfillment_id is None:
        return frozenset({row.sku})
    earlier = OrderShortage.objects.filter(line_id=row.line_id).exclude(substitute_sku="")
    instead = set(earlier.exclude(pk=row.pk).values_list("substitute_sku", flat=True))
    short = fulfillment.list_short(fulfillment_id=row.fulfillment_id)
    return frozenset(each.sku for each in short if each.sku in {row.line.sku, *instead})


def warehouse_of(row: OrderShortage) -> int:
    """Return the key of the warehouse that does not have the goods."""
    if row.warehouse_id is not None:
        return row.warehouse_id
    if row.fulfillment_id is None:
        raise ValueError("a shortage says where")
    return fulfillment.warehouse_of(fulfillment_id=row.fulfillment_id)


def is_missing(row: OrderShortage) -> bool:
    """Tell whether the warehouse still has none for the order."""
    here = warehouse_of(row)
    waiting = fulfillment.list_backorders(order_id=row.line.order_id)
    return any((here, sku) in waiting for sku in skus_of(row))


def list_unasked(*, order_id: int) -> dict[tuple[int, str], int]:
    """Return how many units the order waits for without its customer being asked, by the
    warehouse's key and the SKU."""
    rows = OrderShortage.objects.filter(line__order_id=order_id, state__in=OPEN)
    asked = {
        (warehouse_of(row), sku) for row in rows.select_related("line") for sku in skus_of(row)
    }
    waiting = fulfillment.list_backorders(order_id=order_id)
    return {key: units for key, units in waiting.items() if key not in asked}


def waits_unasked(*, order_id: int) -> bool:
    """Tell whether the order waits for units about which nobody asks its customer."""
    return bool(list_unasked(order_id=order_id))


def is_coming(row: OrderShortage) -> bool:
    """Tell whether that warehouse has been asked for the goods once more."""
    coming = fulfillment.coming_from(
        order_id=row.line.order_id,
        warehouse_id=warehouse_of(row),
    )
    return not coming.isdisjoint(skus_of(row))


def list_missing(*, order: Order, with_offers: bool = False) -> list[Missing]:
    """Return the order's shortages, oldest first; with what could be sent instead, if asked."""
    rows = OrderShortage.objects.filter(line__order=order).select_related("line__product")
    found = list(rows.order_by("pk"))
    lines = list(order.lines.order_by("position")) if found else []
    return [
        Missing(
            id=row.pk,
            name=row.line.name,
            quantity=row.quantity,
            state=row.state,
            unit_price_minor=row.line.unit_price_minor,
            saved_minor=_saved(order, lines, row),
            currency=order.currency,
            substitute=row.substitute_name,
            opened_at=row.opened_at,
            changed_at=row.state_changed_at,
            offers=list_offers(order=order, row=row) if with_offers and row.state in OPEN else (),
        )
        for row in found
    ]


def _saved(order: Order, lines: list[OrderLine], row: OrderShortage) -> int:
    """What cancelling the missing units makes less due. Works on copies in memory."""
    line = next(each for each in lines if each.pk == row.line_id)
    before = sum(cancelled_share(line) for line in lines)
    line.cancelled += row.quantity
    after = sum(cancelled_share(line) for line in lines)
    line.cancelled -= row.quantity
    return after - before


def list_offers(*, order: Order, row: OrderShortage) -> list[Offer]:
    """Return what could be sent instead, at the price of the line: products of the same category
    in stock that cost at least as much and at most twice that, cheapest first."""
    line = row.line
    if order.currency != settings.SHOP_CURRENCY:
        return []
    taken = {*order.lines.values_list("sku", flat=True), *_substitutes(order)}
    products = (
        for_sale()
        .filter(
            category_id=line.product.category_id,
            price_minor__gte=line.unit_price_minor,
            price_minor__lte=line.unit_price_minor * DEAREST,
        )
        .exclude(sku__in=taken)
    )
    found = offers_of(products.order_by("price_minor", "pk")[:LOOKED_AT])
    there = [each for each in found if each.available >= row.quantity and each.ships_from is None]
    return there[:MOST_OFFERS]


def _substitutes(order: Order) -> list[str]:
    rows = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    return list(rows.values_list("substitute_sku", flat=True))


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return shortages of which nobody has decided, or for which nothing came, past their age."""
    return [
        Stuck(
            "order",
            row.line.order_id,
            "shortage_stuck",
            f"{row.quantity} x {row.line.sku} is missing, {state} since "
            f"{row.state_changed_at:%F %T}",
        )
        for state, age in SHORTAGE_AGE.items()
        for row in OrderShortage.objects.filter(state=state, state_changed_at__lt=now - age)
        .select_related("line")
        .order_by("state_changed_at")[:MOST_STUCK]
    ]
