"""Our requests against the warehouse's own list: what differs, by kind; what is safe is healed.

What the warehouse says of an order that is ours is recorded as a poll records it, so a difference
that a poll would have mended is gone when it is compared again. The rest is a person's: an alert.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
from fulfillment.services.comparing import Kind, Ours, compare, units
from fulfillment.states import FulfillmentState
from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.models import Alert
from globalmart.core.reconciliation import Progress, Report, Unfinished

ALERT = "warehouse_differs"
LATE_ALERT = "warehouse_not_compared"
# A job is ended after 180 s, and the queue's other work waits meanwhile.
JOB_SECONDS = 60.0
PAGE = 200
# What was sent or told a moment ago is still on its way between the two.
SETTLING = timedelta(minutes=1)
# Where nothing older is open: so far back goes a comparison of all.
DAYS = timedelta(days=30)
S = FulfillmentState
OPEN = tuple(
    state for state in S.values if state not in {S.SHIPPED, S.CANCELLED, S.INCOMPLETE, S.REJECTED}
)
# A poll records these too, or alarms: doing so once more is safe.
RECORDED = (Kind.STATE, Kind.PARCEL_MISSING, Kind.MISSING_HERE)
# Of these the warehouse may know nothing.
UNANSWERED = (S.REJECTED, S.READY, S.ON_HOLD, S.SUBMITTING, S.SUBMIT_UNKNOWN)


@dataclass(slots=True)
class _Run:
    """One comparison. An alert ends when all that was compared of its order agrees."""

    now: datetime
    apply: bool
    report: Report = field(default_factory=Report)
    agreeing: set[int] = field(default_factory=set)
    differing: set[int] = field(default_factory=set)


def reconcile_nightly(*, now: datetime) -> Report | None:
    """Compare all that is open, within a job's time; an alert is open while that did not succeed.

    Returns None where it did not. Waits for the network.
    """
    first = Warehouse.objects.filter(is_active=True).order_by("priority", "pk").first()
    if first is None:
        return None
    ends = time.monotonic() + JOB_SECONDS
    try:
        report = reconcile(since=None, apply=True, progress=lambda *_: _end_at(ends))
    except Unfinished as error:
        detail = f"The comparison with the warehouse was not finished: {error}"
        open_alert(kind=LATE_ALERT, subject_type="warehouse", subject_id=first.pk, detail=detail)
        return None
    close_alert(kind=LATE_ALERT, subject_type="warehouse", subject_id=first.pk, now=now)
    return report


def _end_at(ends: float) -> None:
    if time.monotonic() > ends:
        raise Unfinished("there was more than a job may take; run it by hand")


def reconcile(*, since: datetime | None, apply: bool, progress: Progress) -> Report:
    """Compare what began since then (UTC), or since the oldest request that is open.

    Without `apply` nothing is changed. `progress` is told after each page. Waits for the network,
    for long where there is much. Raises Unfinished where the warehouse does not answer to the end.
    """
    now = timezone.now()
    run = _Run(now=now, apply=apply)
    begins = since or oldest_open(now=now)
    try:
        for warehouse in Warehouse.objects.filter(is_active=True).order_by("pk"):
            for _ in _compare_warehouse(run, warehouse, since=begins):
                progress(begins, begins, now)
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


def _compare_warehouse(run: _Run, warehouse: Warehouse, *, since: datetime) -> Iterator[None]:
    """Compare page by page, then what no page has named."""
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
        yield
    for row in _unseen(run, warehouse, since, seen):
        found = gateways.current().get_order(row.reference)
        if found is not None:
            _settle(run, warehouse, _ours(row), found)
        elif row.state != S.CANCELLED:
            words = f"{row.reference} is {row.state} here, and the warehouse does not know it"
            run.report.compared["orders"] += 1
            _tell(run, Kind.MISSING_THERE, words, order_id=row.order_id)
        yield


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
        parcel.wms_shipment_id: units((line.sku, line.quantity) for line in parcel.lines.all())
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
