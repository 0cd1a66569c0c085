"""Stock: taken in one conditional statement, counted by reservations, never below zero."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from fulfillment.models import Reservation, Stock, StockAdjustment, Warehouse
from fulfillment.states import ReservationState


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


# The rows are locked in key order by the inner select, so that two orders for the same SKUs never
# deadlock; the condition and the CHECK decide, not an earlier read.
TAKE = """
WITH wanted AS (
    SELECT * FROM unnest(%(skus)s::text[], %(quantities)s::int[]) AS w(sku, quantity)
), locked AS (
    SELECT s.id, w.quantity
      FROM fulfillment_stock s JOIN wanted w USING (sku)
     WHERE s.warehouse_id = %(warehouse)s
     ORDER BY s.id
       FOR NO KEY UPDATE OF s
), taken AS (
    UPDATE fulfillment_stock s
       SET reserved = s.reserved + locked.quantity
      FROM locked
     WHERE s.id = locked.id AND s.on_hand - s.reserved >= locked.quantity
 RETURNING s.sku, locked.quantity
), booked AS (
    INSERT INTO fulfillment_reservation
                (order_id, warehouse_id, sku, quantity, shipped, state)
    SELECT %(order)s, %(warehouse)s, sku, quantity, 0, 'held' FROM taken
    -- What an order gave back when it expired it may take again; what it holds it may not.
    ON CONFLICT (order_id, warehouse_id, sku) DO UPDATE
            SET quantity = EXCLUDED.quantity, shipped = 0, state = 'held'
          WHERE fulfillment_reservation.state = 'released'
 RETURNING sku
)
SELECT sku FROM booked
"""


def reserve(*, order_id: int, quantities: Mapping[str, int]) -> None:
    """Take units of SKUs for an order, all or nothing, in the transaction that places it.

    To be called last: the rows stay locked until the commit. Raises OutOfStock; the caller's
    transaction must then end.
    """
    warehouse_id = _first_warehouse()
    skus = sorted(quantities)
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "skus": skus,
                "quantities": [quantities[sku] for sku in skus],
                "warehouse": warehouse_id,
                "order": order_id,
            },
        )
        taken = {row[0] for row in cursor.fetchall()}
    if len(taken) == len(skus):
        return
    left = _available_in(warehouse_id, skus)
    raise OutOfStock(
        tuple(
            Shortage(sku, quantities[sku], max(0, left.get(sku, 0)))
            for sku in skus
            if sku not in taken
        )
    )


def _first_warehouse() -> int:
    found = (
        Warehouse.objects.filter(is_active=True)
        .order_by("priority", "pk")
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        raise OutOfStock(())
    return found


def _available_in(warehouse_id: int, skus: list[str]) -> dict[str, int]:
    rows = Stock.objects.filter(warehouse_id=warehouse_id, sku__in=skus)
    return dict(rows.values_list("sku", F("on_hand") - F("reserved")))


def commit_reservations(*, order_id: int) -> None:
    """The order is confirmed: what was held for it is now its own."""
    Reservation.objects.filter(order_id=order_id, state=ReservationState.HELD).update(
        state=ReservationState.COMMITTED
    )


@transaction.atomic
def release_reservations(*, order_id: int) -> None:
    """Give back what the order still holds. The second call finds nothing."""
    held = Reservation.objects.locked().filter(
        order_id=order_id, state__in=[ReservationState.HELD, ReservationState.COMMITTED]
    )
    rows = list(held)
    back = {(row.warehouse_id, row.sku): row.quantity - row.shipped for row in rows}
    stock = Stock.objects.locked().filter(
        warehouse_id__in={key[0] for key in back}, sku__in={key[1] for key in back}
    )
    changed = [row for row in stock if (row.warehouse_id, row.sku) in back]
    for row in changed:
        row.reserved -= back[row.warehouse_id, row.sku]
    Stock.objects.bulk_update(changed, ["reserved"])
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=ReservationState.RELEASED
    )


def consume(*, order_id: int, warehouse_id: int, quantities: Mapping[str, int]) -> None:
    """Units have left the warehouse: on hand and reserved sink together.

    In the caller's transaction. Units beyond the reservation are ignored here; the shipment
    itself is refused before.
    """
    held = Reservation.objects.locked().filter(
        order_id=order_id, warehouse_id=warehouse_id, sku__in=quantities
    )
    reservations = list(held.filter(state=ReservationState.COMMITTED))
    stock = {
        row.sku: row
        for row in Stock.objects.locked().filter(
            warehouse_id=warehouse_id, sku__in=[row.sku for row in reservations]
        )
    }
    for row in reservations:
        quantity = min(quantities[row.sku], row.quantity - row.shipped)
        row.shipped += quantity
        if row.shipped == row.quantity:
            row.state = ReservationState.CONSUMED
        stock[row.sku].on_hand -= quantity
        stock[row.sku].reserved -= quantity
    Reservation.objects.bulk_update(reservations, ["shipped", "state"])
    Stock.objects.bulk_update(stock.values(), ["on_hand", "reserved"])


def ensure_warehouse(*, code: str, name: str) -> Warehouse:
    """Return the warehouse with this code, made if it was not there."""
    warehouse, _ = Warehouse.objects.get_or_create(code=code, defaults={"name": name})
    return warehouse


@transaction.atomic
def adjust(*, warehouse_code: str, deltas: Mapping[str, int], reason: str, actor: str) -> None:
    """Change on_hand of SKUs by so many units, and book each change with its reason.

    Raises UnknownStock when that would leave less than is reserved.
    """
    warehouse = Warehouse.objects.get(code=warehouse_code)
    Stock.objects.bulk_create(
        [Stock(warehouse=warehouse, sku=sku) for sku in sorted(deltas)], ignore_conflicts=True
    )
    rows = list(Stock.objects.locked().filter(warehouse=warehouse, sku__in=deltas))
    for row in rows:
        row.on_hand += deltas[row.sku]
        if row.on_hand < row.reserved:
            raise UnknownStock(f"{row.sku}: {row.reserved} are reserved")
    Stock.objects.bulk_update(rows, ["on_hand"])
    StockAdjustment.objects.bulk_create(
        StockAdjustment(warehouse=warehouse, sku=sku, delta=delta, reason=reason, actor=actor)
        for sku, delta in sorted(deltas.items())
        if delta
    )
