"""The one way in for every answer about a refund: direct, webhook, poller, reconciler.

Applied in any order and any number of times, the same answers give the same end state: an answer
counts only where it knows more than the refund's state does.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from payments.gateways.refunds import RefundAnswer, RefundOutcome, StripeRefund
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation, Refund
from payments.services.cases import open_case
from payments.services.external_refunds import close_excess, record_external, report_excess
from payments.services.refund_books import (
    RefundBooks,
    RefundRefused,
    open_books,
    tell_failed,
    tell_succeeded,
)
from payments.services.refund_calls import settle_call
from payments.states import CaseKind, OperationState, RefundState

R = RefundState
TOLD = {
    RefundOutcome.PENDING: R.PENDING,
    RefundOutcome.REQUIRES_ACTION: R.REQUIRES_ACTION,
    RefundOutcome.SUCCEEDED: R.SUCCEEDED,
    RefundOutcome.FAILED: R.FAILED,
    RefundOutcome.CANCELLED: R.CANCELLED,
}
# How much a state knows. A refund that succeeded can fail later, never the other way round.
RANK = {R.PENDING: 1, R.REQUIRES_ACTION: 1, R.SUCCEEDED: 2, R.FAILED: 3, R.CANCELLED: 3}
ENDED = {RefundOutcome.FAILED, RefundOutcome.CANCELLED}
LOST = {R.FAILED, R.CANCELLED}
# States in which the poller looks the refund up, whatever webhooks say.
WATCHED = (R.PENDING, R.REQUIRES_ACTION, R.UNKNOWN, R.EXTERNAL)
# Seconds until the n-th look.
CHECK_SECONDS = (15, 30, 60, 300, 900, 3600)


@transaction.atomic
def apply_refund(
    *,
    answer: RefundAnswer,
    actor: str,
    now: datetime,
    refund_id: int | None = None,
    operation_id: int | None = None,
) -> str:
    """Record what an answer means and return the refund's state, empty where there is none.

    `operation_id` is the operation that the answer is to, if it is to one. Without `refund_id`
    the refund is found by what Stripe shows; one that is not ours is recorded as external.
    """
    shown = answer.refund
    found = refund_id or (_find(shown) if shown is not None else None)
    if found is None:
        return _apply_external(shown, answer, actor, now) if shown is not None else ""
    books = open_books(refund_id=found, actor=actor, now=now)
    operation = books.open_operation()
    if shown is not None and not _is_this_try(books, operation, shown):
        if answer.outcome in ENDED or _has_ended(books, shown):
            # An earlier try of ours, of which nothing more will come.
            return books.refund.state
        return _apply_external(shown, answer, actor, now)
    is_answer = operation is not None and operation.pk == operation_id
    if operation is not None and (is_answer or shown is not None):
        settle_call(books, operation, answer)
    _settle(books, answer, is_answer=is_answer)
    return books.refund.state


def _find(shown: StripeRefund) -> int | None:
    """Return the key of the refund that Stripe shows: by Stripe's id, else by our metadata."""
    known = Refund.objects.filter(stripe_refund_id=shown.id).values_list("pk", flat=True).first()
    if known is not None:
        return known
    try:
        uuid = UUID(shown.metadata.get("operation_id", ""))
    except ValueError:
        return None
    operations = PaymentOperation.objects.filter(uuid=uuid, refund__isnull=False)
    return operations.values_list("refund_id", flat=True).first()


def _is_this_try(
    books: RefundBooks, operation: PaymentOperation | None, shown: StripeRefund
) -> bool:
    """Tell whether what Stripe shows is the refund's present try, and not one of before."""
    refund = books.refund
    if refund.stripe_refund_id is not None:
        return refund.stripe_refund_id == shown.id
    last = operation or books.last_operation()
    return (
        refund.state in {R.PROCESSING, R.UNKNOWN}
        and last is not None
        and shown.metadata.get("operation_id") == str(last.uuid)
        and shown.amount_minor == refund.amount_minor
        and shown.currency == refund.currency
    )


def _has_ended(books: RefundBooks, shown: StripeRefund) -> bool:
    """Tell whether Stripe had shown this try before, and so its end: there is no other way to
    the next one. What still calls it alive was true a moment ago."""
    tries = books.refund.operations.filter(state=OperationState.DONE).values_list("uuid", flat=True)
    return shown.metadata.get("operation_id") in {str(uuid) for uuid in tries}


def _settle(books: RefundBooks, answer: RefundAnswer, *, is_answer: bool) -> None:
    """Write what the answer means for the refund."""
    refund = books.refund
    if answer.refund is not None:
        refund.stripe_refund_id = answer.refund.id
    if answer.outcome in TOLD:
        _advance(books, TOLD[answer.outcome], answer.code)
    elif answer.outcome == RefundOutcome.REFUSED and is_answer:
        _advance(books, R.FAILED, answer.code or "refused")
    elif refund.state == R.PROCESSING and (
        answer.outcome == RefundOutcome.KEY_CONFLICT
        or (answer.outcome == RefundOutcome.UNKNOWN and (is_answer or answer.refund is not None))
    ):
        books.move(R.UNKNOWN, answer.code)
    _watch(books)
    books.save()


def _advance(books: RefundBooks, state: RefundState, code: str) -> None:
    """Go to what Stripe tells, unless the refund knows as much or more already."""
    refund = books.refund
    before = R(refund.state)
    is_news = state != before and RANK[state] >= RANK.get(before, 0)
    if not is_news or before in LOST:
        return
    refund.failure_code = code[:60] if state in LOST else ""
    try:
        books.move(state, code)
    except RefundRefused as refusal:
        report_excess(books, refusal)
        return
    if before == R.EXTERNAL:
        close_excess(books)
    if state == R.SUCCEEDED:
        tell_succeeded(books)
    elif state in LOST:
        tell_failed(books)


def _watch(books: RefundBooks) -> None:
    """Say when the poller looks next: more and more seldom while nothing changes. Where the call
    itself is still to be repeated, that looks first."""
    refund = books.refund
    is_called = refund.state == R.UNKNOWN and books.open_operation() is not None
    if refund.state not in WATCHED or is_called:
        refund.next_check_at = None
        return
    refund.next_check_at = books.now + timedelta(seconds=check_seconds(refund.checks))


def check_seconds(checks: int) -> int:
    """Return how long after the n-th look the next one is."""
    return CHECK_SECONDS[min(checks, len(CHECK_SECONDS) - 1)]


def _apply_external(shown: StripeRefund, answer: RefundAnswer, actor: str, now: datetime) -> str:
    """Record a refund that somebody started at Stripe, and apply what it says. What only ends a
    hold has moved no money, and the payment itself tells of it."""
    if shown.is_release and not Refund.objects.filter(stripe_refund_id=shown.id).exists():
        return ""
    # An attempt without an intent has NULL there, which an empty id does not find.
    known = PaymentAttempt.objects.filter(stripe_intent_id=shown.intent_id).first()
    if known is None:
        open_case(
            kind=CaseKind.EXTERNAL_REFUND,
            subject=shown.id,
            detail=f"A refund of the payment {shown.intent_id}, which is not ours",
            their_minor=shown.amount_minor,
            currency=shown.currency[:3],
        )
        return ""
    account = OrderAccount.objects.locked().get(order_id=known.order_id)
    attempt = PaymentAttempt.objects.locked().get(pk=known.pk)
    refund = Refund.objects.filter(stripe_refund_id=shown.id).first()
    if refund is None:
        refund = record_external(attempt, shown, now)
    books = RefundBooks(account, attempt, refund, actor, now)
    _settle(books, answer, is_answer=False)
    return refund.state
