"""Our requests against the warehouse's own list: what differs, by kind; what is safe is healed.

What the warehouse says of an order that is ours is recorded as a poll records it, so a difference
that a poll would have mended is gone when it is compared again. The rest is a person's: an alert.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from fulfillment import gateways
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    WarehouseOrder,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, Warehouse
from fulfillment.services import shipments
from fulfillment.states import FulfillmentState
from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.models import Alert
from globalmart.core.reconciliation import Progress, Report, Unfinished

ALERT = "warehouse_differs"
PAGE = 200
# What was sent or told a moment ago is still on its way between the two.
SETTLING = timedelta(minutes=1)
# Where nothing older is open: so far back goes a comparison of all.
DAYS = timedelta(days=30)
S = FulfillmentState
OPEN = tuple(
    state for state in S.values if state not in {S.SHIPPED, S.CANCELLED, S.INCOMPLETE, S.REJECTED}
)
# What of ours fits what the warehouse says. A cancellation that is asked for fits whatever is not
# an end: its answer is on the way.
FITS: Mapping[str, frozenset[str]] = {
    "received": frozenset({S.SUBMITTED, S.ACCEPTED, S.CANCELLATION_REQUESTED}),
    "picking": frozenset({S.IN_PROGRESS, S.CANCELLATION_REQUESTED}),
    "packed": frozenset({S.IN_PROGRESS, S.CANCELLATION_REQUESTED}),
    "partially_shipped": frozenset({S.PARTIALLY_SHIPPED}),
    "shipped": frozenset({S.SHIPPED}),
    "closed_short": frozenset({S.INCOMPLETE}),
    "cancelled": frozenset({S.CANCELLED}),
}


class Kind(models.TextChoices):
    """How the two can differ."""

    MISSING_HERE = "missing_here"  # the warehouse has an order that is not ours
    MISSING_THERE = "missing_there"  # the warehouse does not know what it had accepted
    STATE = "state"
    PARCEL_MISSING = "parcel_missing"  # a parcel left of which we do not know
    PARCEL_DIFFERS = "parcel_differs"  # the same parcel, other goods
    ALIVE_THERE = "alive_there"  # cancelled here, and the warehouse goes on
    SHIPPED_CANCELLED = "shipped_cancelled"  # cancelled here, and a parcel left
    CANCELLED_THERE = "cancelled_there"  # wanted here, and the warehouse has cancelled it


# A poll records these too, or alarms: doing so once more is safe.
RECORDED = (Kind.STATE, Kind.PARCEL_MISSING, Kind.MISSING_HERE)
# Of these the warehouse may know nothing.
UNANSWERED = (S.REJECTED, S.READY, S.ON_HOLD, S.SUBMITTING, S.SUBMIT_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Ours:
    """What we know of one request; `parcels` are the units by SKU of each parcel's id there."""

    order_id: int
    state: str
    parcels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def compare(ours: Ours | None, theirs: WarehouseOrder) -> Kind | None:
    """Return how the two differ, the worst first; None where they agree."""
    if ours is None:
        return Kind.MISSING_HERE
    if ours.state == S.CANCELLED and theirs.status != "cancelled":
        return Kind.SHIPPED_CANCELLED if theirs.shipments else Kind.ALIVE_THERE
    told = {
        parcel.shipment_id: _units((item.sku, item.quantity) for item in parcel.lines)
        for parcel in theirs.shipments
    }
    if any(ours.parcels.get(key, units) != units for key, units in told.items()):
        return Kind.PARCEL_DIFFERS
    if not told.keys() <= ours.parcels.keys():
        return Kind.PARCEL_MISSING
    if theirs.status == "cancelled" and ours.state not in {S.CANCELLED, S.CANCELLATION_REQUESTED}:
        return Kind.CANCELLED_THERE
    return None if ours.state in FITS[theirs.status] else Kind.STATE


def _units(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    units: dict[str, int] = {}
    for sku, quantity in pairs:
        units[sku] = units.get(sku, 0) + quantity
    return units


@dataclass(slots=True)
class _Run:
    """One comparison. An alert ends when all that was compared of its order agrees."""

    now: datetime
    apply: bool
    report: Report = field(default_factory=Report)
    agreeing: set[int] = field(default_factory=set)
    differing: set[int] = field(default_factory=set)


def reconcile(*, since: datetime | None, apply: bool, progress: Progress) -> Report:
    """Compare what began since then (UTC), or since the oldest request that is open.

    Without `apply` nothing is changed. Waits for the network, for long where there is much.
    Raises Unfinished where the warehouse does not answer to the end.
    """
    now = timezone.now()
    run = _Run(now=now, apply=apply)
    begins = since or oldest_open(now=now)
    try:
        for warehouse in Warehouse.objects.filter(is_active=True).order_by("pk"):
            _compare_warehouse(run, warehouse, since=begins)
            progress(begins, now, now)
    except (WarehouseUnavailable, WarehouseRejected, OutcomeUnknown) as error:
        raise Unfinished(str(error)) from error
    if apply:
        _close_alerts(run)
    return run.report


def oldest_open(*, now: datetime) -> datetime:
    """Return when the oldest request was sent that has no end yet, at most 30 days ago."""
    rows = Fulfillment.objects.filter(state__in=OPEN, first_sent_at__isnull=False)
    oldest = rows.order_by("first_sent_at").values_list("first_sent_at", flat=True).first()
    return max(oldest or now, now - DAYS) - SETTLING


def _compare_warehouse(run: _Run, warehouse: Warehouse, *, since: datetime) -> None:
    seen: set[str] = set()
    for page in _pages(warehouse, since):
        seen.update(theirs.reference for theirs in page)
        known = _load(page, warehouse)
        for theirs in page:
            row = known.get(theirs.reference)
            if row is not None and row.state_changed_at > run.now - SETTLING:
                run.report.compared["under way"] += 1
            else:
                _settle(run, warehouse, _ours(row) if row else None, theirs)
    for row in _unseen(run, warehouse, since, seen):
        found = gateways.current().get_order(row.reference)
        if found is not None:
            _settle(run, warehouse, _ours(row), found)
        elif row.state != S.CANCELLED:
            words = f"{row.reference} is {row.state} here, and the warehouse does not know it"
            run.report.compared["orders"] += 1
            _tell(run, Kind.MISSING_THERE, words, order_id=row.order_id)


def _pages(warehouse: Warehouse, since: datetime) -> Iterator[tuple[WarehouseOrder, ...]]:
    cursor, has_more = "", True
    while has_more:
        page = gateways.current().list_changes(
            warehouse.code, None if cursor else since, cursor, PAGE
        )
        yield page.orders
        has_more, cursor = page.has_more and page.next_cursor != cursor, page.next_cursor


def _load(page: Sequence[WarehouseOrder], warehouse: Warehouse) -> dict[str, Fulfillment]:
    references = [theirs.reference for theirs in page]
    rows = Fulfillment.objects.filter(reference__in=references, warehouse=warehouse)
    return {row.reference: row for row in rows.prefetch_related("shipments__lines")}


def _ours(row: Fulfillment) -> Ours:
    parcels = {
        parcel.wms_shipment_id: _units((line.sku, line.quantity) for line in parcel.lines.all())
        for parcel in row.shipments.all()
    }
    return Ours(row.order_id, row.state, parcels)


def _unseen(
    run: _Run, warehouse: Warehouse, since: datetime, seen: set[str]
) -> Iterator[Fulfillment]:
    """Give what the warehouse has taken since then, and its list did not name."""
    settled = run.now - SETTLING
    rows = Fulfillment.objects.filter(
        warehouse=warehouse, first_sent_at__range=(since, settled), state_changed_at__lt=settled
    ).exclude(state__in=UNANSWERED)
    for row in rows.prefetch_related("shipments__lines").order_by("pk").iterator(chunk_size=PAGE):
        if row.reference not in seen:
            yield row


def _settle(run: _Run, warehouse: Warehouse, ours: Ours | None, theirs: WarehouseOrder) -> None:
    run.report.compared["orders"] += 1
    kind = compare(ours, theirs)
    if kind is None:
        run.agreeing.add(ours.order_id if ours else 0)
        return
    here = ours.state if ours else "not ours"
    words = f"{theirs.reference} is {here}, and the warehouse says {theirs.status}"
    if run.apply and kind in RECORDED:
        shipments.record(warehouse_id=warehouse.pk, found=theirs)
        if _agrees(warehouse, theirs):
            run.report.differ(kind, words)
            run.report.healed[kind] += 1
            return
    _tell(run, kind, words, order_id=ours.order_id if ours else None)


def _agrees(warehouse: Warehouse, theirs: WarehouseOrder) -> bool:
    row = _load([theirs], warehouse).get(theirs.reference)
    return row is not None and compare(_ours(row), theirs) is None


def _tell(run: _Run, kind: Kind, words: str, *, order_id: int | None) -> None:
    run.report.differ(kind, words)
    if order_id is None:
        return
    run.differing.add(order_id)
    if run.apply:
        open_alert(kind=ALERT, subject_type="order", subject_id=order_id, detail=f"{kind}: {words}")


def _close_alerts(run: _Run) -> None:
    open_ = Alert.objects.filter(kind=ALERT, subject_type="order", closed_at__isnull=True)
    mended = open_.filter(subject_id__in=run.agreeing - run.differing)
    for order_id in list(mended.values_list("subject_id", flat=True)):
        close_alert(kind=ALERT, subject_type="order", subject_id=order_id, now=run.now)
        run.report.closed += 1
