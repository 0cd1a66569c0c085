"""Captures: held money becomes ours, in one part or several. Works on rows in memory; see books."""

from globalmart.core.failpoints import failpoint
from payments import events
from payments.gateways.intents import Intent
from payments.services import ledger
from payments.services.books import Books
from payments.states import LATE, AttemptState, OperationKind, OperationState

WITHOUT_EFFECT = {OperationState.DECLINED, OperationState.REFUSED}
HELD = {AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED}


def plan_next_capture(books: Books, *, is_told: bool = False) -> None:
    """Plan the capture of what is wanted and not captured, one at a time.

    Where the card allows one capture alone, the first takes all that is still due, and what is
    cancelled later is refunded. After one that brought no money the next needs somebody to ask
    for it (`is_told`).
    """
    attempt = books.attempt
    wanted = attempt.capture_target_minor - attempt.captured_minor
    is_busy = any(map(books.under_way, (OperationKind.CANCEL, OperationKind.CAPTURE)))
    last = books.last(OperationKind.CAPTURE)
    has_failed = last is not None and last.state in WITHOUT_EFFECT
    if attempt.state not in HELD or wanted <= 0 or is_busy or (has_failed and not is_told):
        return
    due_minor = books.account.due_minor - books.elsewhere_minor
    most = min(attempt.authorized_minor, max(due_minor, wanted))
    amount_minor = most - attempt.captured_minor if not attempt.is_multicapture else wanted
    amount_minor = min(amount_minor, attempt.authorized_minor - attempt.captured_minor)
    if amount_minor <= 0:
        return
    request: dict[str, object] = {"amount_to_capture": amount_minor}
    if attempt.is_multicapture and attempt.captured_minor + amount_minor < most:
        request["final_capture"] = False
    books.plan(OperationKind.CAPTURE, amount_minor=amount_minor, request=request)


def drop_unsent_capture(books: Books) -> bool:
    """A capture that has not left does not leave; tell whether there was one."""
    capture = books.under_way(OperationKind.CAPTURE)
    if capture is None or capture.first_sent_at is not None:
        return False
    books.end_operation(capture, OperationState.REFUSED)
    return True


def record_capture(books: Books, intent: Intent) -> None:
    """Book what the intent has received beyond what we knew; plan the next part, if any."""
    attempt, account = books.attempt, books.account
    if attempt.state not in HELD:
        return
    amount_minor = intent.received_minor - attempt.captured_minor
    is_final = intent.status == "succeeded"
    state = AttemptState.CAPTURED if is_final else AttemptState.PARTIALLY_CAPTURED
    if attempt.state != state:
        books.move(state)
    if amount_minor > 0:
        attempt.captured_minor = intent.received_minor
        account.captured_minor += amount_minor
        books.entries += ledger.capture(attempt, amount_minor)
        books.tell(
            events.PaymentCaptured(
                subject_id=attempt.order_id, attempt_id=attempt.pk, amount_minor=amount_minor
            )
        )
    if is_final:
        _release_rest(books)
        _end_what_is_under_way(books)
    else:
        plan_next_capture(books)


def _release_rest(books: Books) -> None:
    """The last capture releases what it leaves of the hold."""
    attempt = books.attempt
    rest = attempt.authorized_minor - attempt.captured_minor
    if rest > 0:
        attempt.authorized_minor -= rest
        books.account.authorized_minor -= rest
        books.entries += ledger.release(attempt, rest)
    is_paying = not attempt.purpose.startswith(LATE)
    if is_paying and attempt.captured_minor + books.elsewhere_minor < books.account.due_minor:
        miss_capture(
            books, f"it was closed with {attempt.captured_minor} {attempt.currency} captured"
        )


def _end_what_is_under_way(books: Books) -> None:
    """A captured intent has done all that it will do, whoever told us."""
    for kind, state in (
        (OperationKind.CAPTURE, OperationState.DONE),
        (OperationKind.CANCEL, OperationState.REFUSED),
    ):
        operation = books.under_way(kind)
        if operation is not None:
            books.end_operation(operation, state)


def miss_capture(books: Books, code: str) -> None:
    """A capture brought no money, and goods may have left: nothing more leaves."""
    attempt = books.attempt
    books.alarm(
        "capture_failed", f"The capture of attempt {attempt.number} brought no money: {code}"
    )
    books.tell(events.PaymentHoldLost(subject_id=attempt.order_id, attempt_id=attempt.pk))
    failpoint("CP21", order=attempt.order_id)
