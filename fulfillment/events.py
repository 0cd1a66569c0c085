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
