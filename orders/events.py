"""What orders tells the house. Subject: the order."""

from dataclasses import dataclass
from typing import ClassVar

from globalmart.core.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderEvent(Event):
    subject_type: ClassVar[str] = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(_OrderEvent):
    name: ClassVar[str] = "order.placed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConfirmed(_OrderEvent):
    name: ClassVar[str] = "order.confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInFulfillment(_OrderEvent):
    name: ClassVar[str] = "order.in_fulfillment"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted(_OrderEvent):
    name: ClassVar[str] = "order.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired(_OrderEvent):
    name: ClassVar[str] = "order.expired"
