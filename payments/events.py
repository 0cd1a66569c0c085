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
class PaymentHoldLost(_PaymentEvent):
    """Held money will not come by itself: its hold ended, or its capture failed."""

    name: ClassVar[str] = "payment.hold_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPlanned(_PaymentEvent):
    """An operation became due outside the order's placing."""

    name: ClassVar[str] = "payment.operation_planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReceived(_PaymentEvent):
    """Stripe told of something that we did not know."""

    name: ClassVar[str] = "payment.webhook_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class _DisputeEvent(_PaymentEvent):
    dispute_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeOpened(_DisputeEvent):
    """The customer's bank disputes a payment or asks about it; or an inquiry became a dispute."""

    name: ClassVar[str] = "payment.dispute_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeWon(_DisputeEvent):
    """The money stays ours: the dispute was won, or the inquiry was closed."""

    name: ClassVar[str] = "payment.dispute_won"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDisputeLost(_DisputeEvent):
    name: ClassVar[str] = "payment.dispute_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFraudWarned(_PaymentEvent):
    """The card's network calls the payment probably fraudulent, and something can be done."""

    name: ClassVar[str] = "payment.fraud_warned"


@dataclass(frozen=True, slots=True, kw_only=True)
class _RefundEvent(_PaymentEvent):
    refund_id: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSucceeded(_RefundEvent):
    """The money is on its way to the customer's bank, or was paid back another way."""

    name: ClassVar[str] = "refund.succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(_RefundEvent):
    """The money did not go back, or came back to us: it may have succeeded before."""

    name: ClassVar[str] = "refund.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCancelled(_RefundEvent):
    """A refund that was asked for will not be made: somebody said no."""

    name: ClassVar[str] = "refund.cancelled"
