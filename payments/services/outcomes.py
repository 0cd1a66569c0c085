"""The one way in for every answer about money: direct, return page, webhook, poller, staff.

Applied in any order and any number of times, the same answers give the same end state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from globalmart.core import outbox, states, timeline
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from payments import events
from payments.gateways.intents import Answer, Intent, Outcome
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.services import ledger
from payments.services.planning import plan_operation
from payments.states import (
    ATTEMPT,
    OPEN,
    OPERATION,
    AttemptState,
    OperationKind,
    OperationState,
)

# How often an open attempt is looked at, whatever webhooks say; seconds after the n-th look.
CHECK_SECONDS = (5, 15, 30, 60)
CHECK_LATER_SECONDS = 300


@dataclass(slots=True)
class Books:
    """The rows that one answer may change, all locked, in lock order."""

    account: OrderAccount
    attempt: PaymentAttempt
    operation: PaymentOperation | None
    actor: str
    now: datetime


@transaction.atomic
def apply_outcome(
    *,
    attempt_id: int,
    answer: Answer,
    actor: str,
    now: datetime,
    operation_id: int | None = None,
) -> str:
    """Record what an answer means and return the attempt's state.

    `operation_id` is the operation that the answer is to, if it is to one. Writes operation,
    attempt, account, ledger, timeline and outbox in one transaction.
    """
    order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
    account = OrderAccount.objects.locked().get(order_id=order_id)
    attempt = PaymentAttempt.objects.locked().get(pk=attempt_id)
    operation = (
        PaymentOperation.objects.locked().get(pk=operation_id, attempt_id=attempt_id)
        if operation_id
        else None
    )
    books = Books(account, attempt, operation, actor, now)
    if answer.intent is not None and not _accept_intent(books, answer.intent):
        return attempt.state
    _settle_operation(books, answer)
    _settle_attempt(books, answer)
    attempt.save()
    account.save()
    return attempt.state


def _accept_intent(books: Books, intent: Intent) -> bool:
    """Learn the intent's id; refuse an intent that is not this attempt's, with an alert."""
    attempt = books.attempt
    is_ours = (
        attempt.stripe_intent_id in {None, intent.id}
        and intent.amount_minor == attempt.amount_minor
        and intent.currency == attempt.currency
    )
    if not is_ours:
        open_alert(
            kind="payment_mismatch",
            subject_type="order",
            subject_id=attempt.order_id,
            detail=f"Intent {intent.id} does not match attempt {attempt.number}: "
            f"{intent.amount_minor} {intent.currency}",
        )
        return False
    attempt.stripe_intent_id = intent.id
    attempt.capture_before = intent.capture_before or attempt.capture_before
    return True


def _settle_operation(books: Books, answer: Answer) -> None:
    operation = books.operation
    if operation is None or operation.finished_at is not None:
        return
    match answer.outcome:
        case Outcome.UNKNOWN:
            _retry(books, operation, OperationState.UNKNOWN, answer)
        case Outcome.NOT_YET:
            _retry(books, operation, OperationState.PLANNED, answer)
        case Outcome.DECLINED:
            _finish(books, operation, OperationState.DECLINED, answer.code)
        case Outcome.REFUSED | Outcome.KEY_CONFLICT:
            _finish(books, operation, OperationState.REFUSED, answer.code)
            _alert_refusal(books, operation, answer)
        case _:
            _finish(books, operation, OperationState.DONE, "")


def _retry(
    books: Books, operation: PaymentOperation, state: OperationState, answer: Answer
) -> None:
    seconds = max(answer.retry_after or 0, backoff(operation.tries))
    if operation.state != state:
        states.require(OPERATION, "operation", operation.state, state)
        operation.state = state
    operation.postpone(now=books.now, seconds=seconds, error=answer.code or answer.outcome)
    operation.save(update_fields=["state", *WORK_FIELDS])


def _finish(books: Books, operation: PaymentOperation, state: OperationState, code: str) -> None:
    states.require(OPERATION, "operation", operation.state, state)
    operation.state = state
    operation.finished_at = books.now
    operation.last_error = code
    operation.rest()
    operation.save(update_fields=["state", "finished_at", *WORK_FIELDS])


def _alert_refusal(books: Books, operation: PaymentOperation, answer: Answer) -> None:
    open_alert(
        kind="payment_refused",
        subject_type="order",
        subject_id=books.attempt.order_id,
        detail=f"Stripe refused {operation.kind} of attempt {books.attempt.number}: {answer.code}",
    )


def _settle_attempt(books: Books, answer: Answer) -> None:
    match answer.outcome:
        case Outcome.AUTHORIZED:
            _authorize(books)
        case Outcome.CAPTURED if answer.intent is not None:
            _authorize(books)
            _capture(books, answer.intent.received_minor)
        case Outcome.CANCELLED:
            _close(books)
        case Outcome.DECLINED:
            _decline(books, answer.code)
        case Outcome.REFUSED:
            _refuse(books, answer.code)
        case Outcome.PROCESSING:
            _move_open(books, AttemptState.PROCESSING)
        case Outcome.REQUIRES_ACTION:
            _move_open(books, AttemptState.REQUIRES_ACTION)
        case Outcome.OPEN:
            _wait_for_confirmation(books)
        case Outcome.UNKNOWN if _is(books, OperationKind.CONFIRM):
            _move_open(books, AttemptState.UNKNOWN)


def _is(books: Books, kind: OperationKind) -> bool:
    return books.operation is not None and books.operation.kind == kind


def _move(books: Books, state: AttemptState, reason: str = "") -> None:
    """One step of the attempt's machine, with its line in the order's timeline."""
    attempt = books.attempt
    states.require(ATTEMPT, "attempt", attempt.state, state)
    timeline.record(
        subject_type="order",
        subject_id=attempt.order_id,
        kind=f"payment.{state}",
        before=attempt.state,
        after=state,
        actor=books.actor,
        reason=reason,
        data={"attempt": attempt.number, "amount_minor": attempt.amount_minor},
    )
    attempt.state = state
    attempt.state_changed_at = books.now


def _move_open(books: Books, state: AttemptState) -> None:
    """Move between the states in which nothing is decided; look again soon."""
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    if attempt.state != state:
        _move(books, state)
        attempt.checks = 0
    seconds = CHECK_SECONDS[min(attempt.checks, len(CHECK_SECONDS) - 1)]
    if attempt.checks >= 2 * len(CHECK_SECONDS):
        seconds = CHECK_LATER_SECONDS
    attempt.next_check_at = books.now + timedelta(seconds=seconds)


def _wait_for_confirmation(books: Books) -> None:
    attempt = books.attempt
    if attempt.mode == PaymentAttempt.Mode.BROWSER:
        _move_open(books, AttemptState.CREATED)
        return
    if _is(books, OperationKind.CREATE):
        attempt.operations.filter(
            kind=OperationKind.CONFIRM, state=OperationState.PLANNED, due_at__isnull=True
        ).update(due_at=books.now)


def _authorize(books: Books) -> None:
    attempt, account = books.attempt, books.account
    if attempt.authorized_minor:
        return
    if attempt.state not in OPEN:
        _alert_late_success(books)
        return
    _move(books, AttemptState.AUTHORIZED)
    attempt.authorized_minor = attempt.amount_minor
    attempt.next_check_at = None
    account.authorized_minor += attempt.amount_minor
    ledger.book_hold(attempt=attempt, amount_minor=attempt.amount_minor)
    outbox.publish(
        events.PaymentAuthorized(subject_id=attempt.order_id, attempt_id=attempt.pk)
    )


def _alert_late_success(books: Books) -> None:
    open_alert(
        kind="late_payment",
        subject_type="order",
        subject_id=books.attempt.order_id,
        detail=f"Attempt {books.attempt.number} succeeded after it had ended",
    )


def _capture(books: Books, received_minor: int) -> None:
    attempt, account = books.attempt, books.account
    amount = received_minor - attempt.captured_minor
    if amount <= 0 or not attempt.authorized_minor:
        return
    is_whole = received_minor == attempt.authorized_minor
    _move(books, AttemptState.CAPTURED if is_whole else AttemptState.PARTIALLY_CAPTURED)
    attempt.captured_minor = received_minor
    account.captured_minor += amount
    ledger.book_capture(attempt=attempt, amount_minor=amount)
    outbox.publish(
        events.PaymentCaptured(
            subject_id=attempt.order_id, attempt_id=attempt.pk, amount_minor=amount
        )
    )


def _close(books: Books) -> None:
    """The intent is cancelled and seen cancelled: the only proof that no money will move."""
    attempt, account = books.attempt, books.account
    if attempt.state not in {*OPEN, AttemptState.AUTHORIZED}:
        return
    if attempt.authorized_minor:
        account.authorized_minor -= attempt.authorized_minor
        ledger.book_release(attempt=attempt, amount_minor=attempt.authorized_minor)
        attempt.authorized_minor = 0
    is_failure = bool(attempt.decline_code)
    _move(books, AttemptState.FAILED if is_failure else AttemptState.CANCELLED, attempt.decline_code)
    attempt.next_check_at = None
    drop_planned(attempt=attempt, now=books.now)
    event = events.PaymentFailed if is_failure else events.PaymentCancelled
    outbox.publish(event(subject_id=attempt.order_id, attempt_id=attempt.pk))


def drop_planned(*, attempt: PaymentAttempt, now: datetime) -> None:
    """What was planned for an attempt that has ended is not sent any more."""
    attempt.operations.filter(state=OperationState.PLANNED).update(
        state=OperationState.REFUSED, due_at=None, lease_until=None, finished_at=now
    )


def _decline(books: Books, code: str) -> None:
    attempt = books.attempt
    if _is(books, OperationKind.CAPTURE):
        open_alert(
            kind="capture_failed",
            subject_type="order",
            subject_id=attempt.order_id,
            detail=f"The bank refused the capture of attempt {attempt.number}: {code}",
        )
        return
    if attempt.state not in OPEN:
        return
    if attempt.decline_code != code:
        attempt.decline_code = code[:60] or "declined"
        _note_decline(books)
    if attempt.mode == PaymentAttempt.Mode.BROWSER:
        # The intent is kept: the same client secret may try another card.
        _move_open(books, AttemptState.CREATED)
        return
    plan_operation(attempt=attempt, kind=OperationKind.CANCEL, now=books.now)


def _note_decline(books: Books) -> None:
    timeline.record(
        subject_type="order",
        subject_id=books.attempt.order_id,
        kind="payment.declined",
        actor=books.actor,
        reason=books.attempt.decline_code,
        data={"attempt": books.attempt.number},
    )


def _refuse(books: Books, code: str) -> None:
    """Our request was wrong. Without an intent the attempt ends; with one it is cancelled."""
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    attempt.decline_code = code[:60] or "refused"
    if attempt.stripe_intent_id is not None:
        if not _is(books, OperationKind.CANCEL):
            plan_operation(attempt=attempt, kind=OperationKind.CANCEL, now=books.now)
        return
    _move(books, AttemptState.FAILED, attempt.decline_code)
    attempt.next_check_at = None
    drop_planned(attempt=attempt, now=books.now)
    outbox.publish(events.PaymentFailed(subject_id=attempt.order_id, attempt_id=attempt.pk))
