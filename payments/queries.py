"""What others may ask about money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from globalmart.core.choreography import MOST_STUCK, Stuck
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation, StripeEvent
from payments.states import (
    ATTEMPT_AGE,
    LIVE,
    OPEN,
    OPERATION_AGE,
    AttemptState,
    OperationKind,
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
    )


def find_attempt(*, uuid: UUID) -> AttemptView | None:
    """Return the attempt with this uuid, or None."""
    found = PaymentAttempt.objects.filter(uuid=uuid).first()
    return _view(found) if found else None


def find_live_attempt(*, order_id: int) -> AttemptView | None:
    """Return the order's live attempt, or None."""
    found = PaymentAttempt.objects.filter(order_id=order_id, state__in=LIVE).first()
    return _view(found) if found else None


def list_attempts(*, order_id: int) -> list[AttemptView]:
    """Return all attempts to pay for the order, first to last."""
    return [_view(row) for row in PaymentAttempt.objects.filter(order_id=order_id).order_by("pk")]


def get_account(*, order_id: int) -> OrderAccount:
    """Return the order's account. Raises OrderAccount.DoesNotExist."""
    return OrderAccount.objects.get(order_id=order_id)


def is_covered(*, order_id: int) -> bool:
    """Tell whether what is due is authorized or captured, and not about to be cancelled.

    A cancel that may have reached Stripe counts against a hold until its answer is known.
    """
    account = get_account(order_id=order_id)
    if account.authorized_minor < account.due_minor:
        return False
    cancels = PaymentOperation.objects.filter(
        attempt__order_id=order_id,
        attempt__state=AttemptState.AUTHORIZED,
        kind=OperationKind.CANCEL,
        finished_at__isnull=True,
    )
    return not cancels.exists()


def is_settled(*, order_id: int) -> bool:
    """Tell whether all that is due has been captured."""
    account = get_account(order_id=order_id)
    return account.captured_minor >= account.due_minor


def summaries(order_ids: Sequence[int]) -> dict[int, str]:
    """Return each order's payment status, derived from its account and its live attempt:
    unpaid, pending, authorized, partially_paid, paid, overpaid, partially_refunded, refunded."""
    accounts = OrderAccount.objects.filter(order_id__in=order_ids)
    attempts = PaymentAttempt.objects.filter(order_id__in=order_ids, state__in=OPEN)
    waiting = set(attempts.values_list("order_id", flat=True))
    return {row.order_id: _summary(row, row.order_id in waiting) for row in accounts}


def _summary(account: OrderAccount, is_waiting: bool) -> str:
    if account.refunded_minor:
        whole = account.refunded_minor >= account.captured_minor
        return "refunded" if whole else "partially_refunded"
    if account.captured_minor:
        if account.captured_minor > account.due_minor:
            return "overpaid"
        return "paid" if account.captured_minor == account.due_minor else "partially_paid"
    if account.authorized_minor:
        return "authorized"
    return "pending" if is_waiting else "unpaid"


def has_due_operations(*, now: datetime) -> bool:
    """Tell whether an operation waits to be sent or resolved."""
    return PaymentOperation.objects.due(now=now).exists()


def has_due_checks(*, now: datetime) -> bool:
    """Tell whether an attempt's intent is to be looked at."""
    return PaymentAttempt.objects.filter(next_check_at__lte=now).exists()


def has_due_webhooks(*, now: datetime) -> bool:
    """Tell whether a stored webhook waits to be applied."""
    return StripeEvent.objects.due(now=now).exists()


def list_stuck_attempts(*, now: datetime) -> list[Stuck]:
    """Return attempts older in their state than the state's age."""
    return [
        Stuck(
            "order",
            row.order_id,
            "payment_stuck",
            f"attempt {row.number} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in ATTEMPT_AGE.items()
        for row in PaymentAttempt.objects.filter(
            state=state, state_changed_at__lt=now - age
        ).order_by("state_changed_at")[:MOST_STUCK]
    ]


def list_stuck_operations(*, now: datetime) -> list[Stuck]:
    """Return operations that were due, or sent, longer ago than their state's age."""
    return [
        Stuck(
            "operation",
            row.pk,
            "operation_stuck",
            f"{row.kind} of attempt {row.attempt_id} is {state}: {row.last_error}",
        )
        for state, age in OPERATION_AGE.items()
        for row in PaymentOperation.objects.filter(
            state=state, due_at__isnull=False, created_at__lt=now - age
        ).order_by("created_at")[:MOST_STUCK]
    ]


def confirmed_by_us(order_ids: Sequence[int]) -> set[int]:
    """Return those orders that have a live attempt which our server confirms: for the others
    the customer's browser pays."""
    ours = PaymentAttempt.objects.filter(
        order_id__in=order_ids, mode=PaymentAttempt.Mode.SERVER, state__in=LIVE
    )
    return set(ours.values_list("order_id", flat=True))
