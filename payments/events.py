"""What payments tells the house. Subject: the order."""

from dataclasses import dataclass
from typing import ClassVar

from globalmart.core.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _PaymentEvent(Event):
    subject_type: ClassVar[str] = "order"
    attempt_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAuthorized(_PaymentEvent):
    name: ClassVar[str] = "payment.authorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured(_PaymentEvent):
    name: ClassVar[str] = "payment.captured"
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(_PaymentEvent):
    """The attempt ended without money: declined for good, or refused."""

    name: ClassVar[str] = "payment.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCancelled(_PaymentEvent):
    """The attempt's intent was cancelled, and seen cancelled."""

    name: ClassVar[str] = "payment.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPlanned(_PaymentEvent):
    """An operation became due outside the order's placing."""

    name: ClassVar[str] = "payment.operation_planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceived(_PaymentEvent):
    """Stripe told of something that we did not know."""

    name: ClassVar[str] = "payment.webhook_received"
