"""A warehouse in memory, at the edge of the gateway."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fulfillment.gateways.wms import (
    ChangePage,
    OrderStatus,
    ShipmentItem,
    SubmitAnswer,
    SubmitRequest,
    WarehouseOrder,
    WarehouseShipment,
)
from globalmart.core.db import forbid_transaction
from tests.builders import NOON


@dataclass(slots=True)
class FakeWarehouse:
    """Keeps what was submitted. `raises[method]` queues errors that come instead of answers;
    with `is_deaf` a submission is applied and its answer lost in that error."""

    orders: dict[str, WarehouseOrder] = field(default_factory=dict)
    submitted: list[SubmitRequest] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    answers: deque[SubmitAnswer | Exception] = field(default_factory=deque)
    lookup_errors: deque[Exception] = field(default_factory=deque)
    poll_errors: deque[Exception] = field(default_factory=deque)
    before_submit: Callable[[], None] | None = None
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
        start = int(cursor or 0)
        found = tuple(self.orders.values())[start : start + self.page_size]
        end = start + len(found)
        return ChangePage(found, str(end), end < len(self.orders))

    def show(
        self, reference: str, status: OrderStatus = "received", *parcels: WarehouseShipment
    ) -> WarehouseOrder:
        """Set what the warehouse says of a reference."""
        self.orders[reference] = WarehouseOrder(reference, "W-1", status, parcels)
        return self.orders[reference]


def parcel(shipment_id: str = "P-1", **quantities: int) -> WarehouseShipment:
    """A parcel with so many units of each SKU."""
    return WarehouseShipment(
        shipment_id=shipment_id,
        carrier="Royal Mail",
        tracking_number=f"RM-{shipment_id}",
        tracking_url="https://track.example/RM",
        shipped_at=NOON,
        lines=tuple(ShipmentItem(sku, quantity) for sku, quantity in quantities.items()),
    )
