"""From which warehouse an order's units come: the shop's hottest rows, locked late and briefly.

One statement locks, plain code decides, one statement takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from globalmart.core.rows import fetch


@dataclass(frozen=True, slots=True)
class Allocated:
    """How much of a SKU was taken, and how much there was over all active warehouses."""

    sku: str
    taken: int
    available: int


class Shelf(NamedTuple):
    """A stock row of an active warehouse, and how many units of it are free."""

    id: int
    warehouse_id: int
    sku: str
    free: int
    priority: int


class Portion(NamedTuple):
    """So many units from a shelf."""

    shelf: Shelf
    units: int


# In key order, so that two orders for the same SKUs never deadlock.
LOCK = """
SELECT s.id, s.warehouse_id, s.sku, s.on_hand - s.reserved, place.priority
  FROM fulfillment_stock s
  JOIN fulfillment_warehouse place ON place.id = s.warehouse_id AND place.is_active
 WHERE s.sku = ANY(%(skus)s::text[])
 ORDER BY s.id
   FOR NO KEY UPDATE OF s
"""
# The condition and the table's CHECK decide once more, whatever was read before.
TAKE = """
WITH portion AS (
    SELECT *
      FROM unnest(%(ids)s::int8[], %(warehouses)s::int8[], %(skus)s::text[], %(units)s::int4[])
           AS p(id, warehouse_id, sku, units)
), taken AS (
    UPDATE fulfillment_stock s
       SET reserved = s.reserved + portion.units
      FROM portion
     WHERE s.id = portion.id AND s.on_hand - s.reserved >= portion.units
 RETURNING s.id
)
INSERT INTO fulfillment_reservation
            (order_id, warehouse_id, sku, quantity, shipped, promised_on, state)
SELECT %(order)s::int8, warehouse_id, sku, units, 0, %(promised_on)s::date, 'held'
  FROM portion JOIN taken USING (id)
-- What an order gave back when it expired it may take again; what it holds it may not.
    ON CONFLICT (order_id, warehouse_id, sku) DO UPDATE
            SET quantity = fulfillment_reservation.shipped + EXCLUDED.quantity, state = 'held',
                promised_on = EXCLUDED.promised_on
          WHERE fulfillment_reservation.state = 'released'
RETURNING sku, quantity - shipped
"""


def take(
    *, order_id: int, quantities: Mapping[str, int], promised_on: date | None
) -> list[Allocated]:
    """Reserve units of each SKU: whole from the first active warehouse by priority that has them,
    else split over the warehouses in that order. A SKU of which there is not enough is not touched.

    In the caller's transaction, which must not be committed unless everything was taken.
    """
    shelves = [Shelf(*row) for row in fetch(LOCK, {"skus": sorted(quantities)})]
    by_sku: dict[str, list[Shelf]] = {sku: [] for sku in sorted(quantities)}
    for shelf in shelves:
        by_sku[shelf.sku].append(shelf)
    portions = [
        portion for sku, units in quantities.items() for portion in share(by_sku[sku], units)
    ]
    taken = dict.fromkeys(quantities, 0)
    for sku, units in _take(order_id, portions, promised_on):
        taken[sku] += units
    return [
        Allocated(sku, taken[sku], sum(shelf.free for shelf in found))
        for sku, found in by_sku.items()
    ]


def share(shelves: Iterable[Shelf], quantity: int) -> list[Portion]:
    """Return from which shelves of one SKU so many units come; nothing where they have too few."""
    ordered = sorted(shelves, key=lambda shelf: (shelf.priority, shelf.warehouse_id))
    whole = next((shelf for shelf in ordered if shelf.free >= quantity), None)
    if whole is not None:
        return [Portion(whole, quantity)]
    if sum(shelf.free for shelf in ordered) < quantity:
        return []
    portions, left = [], quantity
    for shelf in ordered:
        units = min(shelf.free, left)
        left -= units
        if units:
            portions.append(Portion(shelf, units))
    return portions


def _take(
    order_id: int, portions: list[Portion], promised_on: date | None
) -> list[tuple[str, int]]:
    if not portions:
        return []
    found = fetch(
        TAKE,
        {
            "ids": [each.shelf.id for each in portions],
            "warehouses": [each.shelf.warehouse_id for each in portions],
            "skus": [each.shelf.sku for each in portions],
            "units": [each.units for each in portions],
            "order": order_id,
            "promised_on": promised_on,
        },
    )
    return [(sku, units) for sku, units in found]
