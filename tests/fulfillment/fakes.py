"""A warehouse in memory, at the edge of the gateway."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.utils import timezone

from fulfillment.gateways.wms import (
    CancelAnswer,
    CarrierEvent,
    ChangePage,
    DeltaPage,
    OrderStatus,
    Receipt,
    ReceiptPage,
    ShipmentItem,
    StockDelta,
    StockSnapshot,
    SubmitAnswer,
    SubmitRequest,
    WarehouseLine,
    WarehouseOrder,
    WarehouseShipment,
)
from globalmart.core.db import forbid_transaction
from tests.builders import NOON

Entry = TypeVar("Entry")


@dataclass(slots=True)
class FakeWarehouse:
    """Keeps what was submitted and cancelled. `answers`, `cancel_answers` and the `*_errors`
    queue what comes instead of the usual; with `is_deaf` a submission or a cancellation is
    applied and its answer lost in that error. Its clock is `skew` ahead of ours.

    `counts`, `deltas` and `receipts` are what it tells of a location. An order that was shown
    without being submitted belongs to every location.
    """

    orders: dict[str, WarehouseOrder] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    # When each was shown last, by its clock; what was put there by hand is of any time.
    shown_at: dict[str, datetime] = field(default_factory=dict)
    skew: timedelta = timedelta(0)
    submitted: list[SubmitRequest] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    answers: deque[SubmitAnswer | Exception] = field(default_factory=deque)
    cancel_answers: deque[CancelAnswer | Exception] = field(default_factory=deque)
    lookup_errors: deque[Exception] = field(default_factory=deque)
    poll_errors: deque[Exception] = field(default_factory=deque)
    snapshot_errors: deque[Exception] = field(default_factory=deque)
    delta_errors: deque[Exception] = field(default_factory=deque)
    receipt_errors: deque[Exception] = field(default_factory=deque)
    counts: dict[str, StockSnapshot] = field(default_factory=dict)
    deltas: dict[str, list[StockDelta]] = field(default_factory=dict)
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)
    polled: list[tuple[str, datetime | None, str]] = field(default_factory=list)
    before_submit: Callable[[], None] | None = None
    before_cancel: Callable[[], None] | None = None
    before_poll: Callable[[], None] | None = None
    is_deaf: bool = False
    page_size: int = 200

    def submit_order(self, request: SubmitRequest) -> SubmitAnswer:
        forbid_transaction()
        self.submitted.append(request)
        if self.before_submit is not None:
            hook, self.before_submit = self.before_submit, None
            hook()
        found = self.answers.popleft() if self.answers else None
        if isinstance(found, Exception) and not self.is_deaf:
            raise found
        if isinstance(found, SubmitAnswer):
            return found
        is_known = request.reference in self.orders
        if not is_known:
            self.show(request.reference)
        if isinstance(found, Exception):
            raise found
        return SubmitAnswer("duplicate" if is_known else "accepted", "W-1", "", "")

    def get_order(self, reference: str) -> WarehouseOrder | None:
        forbid_transaction()
        self.looked_up.append(reference)
        if self.lookup_errors:
            raise self.lookup_errors.popleft()
        return self.orders.get(reference)

    def list_changes(
        self, location: str, since: datetime | None, cursor: str, limit: int
    ) -> ChangePage:
        forbid_transaction()
        if self.poll_errors:
            raise self.poll_errors.popleft()
        if self.before_poll is not None:
            hook, self.before_poll = self.before_poll, None
            hook()
        self.polled.append((location, since, cursor))
        houses = {one.reference: one.location for one in self.submitted}
        listed = [name for name in self.changes if houses.get(name, location) == location]
        if since is not None and not cursor:
            news = (place for place, name in enumerate(listed) if self._is_since(name, since))
            cursor = str(next(news, len(listed)))
        names, end, has_more = _page(listed, cursor, min(limit, self.page_size))
        # Each order once, as it is now.
        return ChangePage(tuple(self.orders[name] for name in dict.fromkeys(names)), end, has_more)

    def cancel_order(self, reference: str, reason: str) -> CancelAnswer:
        forbid_transaction()
        self.cancelled.append((reference, reason))
        if self.before_cancel is not None:
            hook, self.before_cancel = self.before_cancel, None
            hook()
        found = self.cancel_answers.popleft() if self.cancel_answers else None
        if isinstance(found, CancelAnswer):
            return found
        if isinstance(found, Exception) and not self.is_deaf:
            raise found
        order = self.orders.get(reference)
        if order is not None and order.status in {"received", "picking"}:
            order = self.show(reference, "cancelled")
        if isinstance(found, Exception):
            raise found
        if order is None:
            return CancelAnswer("not_found", "No such order.")
        if order.status == "cancelled":
            return CancelAnswer("cancelled", "")
        return CancelAnswer("too_late", f"The order is {order.status}.")

    def stock_snapshot(self, location: str) -> StockSnapshot:
        forbid_transaction()
        if self.snapshot_errors:
            raise self.snapshot_errors.popleft()
        return self.counts.get(location, StockSnapshot("COUNT-0", NOON, ()))

    def stock_deltas(self, location: str, cursor: str, limit: int) -> DeltaPage:
        forbid_transaction()
        if self.delta_errors:
            raise self.delta_errors.popleft()
        found, end, has_more = _page(self.deltas.get(location, []), cursor, self.page_size)
        return DeltaPage(found, end, has_more)

    def return_receipts(self, location: str, cursor: str, limit: int) -> ReceiptPage:
        forbid_transaction()
        if self.receipt_errors:
            raise self.receipt_errors.popleft()
        found, end, has_more = _page(self.receipts.get(location, []), cursor, self.page_size)
        return ReceiptPage(found, end, has_more)

    def show(
        self,
        reference: str,
        status: OrderStatus = "received",
        *parcels: WarehouseShipment,
        lines: tuple[WarehouseLine, ...] = (),
    ) -> WarehouseOrder:
        """Set what the warehouse says of a reference."""
        self.changes.append(reference)
        self.shown_at[reference] = timezone.now() + self.skew
        self.orders[reference] = WarehouseOrder(reference, "W-1", status, parcels, lines)
        return self.orders[reference]

    def _is_since(self, reference: str, since: datetime) -> bool:
        at = self.shown_at.get(reference)
        return at is None or at >= since


def _page(entries: Sequence[Entry], cursor: str, size: int) -> tuple[tuple[Entry, ...], str, bool]:
    start = int(cursor or 0)
    found = tuple(entries[start : start + size])
    end = start + len(found)
    return found, str(end), end < len(entries)


def parcel(
    shipment_id: str = "P-1", *events: CarrierEvent, at: datetime = NOON, **quantities: int
) -> WarehouseShipment:
    """A parcel with so many units of each SKU that left at `at`."""
    return WarehouseShipment(
        shipment_id=shipment_id,
        carrier="Royal Mail",
        tracking_number=f"RM-{shipment_id}",
        tracking_url="https://track.example/RM",
        shipped_at=at,
        lines=tuple(ShipmentItem(sku, quantity) for sku, quantity in quantities.items()),
        events=events,
    )
