"""Holds: money that is promised, and the end of the promise. Works on rows in memory; see books."""

from globalmart.core.failpoints import failpoint
from payments import events
from payments.services import ledger
from payments.services.books import Books
from payments.services.capturing import miss_capture
from payments.states import LATE, OPEN, AttemptState, CaseKind, OperationKind, OperationState

# Why a cancel was asked for, in Stripe's words.
GIVEN_UP = {"cancellation_reason": "abandoned"}


def authorize(books: Books) -> None:
    """The money is held (or more): book the hold, unless nothing was open any more."""
    attempt = books.attempt
    if attempt.state not in OPEN:
        return
    books.move(AttemptState.AUTHORIZED)
    attempt.authorized_minor = attempt.amount_minor
    attempt.decline_code = ""
    attempt.next_check_at = None
    books.account.authorized_minor += attempt.amount_minor
    books.entries += ledger.hold(attempt, attempt.amount_minor)
    _finish_confirmation(books)
    _drop_unsent_cancel(books)
    books.tell(events.PaymentAuthorized(subject_id=attempt.order_id, attempt_id=attempt.pk))
    if books.last(OperationKind.CREATE) is None:
        # Nobody created this attempt's intent for it: it took it over (see adopting).
        books.report(CaseKind.LATE_PAYMENT, "money came for an attempt that had ended")
    if attempt.purpose.startswith(LATE):
        plan_cancel(books)


def _finish_confirmation(books: Books) -> None:
    """Whoever told of the money: the confirmation has had its effect, and is not sent again."""
    confirmation = books.under_way(OperationKind.CONFIRM)
    if confirmation is not None and confirmation is not books.operation:
        books.end_operation(confirmation, OperationState.DONE)


def _drop_unsent_cancel(books: Books) -> None:
    """The money came before the cancel left, so it does not leave.

    A cancel that may have left stays: until its answer is known the order does not count as
    covered (payments.queries.is_covered).
    """
    cancel = books.under_way(OperationKind.CANCEL)
    if cancel is not None and cancel.first_sent_at is None:
        books.end_operation(cancel, OperationState.REFUSED)


def plan_cancel(books: Books, *, is_given_up: bool = False) -> None:
    """Plan to cancel the intent, unless that is under way, or a capture is; or nothing is there.

    `is_given_up` says why: Stripe could not answer, and the same card may be tried again.
    """
    is_busy = any(map(books.under_way, (OperationKind.CANCEL, OperationKind.CAPTURE)))
    if not is_busy and books.attempt.stripe_intent_id is not None:
        amount_minor = books.attempt.authorized_minor or books.attempt.amount_minor
        request = GIVEN_UP if is_given_up else {}
        books.plan(OperationKind.CANCEL, amount_minor=amount_minor, request=request)


def close(books: Books, code: str) -> None:
    """The intent is cancelled and seen cancelled: the only proof that no money will move.

    `code` is the last decline that the cancelled intent shows, if there was one.
    """
    attempt = books.attempt
    if attempt.state not in {*OPEN, AttemptState.AUTHORIZED}:
        return
    is_hold = attempt.state == AttemptState.AUTHORIZED
    if is_hold:
        books.account.authorized_minor -= attempt.authorized_minor
        books.entries += ledger.release(attempt, attempt.authorized_minor)
        attempt.authorized_minor = 0
    elif code:
        attempt.decline_code = attempt.decline_code or code[:60]
    books.move(_end_state(books, is_hold=is_hold), attempt.decline_code)
    attempt.next_check_at = None
    if books.is_answer_to(OperationKind.CAPTURE):
        miss_capture(books, "the hold had ended")
    elif is_hold and not _is_asked_for(books):
        _lose_hold(books, "the hold ended without our asking")
    _end_operations_of_cancelled(books)
    is_failure = attempt.state == AttemptState.FAILED
    event = events.PaymentFailed if is_failure else events.PaymentCancelled
    books.tell(event(subject_id=attempt.order_id, attempt_id=attempt.pk))


def _end_operations_of_cancelled(books: Books) -> None:
    """What was planned is not sent; a cancel that was has had its effect, whoever told us."""
    books.drop_planned()
    cancel = books.under_way(OperationKind.CANCEL)
    if cancel is not None and cancel is not books.operation:
        books.end_operation(cancel, OperationState.DONE)


def _end_state(books: Books, *, is_hold: bool) -> AttemptState:
    before = books.attempt.capture_before
    if is_hold and before is not None and before <= books.now:
        return AttemptState.EXPIRED
    if books.attempt.decline_code and not is_hold:
        return AttemptState.FAILED
    return AttemptState.CANCELLED


def _is_asked_for(books: Books) -> bool:
    """Tell whether we wanted the end: a cancel that was dropped or refused did not bring it."""
    cancel = books.last(OperationKind.CANCEL)
    return cancel is not None and cancel.state != OperationState.REFUSED


def _lose_hold(books: Books, why: str) -> None:
    """Goods may be on their way, and their money will not come by itself: stop them."""
    attempt = books.attempt
    books.alarm(
        "hold_lost",
        f"Attempt {attempt.number}: {why}. Stop the parcel or ask for another payment",
    )
    books.tell(events.PaymentHoldLost(subject_id=attempt.order_id, attempt_id=attempt.pk))
    failpoint("CP21", order=attempt.order_id)


def end_unsent(books: Books, why: str) -> None:
    """End an attempt that Stripe cannot charge: no intent of it was ever given a card.

    Should the answer to a creation that is under way come later, its intent is cancelled then.
    """
    attempt = books.attempt
    books.drop_planned()
    creation = books.under_way(OperationKind.CREATE)
    if creation is not None:
        books.end_operation(creation, OperationState.REFUSED)
    books.move(AttemptState.CANCELLED, why)
    attempt.next_check_at = None
