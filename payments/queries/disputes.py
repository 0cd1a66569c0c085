"""Chargebacks and early fraud warnings, as others may ask about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from globalmart.core.choreography import MOST_STUCK, Stuck
from payments.models import Dispute, FraudWarning
from payments.states import DISPUTE_AGE, DisputeState

D = DisputeState
# While one of these the bank has not decided; an inquiry has not taken the money.
OPEN = (D.WARNING, D.NEEDS_RESPONSE, D.UNDER_REVIEW)
AWAITS_EVIDENCE = (D.WARNING, D.NEEDS_RESPONSE)
# How long before the last moment for evidence a person is told once more.
EVIDENCE_ALARM = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute as other apps may see it. Minor units."""

    id: int
    stripe_id: str
    state: str
    reason: str
    amount_minor: int
    currency: str
    evidence_due_at: datetime | None


def list_disputes(*, order_id: int) -> list[DisputeView]:
    """Return the order's disputes, oldest first."""
    return [
        DisputeView(
            id=row.pk,
            stripe_id=row.stripe_id,
            state=row.state,
            reason=row.reason,
            amount_minor=row.amount_minor,
            currency=row.currency,
            evidence_due_at=row.evidence_due_at,
        )
        for row in Dispute.objects.filter(order_id=order_id).order_by("pk")
    ]


def has_open_dispute(*, attempt_id: int) -> bool:
    """Tell whether the bank has taken the payment back, or is about to, and nothing is decided.

    An inquiry does not count: it takes no money, and a refund settles it."""
    states = (D.NEEDS_RESPONSE, D.UNDER_REVIEW)
    return Dispute.objects.filter(attempt_id=attempt_id, state__in=states).exists()


def disputed(order_ids: Sequence[int]) -> set[int]:
    """Return those orders that have a dispute or an inquiry without an end."""
    rows = Dispute.objects.filter(order_id__in=order_ids, state__in=OPEN)
    return set(rows.values_list("order_id", flat=True))


def stops_shipping(*, order_id: int) -> bool:
    """Tell whether a dispute says that goods should stay here: one that is open or lost."""
    return Dispute.objects.filter(order_id=order_id).exclude(state=D.WON).exists()


def has_fraud_warning(*, order_id: int) -> bool:
    """Tell whether an early fraud warning about the order can still be acted on."""
    return FraudWarning.objects.filter(order_id=order_id, is_actionable=True).exists()


def list_stuck_disputes(*, now: datetime) -> list[Stuck]:
    """Return disputes older in their state than the state's age."""
    return [
        Stuck(
            "dispute",
            row.pk,
            "dispute_stuck",
            f"{row.stripe_id} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in DISPUTE_AGE.items()
        for row in Dispute.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]


def list_evidence_due(*, now: datetime) -> list[Stuck]:
    """Return disputes whose evidence must be with Stripe within two days."""
    rows = Dispute.objects.filter(
        state__in=AWAITS_EVIDENCE, evidence_due_at__lte=now + EVIDENCE_ALARM
    )
    return [
        Stuck(
            "dispute",
            row.pk,
            "evidence_due",
            f"Evidence for {row.stripe_id} must be with Stripe by {row.evidence_due_at:%F %H:%M}",
        )
        for row in rows.order_by("evidence_due_at")[:MOST_STUCK]
    ]
