"""Disputes and early fraud warnings, as payments hears of them from Stripe."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from payments.states import DisputeState

# Stripe's statuses. An appeal is a second round of the same dispute. One that was "prevented" never
# became a chargeback because the customer got the money back at once: for us it is lost.
STATES = {
    "warning_needs_response": DisputeState.WARNING,
    "warning_under_review": DisputeState.WARNING,
    "warning_closed": DisputeState.WON,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "appeal_needs_response": DisputeState.NEEDS_RESPONSE,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "prevented": DisputeState.LOST,
}


def state_of_status(status: str) -> DisputeState | None:
    """Return what a dispute's status means; None for one that we do not know."""
    return STATES.get(status)


@dataclass(frozen=True, slots=True)
class DisputeAnswer:
    """A dispute as Stripe shows it; amount in minor units, times in UTC.

    `is_withdrawn` and `is_reinstated` say which money has moved on our balance at Stripe.
    """

    id: str
    status: str
    intent_id: str
    amount_minor: int
    currency: str
    reason: str
    opened_at: datetime
    evidence_due_at: datetime | None = None
    is_withdrawn: bool = False
    is_reinstated: bool = False


@dataclass(frozen=True, slots=True)
class WarningAnswer:
    """An early fraud warning. It is actionable while neither a refund nor a dispute followed."""

    id: str
    intent_id: str
    kind: str
    is_actionable: bool
    warned_at: datetime


class DisputeGateway(Protocol):
    """Every method may wait for the network for up to 10 s and never raises for what Stripe
    answers or fails to answer: without an answer that can be read it returns None."""

    def retrieve_dispute(self, *, stripe_id: str) -> DisputeAnswer | None: ...
    def retrieve_warning(self, *, stripe_id: str) -> WarningAnswer | None: ...
