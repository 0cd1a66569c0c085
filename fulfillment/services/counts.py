"""What the warehouse counts, and what it says has come or gone other than in parcels.

The shelf now is what was counted, and what has happened since the moment of the count: deltas
more or less, parcels less. So it does not matter in which order we hear of them.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from fulfillment.gateways.wms import StockDelta, StockSnapshot
from fulfillment.models import ShipmentLine, Stock, StockAdjustment
from fulfillment.services import backorders, shelves
from globalmart.core.alerts import close_alert, open_alert

log = logging.getLogger(__name__)

# SKUs of one transaction: 20,000 of them must not keep buyers waiting.
BATCH = 200
LONGEST_SKU = 40
ALERT = "stock_count_refused"


def apply_snapshot(*, warehouse_id: int, snapshot: StockSnapshot, now: datetime) -> int:
    """Write a count, and return of how many SKUs it was news.

    Ignored is, SKU by SKU, what is not younger than the last count, and the same count again; as a
    whole a count of the future, and another count under an old name. A SKU that the snapshot names
    twice has the smaller number. Where less was counted than is reserved, the youngest reservations
    become back-orders first. Commits every few SKUs.
    """
    if snapshot.as_of > now + shelves.TOLERANCE:
        _refuse(warehouse_id, snapshot, "is still to come. Is the warehouse's clock right?")
        return 0
    namesakes = Stock.objects.filter(warehouse_id=warehouse_id, count_id=_name(snapshot))
    if namesakes.filter(counted_at__lt=snapshot.as_of).exists():
        _refuse(warehouse_id, snapshot, "is later than that of another count of this name.")
        return 0
    counted: dict[str, int] = {}
    for level in snapshot.items:
        if len(level.sku) <= LONGEST_SKU:
            counted[level.sku] = min(level.on_hand, counted.get(level.sku, level.on_hand))
    news = 0
    for skus in _batches(counted):
        some = {sku: counted[sku] for sku in skus}
        news += _count(warehouse_id, snapshot, some, now=now)
    close_alert(kind=ALERT, subject_type="warehouse", subject_id=warehouse_id, now=now)
    return news


def apply_deltas(*, warehouse_id: int, deltas: Iterable[StockDelta], now: datetime) -> int:
    """Book changes of stock, each once, and return how many were news.

    What happened before the last count is in it already. Commits every few SKUs.
    """
    of_sku: dict[str, dict[str, StockDelta]] = defaultdict(dict)
    for delta in deltas:
        if len(delta.sku) <= LONGEST_SKU:
            of_sku[delta.sku].setdefault(delta.delta_id, delta)
    news = 0
    for skus in _batches(of_sku):
        some = {sku: list(of_sku[sku].values()) for sku in skus}
        news += _change(warehouse_id, some, now=now)
    return news


def _batches(of_sku: Mapping[str, object]) -> Iterable[Sequence[str]]:
    skus = sorted(of_sku)
    return (skus[start : start + BATCH] for start in range(0, len(skus), BATCH))


@transaction.atomic
def _count(
    warehouse_id: int, snapshot: StockSnapshot, counted: Mapping[str, int], *, now: datetime
) -> int:
    as_of, count_id = snapshot.as_of, _name(snapshot)
    rows = [
        row
        for row in _locked(warehouse_id, counted)
        if (row.counted_at is None or row.counted_at < as_of) and row.count_id != count_id
    ]
    since = _moved_since(warehouse_id, [row.sku for row in rows], as_of)
    cause = shelves.Cause(
        reason=f"count {count_id}", source_id=f"count:{count_id}", occurred_at=as_of
    )
    booked: list[StockAdjustment] = []
    for row in rows:
        truth = counted[row.sku] + since.get(row.sku, 0)
        booked += shelves.change(row, truth - (row.on_hand - row.overdrawn), cause)
        row.counted, row.counted_at, row.count_id = counted[row.sku], as_of, count_id
    _settle(rows, booked, reason="the warehouse has counted less", now=now)
    return len(rows)


@transaction.atomic
def _change(warehouse_id: int, deltas: Mapping[str, Sequence[StockDelta]], *, now: datetime) -> int:
    rows = _locked(warehouse_id, deltas)
    sources = [_source(each) for many in deltas.values() for each in many]
    known = set(
        StockAdjustment.objects.filter(
            warehouse_id=warehouse_id, source_id__in=sources
        ).values_list("sku", "source_id")
    )
    booked: list[StockAdjustment] = []
    news = 0
    for row in rows:
        for delta in deltas[row.sku]:
            is_counted = row.counted_at is not None and delta.at <= row.counted_at
            if is_counted or (row.sku, _source(delta)) in known:
                continue
            cause = shelves.Cause(
                reason=delta.reason or "change told by the warehouse",
                source_id=_source(delta),
                occurred_at=shelves.moment(delta.at, now=now),
            )
            booked += shelves.change(row, delta.change, cause)
            news += 1
    _settle(rows, booked, reason="the warehouse has less", now=now)
    return news


def _locked(warehouse_id: int, skus: Mapping[str, object]) -> list[Stock]:
    """The rows of these SKUs, locked; what the warehouse has and we did not know of is inserted."""
    known = Stock.objects.filter(warehouse_id=warehouse_id, sku__in=skus)
    unknown = sorted(set(skus) - set(known.values_list("sku", flat=True)))
    Stock.objects.bulk_create(
        [Stock(warehouse_id=warehouse_id, sku=sku) for sku in unknown], ignore_conflicts=True
    )
    return shelves.lock(warehouse_id=warehouse_id, skus=skus.keys())


def _settle(
    rows: Sequence[Stock], booked: Sequence[StockAdjustment], *, reason: str, now: datetime
) -> None:
    """Back-order what is not there, give what has come to who waits, write."""
    backorders.make_way(rows, reason=reason, now=now)
    backorders.fill_from(rows, now=now)
    shelves.write(rows, booked, now=now)


def _moved_since(warehouse_id: int, skus: Sequence[str], as_of: datetime) -> dict[str, int]:
    """Return by SKU what has come since then, less what has gone, by all that we know."""
    came = StockAdjustment.objects.filter(
        warehouse_id=warehouse_id, sku__in=skus, occurred_at__gt=as_of
    )
    went = ShipmentLine.objects.filter(
        shipment__warehouse_id=warehouse_id, sku__in=skus, shipment__shipped_at__gt=as_of
    )
    moved: dict[str, int] = defaultdict(int)
    for sku, units in came.values("sku").annotate(units=Sum("delta")).values_list("sku", "units"):
        moved[sku] += units
    for sku, units in (
        went.values("sku").annotate(units=Sum("quantity")).values_list("sku", "units")
    ):
        moved[sku] -= units
    return moved


def _source(delta: StockDelta) -> str:
    return f"delta:{delta.delta_id}"


def _name(snapshot: StockSnapshot) -> str:
    return snapshot.snapshot_id[:64]


def _refuse(warehouse_id: int, snapshot: StockSnapshot, why: str) -> None:
    log.warning("count %s is of %s, which %s", snapshot.snapshot_id, snapshot.as_of, why)
    open_alert(
        kind=ALERT,
        subject_type="warehouse",
        subject_id=warehouse_id,
        detail=f"The count {snapshot.snapshot_id} was not written. It says it is of "
        f"{snapshot.as_of:%F %T}, which {why}",
    )
