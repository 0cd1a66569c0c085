"""Attempts to pay, as others may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Sum

from payments.models import PaymentAttempt
from payments.states import (
    LATE,
    LIVE,
    MOST_DECLINES,
    AttemptState,
    OperationKind,
    OperationState,
)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """An attempt as other apps may see it. Minor units."""

    id: int
    uuid: UUID
    order_id: int
    number: int
    mode: str
    state: str
    amount_minor: int
    currency: str
    decline_code: str
    intent_id: str
    payment_method: str


def _view(attempt: PaymentAttempt) -> AttemptView:
    return AttemptView(
        id=attempt.pk,
        uuid=attempt.uuid,
        order_id=attempt.order_id,
        number=attempt.number,
        mode=attempt.mode,
        state=attempt.state,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        decline_code=attempt.decline_code,
        intent_id=attempt.stripe_intent_id or "",
        payment_method=attempt.payment_method,
    )


def find_attempt(*, uuid: UUID) -> AttemptView | None:
    """Return the attempt with this uuid, or None."""
    found = PaymentAttempt.objects.filter(uuid=uuid).first()
    return _view(found) if found else None


def find_live_attempt(*, order_id: int) -> AttemptView | None:
    """Return the attempt that pays for the order, or None."""
    live = PaymentAttempt.objects.filter(order_id=order_id, state__in=LIVE)
    found = live.exclude(purpose__startswith=LATE).first()
    return _view(found) if found else None


def find_given_up(*, order_id: int) -> AttemptView | None:
    """Return the order's last attempt where we gave it up because Stripe could not answer.

    Its cancel says so (Stripe's `cancellation_reason`); a hold that somebody else ended, and a
    declined card, are for the customer to decide on.
    """
    attempts = PaymentAttempt.objects.filter(order_id=order_id).exclude(purpose__startswith=LATE)
    last = attempts.order_by("-pk").first()
    if last is None or last.state != AttemptState.CANCELLED or not last.payment_method:
        return None
    cancels = last.operations.filter(kind=OperationKind.CANCEL, state=OperationState.DONE)
    is_given_up = cancels.filter(request__cancellation_reason="abandoned").exists()
    return _view(last) if is_given_up else None


def resting_until(*, order_id: int, now: datetime) -> datetime | None:
    """Return until when (UTC) no further card is tried, or None.

    Five declines within PAYMENT_COOL_DOWN_MINUTES ask for a pause of as long.
    """
    pause = timedelta(minutes=settings.PAYMENT_COOL_DOWN_MINUTES)
    recent = PaymentAttempt.objects.filter(order_id=order_id, state_changed_at__gt=now - pause)
    found = recent.aggregate(declines=Sum("declines"), last=Max("state_changed_at"))
    if (found["declines"] or 0) < MOST_DECLINES:
        return None
    until: datetime = found["last"] + pause
    return until


def list_attempts(*, order_id: int) -> list[AttemptView]:
    """Return all attempts to pay for the order, first to last."""
    return [_view(row) for row in PaymentAttempt.objects.filter(order_id=order_id).order_by("pk")]


def confirmed_by_us(order_ids: Sequence[int]) -> set[int]:
    """Return those orders that have a live attempt which our server confirms: for the others
    the customer's browser pays."""
    ours = PaymentAttempt.objects.filter(
        order_id__in=order_ids, mode=PaymentAttempt.Mode.SERVER, state__in=LIVE
    )
    return set(ours.values_list("order_id", flat=True))
