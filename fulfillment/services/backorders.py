"""Back-orders: who goes without when a warehouse has less than was promised, and who is next.

A reservation changes as a whole, and stays in its warehouse: what another one has is for new
orders.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from fulfillment import events
from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import shelves
from fulfillment.states import ReservationState
from globalmart.core import outbox, timeline
from globalmart.core.alerts import close_alert, open_alert

ALERT = "stock_short"
HELD, COMMITTED, WAITING = (
    ReservationState.HELD,
    ReservationState.COMMITTED,
    ReservationState.BACKORDERED,
)
Units = Mapping[int, Mapping[str, int]]  # order -> SKU -> units

# The youngest go without, as many as it takes; commits and releases wait for the row of stock.
GIVE_WAY = """
WITH short AS (
    SELECT * FROM unnest(%(warehouses)s::bigint[], %(skus)s::text[], %(units)s::int[])
           AS s(warehouse_id, sku, units)
), line AS (
    SELECT r.id, short.units,
           sum(r.quantity - r.shipped) OVER (PARTITION BY r.warehouse_id, r.sku
               ORDER BY r.id DESC) - (r.quantity - r.shipped) AS younger
      FROM fulfillment_reservation r JOIN short USING (warehouse_id, sku)
     WHERE r.state IN ('held', 'committed')
)
UPDATE fulfillment_reservation r
   SET state = 'backordered', backordered_at = %(now)s
  FROM line
 WHERE r.id = line.id AND line.younger < line.units
RETURNING r.order_id, r.warehouse_id, r.sku, r.quantity - r.shipped
"""


def make_way(rows: Collection[Stock], *, reason: str, now: datetime) -> None:
    """Where more is reserved than is on hand, turn the youngest reservations into back-orders.

    The rows are locked; the caller writes them. Each order hears of it once.
    """
    short = {(row.warehouse_id, row.sku): row for row in rows if row.reserved > row.on_hand}
    if not short:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            GIVE_WAY,
            {
                "warehouses": [key[0] for key in short],
                "skus": [key[1] for key in short],
                "units": [row.reserved - row.on_hand for row in short.values()],
                "now": now,
            },
        )
        turned = cursor.fetchall()
    of_orders: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for order_id, warehouse_id, sku, units in turned:
        short[warehouse_id, sku].reserved -= units
        of_orders[order_id][sku] += units
    for order_id, skus in sorted(of_orders.items()):
        note(order_id, "stock.backordered", skus, reason)
        outbox.publish(events.StockBackordered(subject_id=order_id))
        open_alert(
            kind=ALERT,
            subject_type="order",
            subject_id=order_id,
            detail=f"The warehouse lacks {_listed(skus)} that the order was promised",
        )


@transaction.atomic
def fill(*, warehouse_id: int, skus: Collection[str], now: datetime) -> None:
    """Give units that are free in this warehouse to the orders that wait for them there."""
    rows = shelves.lock(warehouse_id=warehouse_id, skus=skus)
    fill_from(rows, now=now)
    shelves.write(rows, [], now=now)


def fill_from(rows: Collection[Stock], *, now: datetime) -> None:
    """Give free units to who waits for them: the oldest promise first, or the day of the order
    where nothing was promised. What needs more than there is lets smaller ones pass, for the
    units would go to new orders otherwise.

    The rows are locked; the caller writes them.
    """
    free = {(row.warehouse_id, row.sku): row for row in rows if row.on_hand > row.reserved}
    of_orders: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    filled: dict[ReservationState, list[int]] = {HELD: [], COMMITTED: []}
    for found in _queue(free):
        row, units = free.get((found.warehouse_id, found.sku)), found.quantity - found.shipped
        if row is None or row.on_hand - row.reserved < units:
            continue
        row.reserved += units
        filled[COMMITTED if found.is_confirmed else HELD].append(found.pk)  # type: ignore[attr-defined]
        of_orders[found.order_id][found.sku] += units
    for state, keys in filled.items():
        if keys:
            Reservation.objects.filter(pk__in=keys).update(state=state, backordered_at=None)
    for order_id, skus in sorted(of_orders.items()):
        note(order_id, "stock.backorder_filled", skus, "")
        outbox.publish(events.BackorderFilled(subject_id=order_id))
    close_settled(of_orders, now=now)


def _queue(free: Collection[tuple[int, str]]) -> Iterable[Reservation]:
    if not free:
        return []
    waiting: QuerySet[Reservation] = Reservation.objects.filter(
        state=WAITING,
        warehouse_id__in={key[0] for key in free},
        sku__in={key[1] for key in free},
    )
    placed_on = TruncDate("created_at", tzinfo=UTC)
    requests = Fulfillment.objects.filter(order_id=OuterRef("order_id"))
    return waiting.annotate(
        turn=Coalesce(F("promised_on"), placed_on), is_confirmed=Exists(requests)
    ).order_by("turn", "pk")


def close_settled(order_ids: Iterable[int], *, now: datetime) -> None:
    """Close the alerts of orders that wait for nothing any more."""
    keys = set(order_ids)
    if not keys:
        return
    waiting = Reservation.objects.filter(order_id__in=keys, state=WAITING)
    for order_id in sorted(keys - set(waiting.values_list("order_id", flat=True))):
        close_alert(kind=ALERT, subject_type="order", subject_id=order_id, now=now)


def note(order_id: int, kind: str, skus: Mapping[str, int], reason: str) -> None:
    """Write in the order's timeline how many units of which SKUs are meant."""
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind=kind,
        actor=shelves.WAREHOUSE,
        reason=reason,
        data={"skus": dict(sorted(skus.items()))},
    )


def _listed(skus: Mapping[str, int]) -> str:
    return ", ".join(f"{units} x {sku}" for sku, units in sorted(skus.items()))
