"""The one way in for every answer about money: direct, return page, webhook, poller, staff.

Applied in any order and any number of times, the same answers give the same end state.
"""

from datetime import datetime, timedelta

from django.db import transaction

from globalmart.core import outbox, timeline
from globalmart.core.alerts import open_alert
from payments import events
from payments.gateways.intents import Answer, Intent, Outcome
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.services import ledger
from payments.services.books import Books
from payments.services.planning import drop_planned, drop_unsent_cancel, plan_operation
from payments.services.settling import (
    alert_capture_failed,
    is_refused_by_state,
    settle_operation,
)
from payments.states import OPEN, AttemptState, OperationKind, OperationState

# How often an open attempt is looked at, whatever webhooks say; seconds after the n-th look.
CHECK_SECONDS = (5, 15, 30, 60)
CHECK_LATER_SECONDS = 300


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
    settle_operation(books, answer)
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


def _settle_attempt(books: Books, answer: Answer) -> None:
    match answer.outcome:
        case Outcome.AUTHORIZED:
            _authorize(books)
        case Outcome.CAPTURED if answer.intent is not None:
            _authorize(books)
            _capture(books, answer.intent.received_minor)
        case Outcome.CANCELLED:
            _close(books, answer.code)
        case Outcome.DECLINED:
            _decline(books, answer.code)
        case Outcome.REFUSED:
            _refuse(books, answer.code)
        case Outcome.PROCESSING:
            _move_open(books, AttemptState.PROCESSING)
        case Outcome.REQUIRES_ACTION:
            _move_open(books, AttemptState.REQUIRES_ACTION)
        case Outcome.OPEN:
            _wait_for_confirmation(books, answer)
        case Outcome.UNKNOWN if books.is_answer_to(OperationKind.CONFIRM):
            _move_open(books, AttemptState.UNKNOWN)


def _move_open(books: Books, state: AttemptState) -> None:
    """Move between the states in which nothing is decided; look again soon."""
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    if attempt.state != state:
        books.move(state)
        attempt.checks = 0
    seconds = CHECK_SECONDS[min(attempt.checks, len(CHECK_SECONDS) - 1)]
    if attempt.checks >= 2 * len(CHECK_SECONDS):
        seconds = CHECK_LATER_SECONDS
    attempt.next_check_at = books.now + timedelta(seconds=seconds)


def _wait_for_confirmation(books: Books, answer: Answer) -> None:
    attempt = books.attempt
    if is_refused_by_state(books, answer):
        _refuse(books, answer.code)
        return
    if attempt.mode == PaymentAttempt.Mode.BROWSER:
        _move_open(books, AttemptState.CREATED)
        return
    if books.is_answer_to(OperationKind.CREATE):
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
    books.move(AttemptState.AUTHORIZED)
    attempt.authorized_minor = attempt.amount_minor
    attempt.decline_code = ""
    attempt.next_check_at = None
    drop_unsent_cancel(attempt=attempt, now=books.now)
    account.authorized_minor += attempt.amount_minor
    ledger.book_hold(attempt=attempt, amount_minor=attempt.amount_minor)
    outbox.publish(events.PaymentAuthorized(subject_id=attempt.order_id, attempt_id=attempt.pk))


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
    state = AttemptState.CAPTURED if is_whole else AttemptState.PARTIALLY_CAPTURED
    if attempt.state != state:
        books.move(state)
    attempt.captured_minor = received_minor
    account.captured_minor += amount
    ledger.book_capture(attempt=attempt, amount_minor=amount)
    outbox.publish(
        events.PaymentCaptured(
            subject_id=attempt.order_id, attempt_id=attempt.pk, amount_minor=amount
        )
    )


def _close(books: Books, code: str) -> None:
    """The intent is cancelled and seen cancelled: the only proof that no money will move.

    `code` is the last decline that the cancelled intent shows, if there was one.
    """
    attempt, account = books.attempt, books.account
    if attempt.state not in {*OPEN, AttemptState.AUTHORIZED}:
        return
    if attempt.authorized_minor:
        account.authorized_minor -= attempt.authorized_minor
        ledger.book_release(attempt=attempt, amount_minor=attempt.authorized_minor)
        attempt.authorized_minor = 0
    is_hold = attempt.state == AttemptState.AUTHORIZED
    if code and not is_hold:
        attempt.decline_code = attempt.decline_code or code[:60]
    is_failure = bool(attempt.decline_code) and not is_hold
    books.move(AttemptState.FAILED if is_failure else AttemptState.CANCELLED, attempt.decline_code)
    attempt.next_check_at = None
    if is_hold and not attempt.operations.filter(kind=OperationKind.CANCEL).exists():
        _alert_hold_lost(books)
    drop_planned(attempt=attempt, now=books.now)
    event = events.PaymentFailed if is_failure else events.PaymentCancelled
    outbox.publish(event(subject_id=attempt.order_id, attempt_id=attempt.pk))


def _alert_hold_lost(books: Books) -> None:
    """The card's network or somebody at Stripe ended the hold; goods may be on their way."""
    open_alert(
        kind="hold_lost",
        subject_type="order",
        subject_id=books.attempt.order_id,
        detail=f"The hold of attempt {books.attempt.number} ended without our asking: "
        "stop the parcel or ask for another payment",
    )


def _decline(books: Books, code: str) -> None:
    attempt = books.attempt
    if books.is_answer_to(OperationKind.CAPTURE):
        alert_capture_failed(books, code)
        return
    if attempt.state not in OPEN:
        return
    code = code[:60] or "declined"
    if attempt.decline_code != code:
        attempt.decline_code = code
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
        if not books.is_answer_to(OperationKind.CANCEL):
            plan_operation(attempt=attempt, kind=OperationKind.CANCEL, now=books.now)
        return
    books.move(AttemptState.FAILED, attempt.decline_code)
    attempt.next_check_at = None
    drop_planned(attempt=attempt, now=books.now)
    outbox.publish(events.PaymentFailed(subject_id=attempt.order_id, attempt_id=attempt.pk))
