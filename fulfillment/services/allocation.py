"""From which warehouse an order's units come: one statement, the hottest of the shop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection


@dataclass(frozen=True, slots=True)
class Allocated:
    """How much of a SKU was taken, and how much there was over all active warehouses."""

    sku: str
    taken: int
    available: int


# The rows are locked in key order by the inner select, so that two orders for the same SKUs never
# deadlock; the condition and the CHECK decide, not an earlier read. A SKU of which there is not
# enough is not touched; the rest is given back with the caller's transaction.
TAKE = """
WITH wanted AS (
    SELECT * FROM unnest(%(skus)s::text[], %(quantities)s::int[]) AS w(sku, quantity)
), locked AS (
    SELECT s.id, s.warehouse_id, s.sku, s.on_hand - s.reserved AS free, w.quantity, place.priority
      FROM fulfillment_stock s
      JOIN wanted w USING (sku)
      JOIN fulfillment_warehouse place ON place.id = s.warehouse_id AND place.is_active
     ORDER BY s.id
       FOR NO KEY UPDATE OF s
), ranked AS (
    SELECT id, sku, free, quantity,
           max(free) OVER (PARTITION BY sku) >= quantity AS is_whole,
           row_number() OVER (PARTITION BY sku
                              ORDER BY free < quantity, priority, warehouse_id) AS place,
           sum(free) OVER (PARTITION BY sku) AS available,
           sum(free) OVER (PARTITION BY sku ORDER BY priority, warehouse_id) - free AS before
      FROM locked
), portion AS (
    SELECT id, CASE WHEN is_whole THEN CASE WHEN place = 1 THEN quantity ELSE 0 END
                    WHEN available >= quantity THEN least(free, quantity - before)
                    ELSE 0 END::int AS units
      FROM ranked
), taken AS (
    UPDATE fulfillment_stock s
       SET reserved = s.reserved + portion.units
      FROM portion
     WHERE s.id = portion.id AND portion.units > 0
       AND s.on_hand - s.reserved >= portion.units
 RETURNING s.warehouse_id, s.sku, portion.units
), booked AS (
    INSERT INTO fulfillment_reservation
                (order_id, warehouse_id, sku, quantity, shipped, promised_on, state)
    SELECT %(order)s, warehouse_id, sku, units, 0, %(promised_on)s::date, 'held' FROM taken
    -- What an order gave back when it expired it may take again; what it holds it may not.
    ON CONFLICT (order_id, warehouse_id, sku) DO UPDATE
            SET quantity = fulfillment_reservation.shipped + EXCLUDED.quantity, state = 'held',
                promised_on = EXCLUDED.promised_on
          WHERE fulfillment_reservation.state = 'released'
 RETURNING sku, quantity - shipped AS units
)
SELECT w.sku, coalesce((SELECT sum(units) FROM booked WHERE booked.sku = w.sku), 0),
       coalesce((SELECT max(available) FROM ranked WHERE ranked.sku = w.sku), 0)
  FROM wanted w
"""


def take(
    *, order_id: int, quantities: Mapping[str, int], promised_on: date | None
) -> list[Allocated]:
    """Reserve units of each SKU: whole from the first active warehouse by priority that has them,
    else split over the warehouses in that order.

    In the caller's transaction, which must not be committed unless everything was taken.
    """
    skus = sorted(quantities)
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "skus": skus,
                "quantities": [quantities[sku] for sku in skus],
                "promised_on": promised_on,
                "order": order_id,
            },
        )
        return [Allocated(sku, int(taken), int(left)) for sku, taken, left in cursor.fetchall()]
