"""Disputes at the edge of the gateway: what Stripe would show, in memory."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from globalmart.core.db import forbid_transaction
from orders.models import Order
from payments.gateways.disputes import DisputeAnswer, WarningAnswer
from payments.gateways.intents import Outcome
from payments.models import LedgerEntry, PaymentAttempt
from payments.services.outcomes import apply_outcome
from tests.builders import NOON, answer, intent
from tests.payments.conftest import attempt_of

DUE = NOON + timedelta(days=7)


@dataclass(slots=True)
class FakeDisputes:
    """Shows what it holds; what it does not hold is not answered."""

    disputes: dict[str, DisputeAnswer] = field(default_factory=dict)
    warnings: dict[str, WarningAnswer] = field(default_factory=dict)

    def retrieve_dispute(self, *, stripe_id: str) -> DisputeAnswer | None:
        forbid_transaction()
        return self.disputes.get(stripe_id)

    def retrieve_warning(self, *, stripe_id: str) -> WarningAnswer | None:
        forbid_transaction()
        return self.warnings.get(stripe_id)


def capture(order: Order) -> PaymentAttempt:
    """Ada's two mugs are paid: 21.95 GBP."""
    attempt = attempt_of(order)
    amount = attempt.amount_minor
    held = intent("requires_capture", amount_minor=amount)
    paid = intent("succeeded", amount_minor=amount, received_minor=amount)
    for outcome, shown in ((Outcome.AUTHORIZED, held), (Outcome.CAPTURED, paid)):
        apply_outcome(
            attempt_id=attempt.pk,
            answer=answer(outcome, shown),
            actor="stripe",
            now=timezone.now(),
        )
    return attempt_of(order)


def dispute(status: str = "needs_response", **changes: Any) -> DisputeAnswer:
    """The bank disputes all of Ada's payment; money moves unless it only asks."""
    is_inquiry = status.startswith("warning_")
    values: dict[str, Any] = {
        "id": "dp_ada",
        "status": status,
        "intent_id": "pi_ada",
        "amount_minor": 2195,
        "currency": "GBP",
        "reason": "fraudulent",
        "opened_at": NOON,
        "evidence_due_at": DUE,
        "is_withdrawn": not is_inquiry,
        "is_reinstated": status == "won",
    }
    return DisputeAnswer(**{**values, **changes})


def warning(**changes: Any) -> WarningAnswer:
    """The card's network warns of Ada's payment."""
    values: dict[str, Any] = {
        "id": "issfr_ada",
        "intent_id": "pi_ada",
        "kind": "made_with_stolen_card",
        "is_actionable": True,
        "warned_at": NOON,
    }
    return WarningAnswer(**{**values, **changes})


def balances() -> dict[str, int]:
    """The ledger's accounts that are not at zero, without holds."""
    found: dict[str, int] = {}
    for row in LedgerEntry.objects.all():
        found[row.account] = found.get(row.account, 0) + row.amount_minor
    return {name: amount for name, amount in sorted(found.items()) if amount}
