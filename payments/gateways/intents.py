"""What payments asks of Stripe, and the few answers that it may hear back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What an answer, an error or a silence means. Every one has exactly one."""

    OPEN = "open"  # the intent waits for a payment method or a confirmation
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"  # a definite no for this try
    CANCELLED = "cancelled"  # a definite no for ever
    REFUSED = "refused"  # our request was wrong; the same again is pointless
    KEY_CONFLICT = "key_conflict"  # our frozen request changed: stop
    NOT_YET = "not_yet"  # certainly not done; the same key again later
    UNKNOWN = "unknown"  # it may have been done


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent as we need it; amounts in minor units, times in UTC."""

    id: str
    status: str
    amount_minor: int
    received_minor: int
    currency: str
    client_secret: str = ""
    error_code: str = ""
    decline_id: str = ""
    capture_before: datetime | None = None
    is_multicapture: bool = False
    charge_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one call, with the intent where there was one to see.

    `is_replayed`: Stripe gave the stored answer to an earlier call with the same key again.
    """

    outcome: Outcome
    intent: Intent | None = None
    code: str = ""
    retry_after: float | None = None
    is_replayed: bool = False

    def as_look_up(self) -> "Answer":
        """Return what it says where it is the answer to a look-up, not to the call itself.

        A look-up without the intent proves nothing about a call that may have been made (rule R7).
        """
        return self if self.intent is not None else replace(self, outcome=Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook whose signature was right: ids only."""

    event_id: str
    type: str
    intent_id: str
    is_live: bool
    created: datetime
    object_type: str = ""
    object_id: str = ""


class BadSignature(Exception):
    """The webhook is not Stripe's, or too old, or from the future, or no event."""


class PaymentGateway(Protocol):
    """Every method may wait for the network for up to 10 s and never raises for what Stripe
    answers or fails to answer: that is the Answer's outcome."""

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer: ...
    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer: ...
    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer: ...
    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer: ...
    def retrieve(self, *, intent_id: str) -> Answer: ...
