"""Rows of stock under lock, and how they change.

Whoever changes a reservation or `on_hand` holds the row of stock, and takes all the rows that a
transaction needs at once, in key order: so nobody deadlocks, and nobody else's sum is in between.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from fulfillment.models import Stock, StockAdjustment
from globalmart.core.alerts import close_alert, open_alert

# What happened cannot be later than now; so far may a warehouse's clock be ahead of ours. One
# rule for counts, changes and parcels: they are compared with one another.
TOLERANCE = timedelta(minutes=5)
ALERT = "stock_overdrawn"
OVERDRAWN = "left or lost without having been on hand"
TOO_LATE = "left before the count"
WAREHOUSE = "warehouse"

OF_ORDER = """
SELECT s.*
  FROM fulfillment_stock s
  JOIN fulfillment_reservation r ON r.warehouse_id = s.warehouse_id AND r.sku = s.sku
 WHERE r.order_id = %s AND r.state IN ('held', 'committed', 'backordered')
 ORDER BY s.id
   FOR NO KEY UPDATE OF s
"""
WRITE = """
UPDATE fulfillment_stock s
   SET on_hand = v.on_hand, reserved = v.reserved, overdrawn = v.overdrawn,
       counted = v.counted, counted_at = v.counted_at, count_id = v.count_id
  FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[],
              %s::text[])
       AS v(id, on_hand, reserved, overdrawn, counted, counted_at, count_id)
 WHERE s.id = v.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why units came or went other than in a parcel. `occurred_at` is when they did; without it
    the next count, of whatever time, knows better."""

    reason: str
    actor: str = WAREHOUSE
    source_id: str = ""
    occurred_at: datetime | None = None


def moment(at: datetime, *, now: datetime) -> datetime:
    """Return when something happened by the warehouse's clock, never far in the future: that would
    hide it from every count until then."""
    return min(at, now + TOLERANCE)


def lock(*, warehouse_id: int, skus: Collection[str]) -> list[Stock]:
    """Return the rows of these SKUs, locked until the transaction ends."""
    return list(Stock.objects.locked().filter(warehouse_id=warehouse_id, sku__in=skus))


def lock_of_order(*, order_id: int) -> list[Stock]:
    """Return the rows, in every warehouse, of what the order has reserved or waits for, locked.

    Always all of them, so that a second call in the same transaction needs no row before these.
    """
    return list(Stock.objects.raw(OF_ORDER, [order_id]))


def change(row: Stock, units: int, cause: Cause | None) -> list[StockAdjustment]:
    """Put so many units on the locked row, or take them (below zero), and return what to book.

    Without a cause a parcel explains it. Nothing is on hand below zero: what is missing is booked
    as an adjustment and remembered, and the next units that come are those.
    """
    booked = [adjustment(row, units, cause)] if cause and units else []
    before, truth = row.overdrawn, row.on_hand - row.overdrawn + units
    row.on_hand, row.overdrawn = max(0, truth), max(0, -truth)
    if row.overdrawn != before:
        booked.append(adjustment(row, row.overdrawn - before, Cause(reason=OVERDRAWN)))
    return booked


def ship(row: Stock, units: int, shipped_at: datetime | None) -> list[StockAdjustment]:
    """Take a parcel's units from the locked row and return what to book.

    What had left before the last count was not on the shelf when that was taken.
    """
    if shipped_at is not None and row.counted_at is not None and shipped_at <= row.counted_at:
        return [adjustment(row, units, Cause(reason=TOO_LATE, occurred_at=shipped_at))]
    return change(row, -units, None)


def adjustment(row: Stock, delta: int, cause: Cause) -> StockAdjustment:
    return StockAdjustment(
        warehouse_id=row.warehouse_id,
        sku=row.sku,
        delta=delta,
        reason=cause.reason[:100],
        actor=cause.actor,
        source_id=cause.source_id,
        occurred_at=cause.occurred_at,
    )


def write(rows: Collection[Stock], booked: Iterable[StockAdjustment], *, now: datetime) -> None:
    """Write changed rows with the adjustments that explain them. The CHECKs have the last word."""
    adjustments = list(booked)
    if rows:
        names = ("pk", "on_hand", "reserved", "overdrawn", "counted", "counted_at", "count_id")
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [[getattr(row, name) for row in rows] for name in names])
    StockAdjustment.objects.bulk_create(adjustments)
    _tell_overdrawn([each for each in adjustments if each.reason == OVERDRAWN], now)


def _tell_overdrawn(booked: list[StockAdjustment], now: datetime) -> None:
    """A warehouse has one alert while any of its SKUs is overdrawn."""
    for warehouse_id in sorted({each.warehouse_id for each in booked}):
        found = Stock.objects.filter(warehouse_id=warehouse_id, overdrawn__gt=0).order_by("sku")
        first = found.values_list("sku", "overdrawn").first()
        if first is None:
            close_alert(kind=ALERT, subject_type=WAREHOUSE, subject_id=warehouse_id, now=now)
            continue
        open_alert(
            kind=ALERT,
            subject_type=WAREHOUSE,
            subject_id=warehouse_id,
            detail=f"{first[1]} x {first[0]} left or broke without having been on hand: "
            "ask for a new count if the receipt of goods does not follow",
        )
