"""What the warehouses counted, what we expected them to, and what is promised of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class StockLine:
    """A SKU in a warehouse, in units. `counted` is None where nothing was counted yet.

    `expected` is what our books had at the moment of the last count; `open` what is reserved and
    has not shipped; `backordered` what orders wait for here; `overdrawn` what left since without
    having been on hand.
    """

    warehouse: str
    sku: str
    counted_at: datetime | None
    count_id: str
    counted: int | None
    expected: int | None
    on_hand: int
    open: int
    backordered: int
    overdrawn: int

    @property
    def difference(self) -> int:
        """What was counted less what was expected."""
        return (self.counted or 0) - (self.expected or 0)


LINES = """
SELECT place.code, stock.sku, stock.counted_at, stock.count_id, stock.counted,
       stock.counted - coalesce(booked.delta, 0) AS expected, stock.on_hand, stock.reserved,
       coalesce(waiting.units, 0) AS backordered, stock.overdrawn
  FROM fulfillment_stock stock
  JOIN fulfillment_warehouse place ON place.id = stock.warehouse_id
  LEFT JOIN fulfillment_stockadjustment booked
         ON booked.warehouse_id = stock.warehouse_id AND booked.sku = stock.sku
        AND booked.source_id = 'count:' || stock.count_id AND booked.source_id <> ''
  LEFT JOIN (SELECT warehouse_id, sku, sum(quantity - shipped) AS units
               FROM fulfillment_reservation WHERE state = 'backordered'
              GROUP BY warehouse_id, sku) waiting
         ON waiting.warehouse_id = stock.warehouse_id AND waiting.sku = stock.sku
 WHERE (%(code)s = '' OR place.code = %(code)s)
   AND (%(is_all)s OR booked.delta <> 0 OR waiting.units > 0 OR stock.overdrawn > 0)
 ORDER BY place.priority, place.code, stock.sku
"""


def list_discrepancies(*, warehouse_code: str = "", is_all: bool = False) -> Iterator[StockLine]:
    """Return the SKUs whose last count differs, that orders wait for, or that are overdrawn, by
    warehouse; with `is_all` every SKU. An empty code means every warehouse."""
    with connection.cursor() as cursor:
        cursor.execute(LINES, {"code": warehouse_code, "is_all": is_all})
        yield from (StockLine(*row) for row in cursor.fetchall())
