"""Stock: taken in one conditional statement, counted by reservations, never below zero."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from fulfillment.models import Reservation, Stock, StockAdjustment, Warehouse
from fulfillment.services import allocation, backorders, shelves
from fulfillment.states import ReservationState

S = ReservationState
NOT_FOUND = "the warehouse did not find them"


@dataclass(frozen=True, slots=True)
class Shortage:
    """What was wanted of a SKU and what there is."""

    sku: str
    wanted: int
    available: int


class OutOfStock(Exception):
    """Not everything that was asked for is there; nothing was taken."""

    def __init__(self, shortages: tuple[Shortage, ...]) -> None:
        super().__init__(", ".join(found.sku for found in shortages))
        self.shortages = shortages


class UnknownStock(Exception):
    """An adjustment would leave less on hand than is reserved, or less than nothing."""


def reserve(
    *, order_id: int, quantities: Mapping[str, int], promised_on: date | None = None
) -> None:
    """Take units of SKUs for an order, all or nothing, in the transaction that places it.

    A SKU comes whole from the first active warehouse by priority that has enough of it, else split
    over them. `promised_on` is the day on which the goods are to leave. To be called last: the rows
    stay locked until the commit. Raises OutOfStock; the caller's transaction must then end.
    """
    found = allocation.take(order_id=order_id, quantities=quantities, promised_on=promised_on)
    shortages = tuple(
        Shortage(each.sku, quantities[each.sku], each.available)
        for each in found
        if each.taken < quantities[each.sku]
    )
    if shortages:
        raise OutOfStock(shortages)


@transaction.atomic
def commit_reservations(*, order_id: int) -> None:
    """The order is confirmed: what was held for it is now its own."""
    shelves.lock_of_order(order_id=order_id)
    Reservation.objects.filter(order_id=order_id, state=S.HELD).update(state=S.COMMITTED)


@transaction.atomic
def release_reservations(
    *,
    order_id: int,
    warehouse_id: int | None = None,
    skus: Collection[str] | None = None,
    now: datetime | None = None,
) -> None:
    """Give back what the order still holds or waits for, in one warehouse or of some SKUs only if
    these are given; what comes free goes to who waits for it. The second call finds nothing."""
    now = now or timezone.now()
    rows = {(row.warehouse_id, row.sku): row for row in shelves.lock_of_order(order_id=order_id)}
    found = [
        row
        for row in Reservation.objects.filter(
            order_id=order_id, state__in=[S.HELD, S.COMMITTED, S.BACKORDERED]
        )
        if warehouse_id in (None, row.warehouse_id) and (skus is None or row.sku in skus)
    ]
    changed = {}
    for row in found:
        if row.state != S.BACKORDERED:
            key = row.warehouse_id, row.sku
            rows[key].reserved -= row.quantity - row.shipped
            changed[key] = rows[key]
    Reservation.objects.filter(pk__in=[row.pk for row in found]).update(
        state=S.RELEASED, backordered_at=None
    )
    backorders.close_settled([order_id], now=now)
    backorders.fill_from(changed.values(), now=now)
    shelves.write(changed.values(), [], now=now)


@transaction.atomic
def consume(
    *,
    order_id: int,
    warehouse_id: int,
    quantities: Mapping[str, int],
    shipped_at: datetime | None = None,
) -> None:
    """Units have left the warehouse, at `shipped_at` (UTC): on hand and reserved sink together.

    In the caller's transaction. What had left before the last count leaves on hand as counted.
    What the count had denied, and the warehouse ships after all, may be what was promised to
    others: the youngest of them then wait. Units beyond the reservation are ignored here; the
    shipment itself is refused before.
    """
    now = timezone.now()
    locked = shelves.lock_of_order(order_id=order_id)
    stock = {row.sku: row for row in locked if row.warehouse_id == warehouse_id}
    reservations = list(
        Reservation.objects.filter(
            order_id=order_id,
            warehouse_id=warehouse_id,
            sku__in=quantities,
            state__in=[S.HELD, S.COMMITTED, S.BACKORDERED],
        )
    )
    booked: list[StockAdjustment] = []
    for row in reservations:
        units = min(quantities[row.sku], row.quantity - row.shipped)
        row.shipped += units
        if row.state != S.BACKORDERED:
            stock[row.sku].reserved -= units
        if row.shipped == row.quantity:
            row.state, row.backordered_at = S.CONSUMED, None
        booked += shelves.ship(stock[row.sku], units, shipped_at)
    Reservation.objects.bulk_update(reservations, ["shipped", "state", "backordered_at"])
    changed = [stock[row.sku] for row in reservations]
    backorders.make_way(changed, reason="units left that were promised to others", now=now)
    backorders.close_settled([order_id] if reservations else [], now=now)
    backorders.fill_from(changed, now=now)
    shelves.write(changed, booked, now=now)


@transaction.atomic
def backorder_open(*, order_id: int, warehouse_id: int, quantities: Mapping[str, int]) -> None:
    """The warehouse will not ship what it has not shipped of these SKUs: the order's open
    reservations there become back-orders.

    The units are not on the shelf, so on hand sinks as well, until a count that was taken after
    now says otherwise; the warehouse tells of them by no change of stock.
    """
    now = timezone.now()
    locked = shelves.lock_of_order(order_id=order_id)
    stock = {row.sku: row for row in locked if row.warehouse_id == warehouse_id}
    found = list(
        Reservation.objects.filter(
            order_id=order_id,
            warehouse_id=warehouse_id,
            sku__in=[sku for sku, units in quantities.items() if units],
            state__in=[S.HELD, S.COMMITTED],
        )
    )
    if not found:
        return
    booked: list[StockAdjustment] = []
    cause = shelves.Cause(reason=NOT_FOUND, occurred_at=now)
    units = {row.sku: row.quantity - row.shipped for row in found}
    for sku, missing in units.items():
        stock[sku].reserved -= missing
        booked += shelves.change(stock[sku], -missing, cause)
    Reservation.objects.filter(pk__in=[row.pk for row in found]).update(
        state=S.BACKORDERED, backordered_at=now
    )
    shelves.write([stock[sku] for sku in units], booked, now=now)
    backorders.note(order_id, "stock.backordered", units, NOT_FOUND)


def ensure_warehouse(*, code: str, name: str) -> Warehouse:
    """Return the warehouse with this code, made if it was not there."""
    warehouse, _ = Warehouse.objects.get_or_create(code=code, defaults={"name": name})
    return warehouse


@transaction.atomic
def adjust(*, warehouse_code: str, deltas: Mapping[str, int], reason: str, actor: str) -> None:
    """Change on_hand of SKUs by so many units, and book each change with its reason.

    For our own books: the warehouse's next count, of whatever time, knows better. What comes goes
    first to who waits for it. Raises UnknownStock when that would leave less than is reserved.
    """
    now = timezone.now()
    warehouse = Warehouse.objects.get(code=warehouse_code)
    Stock.objects.bulk_create(
        [Stock(warehouse=warehouse, sku=sku) for sku in sorted(deltas)], ignore_conflicts=True
    )
    rows = shelves.lock(warehouse_id=warehouse.pk, skus=deltas.keys())
    cause = shelves.Cause(reason=reason, actor=actor)
    booked: list[StockAdjustment] = []
    for row in rows:
        if row.on_hand + min(0, deltas[row.sku]) < row.reserved:
            raise UnknownStock(f"{row.sku}: {row.reserved} are reserved")
        booked += shelves.change(row, deltas[row.sku], cause)
    backorders.fill_from(rows, now=now)
    shelves.write(rows, booked, now=now)
