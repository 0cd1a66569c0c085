"""An order's money as an operator sees it: rows as they are, in minor units."""

from dataclasses import dataclass
from datetime import datetime

from payments.queries.disputes import DisputeView
from payments.queries.refunds import RefundView


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationLine:
    """One call to Stripe. `refund_id` is the refund that it makes, if it makes one."""

    id: int
    kind: str
    number: int
    state: str
    amount_minor: int
    key: str
    tries: int
    last_error: str
    refund_id: int | None
    first_sent_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """One try to pay, with its calls."""

    id: int
    number: int
    purpose: str
    mode: str
    state: str
    intent_id: str
    amount_minor: int
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    refund_reserved_minor: int
    declines: int
    decline_code: str
    capture_before: datetime | None
    next_check_at: datetime | None
    operations: list[OperationLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One entry of the ledger, with the order's balance on its account after it."""

    at: datetime
    txn: str
    attempt_id: int | None
    account: str
    amount_minor: int
    balance_minor: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLine:
    """What Stripe told. Neither done nor due: it was given up, with an alert."""

    id: int
    received_at: datetime
    type: str
    object_id: str
    tries: int
    last_error: str
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """What did not fit, and what was done about it. `our_minor`: what our books say."""

    id: int
    kind: str
    subject: str
    detail: str
    our_minor: int | None
    their_minor: int | None
    opened_at: datetime
    closed_at: datetime | None
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What happens by itself, and when. In the past: as soon as a worker comes to it."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoney:
    """The whole money of one order."""

    currency: str
    due_minor: int
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    refund_reserved_minor: int
    attempts: list[AttemptLine]
    bookings: list[Booking]
    refunds: list[RefundView]
    disputes: list[DisputeView]
    fraud_warnings: list[str]
    webhooks: list[WebhookLine]
    cases: list[CaseLine]
    coming: list[Next]

    def balances(self) -> dict[str, int]:
        """Return what the ledger says for the order, by account; minor units."""
        return {booking.account: booking.balance_minor for booking in self.bookings}

    def subjects(self) -> dict[str, list[int]]:
        """Return what alerts about this money are about, beside the order: type -> keys."""
        return {
            "attempt": [each.id for each in self.attempts],
            "operation": [call.id for each in self.attempts for call in each.operations],
            "refund": [each.id for each in self.refunds],
            "dispute": [each.id for each in self.disputes],
            "stripe_event": [each.id for each in self.webhooks],
            "payment_case": [each.id for each in self.cases],
        }
