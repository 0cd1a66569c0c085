"""What fulfillment tells the house. Subject: the order."""

from dataclasses import dataclass
from typing import ClassVar

from globalmart.core.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentAccepted(Event):
    name: ClassVar[str] = "fulfillment.accepted"
    subject_type: ClassVar[str] = "order"
    fulfillment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentRejected(Event):
    name: ClassVar[str] = "fulfillment.rejected"
    subject_type: ClassVar[str] = "order"
    fulfillment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentDispatched(Event):
    name: ClassVar[str] = "shipment.dispatched"
    subject_type: ClassVar[str] = "order"
    shipment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentCancelled(Event):
    name: ClassVar[str] = "fulfillment.cancelled"
    subject_type: ClassVar[str] = "order"
    fulfillment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRefused(Event):
    """The warehouse could not stop it any more, or the goods were faster."""

    name: ClassVar[str] = "fulfillment.cancellation_refused"
    subject_type: ClassVar[str] = "order"
    fulfillment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfillmentClosedShort(Event):
    """The warehouse will not ship some of what it was asked for."""

    name: ClassVar[str] = "fulfillment.closed_short"
    subject_type: ClassVar[str] = "order"
    fulfillment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentMoved(Event):
    """The carrier told something new of a parcel."""

    name: ClassVar[str] = "shipment.moved"
    subject_type: ClassVar[str] = "order"
    shipment_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StockBackordered(Event):
    """The warehouse has counted less than was promised, and this order goes without for now."""

    name: ClassVar[str] = "stock.backordered"
    subject_type: ClassVar[str] = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackorderFilled(Event):
    """What an order had to wait for is there."""

    name: ClassVar[str] = "stock.backorder_filled"
    subject_type: ClassVar[str] = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReceived(Event):
    """A warehouse took something back. Subject: its receipt."""

    name: ClassVar[str] = "return.received"
    subject_type: ClassVar[str] = "return_receipt"
