"""What people do about a refund that failed, or of which nobody knows what became."""

from datetime import datetime, timedelta

from django.db import transaction

from payments.models import Refund
from payments.services.refund_books import (
    RefundRefused,
    open_books,
    require_state,
    tell_failed,
    tell_succeeded,
)
from payments.services.refunds import plan_operation, refuse_disputed
from payments.states import OperationState, RefundState

# By then Stripe has forgotten the key, so the call cannot be made any more.
UNKNOWN_FOR = timedelta(hours=24)


@transaction.atomic
def retry_refund(*, refund_id: int, retried_by: str, now: datetime) -> None:
    """Try a failed refund anew: a new operation with a new key. Raises RefundRefused."""
    books = open_books(refund_id=refund_id, actor=retried_by, now=now)
    _require_ours(books.refund)
    require_state(books.refund, RefundState.FAILED)
    refuse_disputed(books.attempt)
    books.refund.stripe_refund_id = None
    books.refund.failure_code = ""
    books.move(RefundState.PROCESSING)
    plan_operation(books)


@transaction.atomic
def start_manual(*, refund_id: int, started_by: str, reason: str, now: datetime) -> None:
    """A failed refund is to be paid back another way: reserve its amount. Raises RefundRefused."""
    books = open_books(refund_id=refund_id, actor=started_by, now=now)
    _require_ours(books.refund)
    require_state(books.refund, RefundState.FAILED)
    # What Stripe still tells of the failed one is about an earlier try.
    books.refund.stripe_refund_id = None
    books.move(RefundState.MANUAL, reason)


@transaction.atomic
def finish_manual(*, refund_id: int, finished_by: str, reference: str, now: datetime) -> None:
    """The money was paid back another way; `reference` says how. Raises RefundRefused."""
    books = open_books(refund_id=refund_id, actor=finished_by, now=now)
    require_state(books.refund, RefundState.MANUAL)
    if not reference:
        raise RefundRefused("bad_items", "Say how the money was paid back.")
    books.move(RefundState.SUCCEEDED, reference)
    tell_succeeded(books)


def _require_ours(refund: Refund) -> None:
    """What somebody did at Stripe stays what it was; a refund of ours may follow it."""
    if refund.reason == Refund.Reason.EXTERNAL:
        raise RefundRefused("external", "It was started at Stripe: request a refund of our own.")


@transaction.atomic
def declare_failed(*, refund_id: int, declared_by: str, reason: str, now: datetime) -> None:
    """Somebody has looked in Stripe's dashboard: the refund was not made. Its amount is freed.

    Only after a day without an answer. Should it have been made after all, it is recorded as
    one from outside, and as a case where it does not fit. Raises RefundRefused: `wrong_state`,
    `too_early`.
    """
    books = open_books(refund_id=refund_id, actor=declared_by, now=now)
    require_state(books.refund, RefundState.UNKNOWN)
    last = books.last_operation()
    if last is None or last.first_sent_at is None or now - last.first_sent_at < UNKNOWN_FOR:
        raise RefundRefused("too_early", "Stripe may still make it: wait for a day.")
    if operation := books.open_operation():
        operation.state = OperationState.REFUSED
        operation.finished_at = now
        operation.rest()
        operation.save()
    books.refund.failure_code = "declared"
    books.refund.next_check_at = None
    books.move(RefundState.FAILED, reason)
    tell_failed(books)
