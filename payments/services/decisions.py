"""What an answer means for the attempt. Works on rows in memory; see books.

Applied in any order and any number of times, the same answers give the same end state. Sources:
Stripe's PaymentIntent life cycle; the rules of `docs/reference/states.md`.
"""

from datetime import timedelta

from globalmart.core.failpoints import failpoint
from payments import events
from payments.gateways.intents import Answer, Intent, Outcome
from payments.models import PaymentAttempt
from payments.services.books import Books
from payments.services.capturing import (
    WITHOUT_EFFECT,
    miss_capture,
    plan_next_capture,
    record_capture,
)
from payments.services.holding import authorize, close, plan_cancel
from payments.services.settling import (
    REPLAYED,
    is_refused_by_state,
    postpone,
    settle_operation,
)
from payments.states import (
    LIVE,
    MOST_DECLINES,
    OPEN,
    AttemptState,
    OperationKind,
    OperationState,
)

# How often an open attempt is looked at, whatever webhooks say; seconds after the n-th look.
CHECK_SECONDS = (5, 15, 30, 60)
CHECK_LATER_SECONDS = 300
# A capture that was answered so brought no money.
NO_CAPTURE = {Outcome.AUTHORIZED, Outcome.DECLINED, Outcome.REFUSED}
UNDECIDED = {
    Outcome.PROCESSING: AttemptState.PROCESSING,
    Outcome.REQUIRES_ACTION: AttemptState.REQUIRES_ACTION,
}


def decide(books: Books, answer: Answer) -> None:
    """Write what an answer means into the books. An intent that is not the attempt's is refused,
    with an alert."""
    was_unknown = books.attempt.stripe_intent_id is None
    if answer.intent is not None and not _accept_intent(books, answer.intent):
        postpone(books, answer)
        return
    is_missed = _settles_without_money(books, answer)
    if is_missed:
        miss_capture(books, answer.code or answer.outcome)
    if books.attempt.state in LIVE:
        _settle_live(books, answer)
    else:
        _settle_ended(books, answer, is_stray=was_unknown)


def _settles_without_money(books: Books, answer: Answer) -> bool:
    """Settle the operation; tell whether it was a capture, and ends by this without money."""
    operation = books.operation
    if operation is None or operation.finished_at is not None:
        return False
    settle_operation(books, answer)
    is_capture = operation.kind == OperationKind.CAPTURE and operation.last_error != REPLAYED
    has_ended = operation.state in WITHOUT_EFFECT and answer.outcome != Outcome.CANCELLED
    return is_capture and has_ended


def _accept_intent(books: Books, intent: Intent) -> bool:
    """Learn the intent's id; the creation that brought it is done, however we came to know."""
    attempt = books.attempt
    is_ours = (
        attempt.stripe_intent_id in {None, intent.id}
        and intent.amount_minor == attempt.amount_minor
        and intent.currency == attempt.currency
    )
    if not is_ours:
        books.alarm(
            "payment_mismatch",
            f"Intent {intent.id} does not match attempt {attempt.number}: "
            f"{intent.amount_minor} {intent.currency}",
        )
        return False
    failpoint("CP5", order=attempt.order_id)
    attempt.stripe_intent_id = intent.id
    attempt.stripe_charge_id = intent.charge_id or attempt.stripe_charge_id
    attempt.capture_before = intent.capture_before or attempt.capture_before
    attempt.is_multicapture = attempt.is_multicapture or intent.is_multicapture
    creation = books.under_way(OperationKind.CREATE)
    if creation is not None and creation is not books.operation:
        books.end_operation(creation, OperationState.DONE)
    return True


def _settle_live(books: Books, answer: Answer) -> None:
    if books.is_answer_to(OperationKind.CAPTURE) and answer.outcome in NO_CAPTURE:
        return
    match answer.outcome:
        case Outcome.AUTHORIZED:
            authorize(books)
            plan_next_capture(books)
        case Outcome.CAPTURED if answer.intent is not None:
            authorize(books)
            record_capture(books, answer.intent)
        case Outcome.CANCELLED:
            close(books, answer.code)
        case Outcome.DECLINED:
            _decline(books, answer)
        case Outcome.REFUSED:
            _refuse(books, answer.code)
        case Outcome.PROCESSING | Outcome.REQUIRES_ACTION:
            _move_open(books, UNDECIDED[answer.outcome])
            failpoint("CP10", order=books.attempt.order_id)
        case Outcome.OPEN:
            _wait_for_confirmation(books, answer)
        case Outcome.UNKNOWN if books.is_answer_to(OperationKind.CONFIRM):
            _move_open(books, AttemptState.UNKNOWN)
        # Of the rest nothing is known: the operation is tried again, the poller looks again.


def _settle_ended(books: Books, answer: Answer, *, is_stray: bool) -> None:
    """Whatever is told of an attempt that has ended: money must not stay, nor come.

    `is_stray` says that the attempt ended before it knew of this intent.
    """
    match answer.outcome:
        case Outcome.AUTHORIZED | Outcome.CAPTURED:
            # Perhaps an old answer that was slow: a fresh look decides, on an attempt of its own.
            books.is_late = True
            # What is under way is about this intent, and would go to the next one that turns up.
            books.drop_unfinished()
        case Outcome.OPEN | Outcome.REQUIRES_ACTION | Outcome.PROCESSING if is_stray:
            plan_cancel(books)


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
    confirmation = books.under_way(OperationKind.CONFIRM)
    if confirmation is not None and confirmation.due_at is None:
        # The intent is there, whoever told us: now its confirmation may go.
        confirmation.due_at = books.now
        books.change(confirmation)


def _decline(books: Books, answer: Answer) -> None:
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    _count_decline(books, answer)
    is_browser = attempt.mode == PaymentAttempt.Mode.BROWSER
    if is_browser and attempt.declines < MOST_DECLINES:
        # The intent is kept: the same client secret may try another card.
        _move_open(books, AttemptState.CREATED)
    else:
        plan_cancel(books)


def _count_decline(books: Books, answer: Answer) -> None:
    """Count a decline once, however often it is told, and those that only webhooks told of."""
    attempt = books.attempt
    code = answer.code[:60] or "declined"
    shown = answer.intent.decline_id if answer.intent is not None else ""
    is_new = attempt.decline_code != code or (shown and shown != attempt.last_decline_id)
    declines = max(attempt.declines + bool(is_new), books.declines_told)
    if is_new or declines > attempt.declines:
        books.note("payment.declined", reason=code)
    attempt.declines = declines
    attempt.decline_code = code
    attempt.last_decline_id = shown or attempt.last_decline_id


def _refuse(books: Books, code: str) -> None:
    """Our request was wrong. Without an intent the attempt ends; with one it is cancelled."""
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    attempt.decline_code = code[:60] or "refused"
    if attempt.stripe_intent_id is not None:
        if not books.is_answer_to(OperationKind.CANCEL):
            plan_cancel(books)
        return
    books.move(AttemptState.FAILED, attempt.decline_code)
    attempt.next_check_at = None
    books.drop_planned()
    books.tell(events.PaymentFailed(subject_id=attempt.order_id, attempt_id=attempt.pk))
