"""What fulfillment asks of a warehouse, and what it may hear back.

The words here are ours; `warehouse.wsdl` holds the warehouse's. Three errors tell every caller
what to do next, and no other error leaves a gateway:

* `WarehouseRejected`: the warehouse read the request and refused it for good; sending the same
  again is pointless.
* `WarehouseUnavailable`: the request was certainly not applied; try again later.
* `OutcomeUnknown`: bytes left and no trustworthy answer came; ask `get_order` before anything
  else.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

# "closed_short": what is not in a parcel by then will not be shipped.
OrderStatus = Literal[
    "received", "picking", "packed", "partially_shipped", "shipped", "closed_short", "cancelled"
]
CarrierState = Literal[
    "label_created",
    "in_transit",
    "out_for_delivery",
    "available_for_pickup",
    "attempt_failed",
    "exception",
    "delivered",
    "returned_to_sender",
    "lost",
    "voided",
]
Condition = Literal["sellable", "damaged", "wrong_item", "unknown"]
Service = Literal["standard", "express"]


class WarehouseRejected(Exception):
    """The warehouse refused the request for good (a SOAP Client fault, or our own schema check).

    Its text is the code alone: `message` is the warehouse's, for staff to read, and may repeat
    what it was sent of the customer.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class WarehouseUnavailable(Exception):
    """Certainly not applied: no connection, credentials refused, turned away at the door, or held
    back by our own guard. Then `retry_after` says in how many seconds a call may pass."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(Exception):
    """The request left, and nothing trustworthy came back; it may have been applied."""


class EntryUnreadable(OutcomeUnknown):
    """A page of a list holds one entry, and that cannot be read; the page's own words can.

    `reference` is that of the entry, "" where even that cannot be read.
    """

    def __init__(self, message: str, *, reference: str, next_cursor: str, has_more: bool) -> None:
        super().__init__(message)
        self.reference = reference
        self.next_cursor = next_cursor
        self.has_more = has_more


@dataclass(frozen=True, slots=True)
class ShipTo:
    """Where the parcel goes. `country` is ISO 3166-1 alpha-2; absent parts are empty strings."""

    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


@dataclass(frozen=True, slots=True)
class SubmitLine:
    """One line to pick. `line_no` is ours, from 1, and unique within the request."""

    line_no: int
    sku: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """One request to ship. `reference` is unique for ever; a resend repeats it unchanged, and a
    request that was put right after a refusal repeats it with the next `sequence`.

    `location` is the warehouse's code; `promised_on` the day on which the goods should leave.
    """

    location: str
    reference: str
    sequence: int
    order_number: str
    service: Service
    ship_to: ShipTo
    lines: tuple[SubmitLine, ...]
    promised_on: date | None = None


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """`duplicate` means that the reference was known already, under this `wms_number`.

    `code` and `message` are empty unless `result` is "rejected".
    """

    result: Literal["accepted", "rejected", "duplicate"]
    wms_number: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ShipmentItem:
    """How many of one SKU are in a parcel."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """What a carrier told of a parcel. `event_id` is the carrier's own; `at` is UTC."""

    event_id: str
    state: CarrierState
    at: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseShipment:
    """One parcel that left. `shipment_id` is unique within the warehouse; `shipped_at` is UTC."""

    shipment_id: str
    carrier: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime
    lines: tuple[ShipmentItem, ...]
    events: tuple[CarrierEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class WarehouseLine:
    """One line as the warehouse sees it. `short` pieces will not be shipped; `reason` says why."""

    sku: str
    ordered: int
    shipped: int
    short: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseOrder:
    """The warehouse's whole present view of one of our requests.

    `lines` are there for an order that is closed short; otherwise they may be left out.
    """

    reference: str
    wms_number: str
    status: OrderStatus
    shipments: tuple[WarehouseShipment, ...]
    lines: tuple[WarehouseLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changed orders, oldest change first; the same order may come again when it changes again.

    `next_cursor` is never empty: keep it for the next poll, also when `has_more` is false.
    """

    orders: tuple[WarehouseOrder, ...]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """`too_late` means that goods have left or cannot be stopped; `message` says why."""

    result: Literal["cancelled", "too_late", "not_found"]
    message: str


@dataclass(frozen=True, slots=True)
class StockLevel:
    """Pieces on the shelf, those promised to open orders included."""

    sku: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class StockSnapshot:
    """The counts at `as_of` (UTC). A SKU that is not named was not counted."""

    snapshot_id: str
    as_of: datetime
    items: tuple[StockLevel, ...]


@dataclass(frozen=True, slots=True)
class StockDelta:
    """So many pieces more or less on a shelf at `at` (UTC), for a reason other than a parcel."""

    delta_id: str
    sku: str
    change: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class DeltaPage:
    """Stock changes after a cursor, oldest first. `next_cursor` is never empty."""

    deltas: tuple[StockDelta, ...]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """Returned goods that a warehouse took in. `rma` and `reference` are empty if it saw none."""

    receipt_id: str
    rma: str
    reference: str
    sku: str
    quantity: int
    condition: Condition
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """Receipts after a cursor, oldest first. `next_cursor` is never empty."""

    receipts: tuple[Receipt, ...]
    next_cursor: str
    has_more: bool


class WarehouseGateway(Protocol):
    """A warehouse. Every method blocks for at most 25 s, after at most 10 s in which our own guard
    holds it back, and refuses to run in a transaction.

    Every method raises `WarehouseRejected`, `WarehouseUnavailable` or `OutcomeUnknown`.
    """

    def submit_order(self, request: SubmitRequest) -> SubmitAnswer:
        """Hand one request over. Repeating a reference is safe and answers "duplicate"."""
        ...

    def get_order(self, reference: str) -> WarehouseOrder | None:
        """Look one of our references up; None when the warehouse does not know it."""
        ...

    def list_changes(
        self, location: str, since: datetime | None, cursor: str, limit: int
    ) -> ChangePage:
        """List up to `limit` (1 to 200) orders of a location that changed after `cursor`.

        `since` (aware) is where to start when `cursor` is empty: everything that changed at or
        after it; None starts at the beginning. With a cursor `since` is ignored, so a caller
        overlaps on purpose by starting again with an empty cursor and an earlier `since`.
        """
        ...

    def cancel_order(self, reference: str, reason: str) -> CancelAnswer:
        """Ask the warehouse to stop an order. `reason` is free text of at most 200 characters."""
        ...

    def stock_snapshot(self, location: str) -> StockSnapshot:
        """Fetch the latest counts of a location, page by page (up to 200,000 SKUs); all of them
        together block for at most three times as long as another call."""
        ...

    def stock_deltas(self, location: str, cursor: str, limit: int) -> DeltaPage:
        """List up to `limit` (1 to 200) stock changes of a location after `cursor`, parcels
        left out; an empty cursor starts at the beginning."""
        ...

    def return_receipts(self, location: str, cursor: str, limit: int) -> ReceiptPage:
        """List up to `limit` (1 to 200) receipts of returned goods of a location after `cursor`;
        an empty cursor starts at the beginning."""
        ...
