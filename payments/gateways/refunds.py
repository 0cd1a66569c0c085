"""What payments asks of Stripe about refunds, and the few answers that it may hear back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class RefundOutcome(StrEnum):
    """What an answer, an error or a silence about a refund means. Every one has exactly one."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"  # the customer is asked where the money should go
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the money is back with us, even where it had succeeded
    CANCELLED = "cancelled"
    REFUSED = "refused"  # certainly not made; the same again is pointless
    KEY_CONFLICT = "key_conflict"  # our frozen request changed: stop
    NOT_YET = "not_yet"  # certainly not made; the same key again later
    UNKNOWN = "unknown"  # it may have been made


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A refund as Stripe shows it; the amount in minor units.

    `balance_transaction` is empty while no money of ours has moved.
    """

    id: str
    status: str
    amount_minor: int
    currency: str
    intent_id: str
    failure_code: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    balance_transaction: str = ""

    @property
    def is_release(self) -> bool:
        """Whether it is no refund but the end of a hold: a final capture of less than was held,
        or a cancel. Stripe shows both as refunds that succeeded."""
        return self.status == "succeeded" and not self.balance_transaction


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """The outcome of one call, with the refund where there was one to see."""

    outcome: RefundOutcome
    refund: StripeRefund | None = None
    code: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class RefundList:
    """All refunds of an intent; `is_whole` tells whether Stripe showed them all."""

    is_whole: bool
    refunds: tuple[StripeRefund, ...] = ()
    code: str = ""
    retry_after: float | None = None


class RefundGateway(Protocol):
    """Every method may wait for the network for up to 10 s and never raises for what Stripe
    answers or fails to answer: that is the answer's outcome."""

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer: ...
    def retrieve(self, *, refund_id: str) -> RefundAnswer: ...
    def list_of_intent(self, *, intent_id: str) -> RefundList: ...
