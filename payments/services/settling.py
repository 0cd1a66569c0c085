"""What an answer means for the operation that it is to: done, ended without effect, or again.

Works on rows in memory; see books.
"""

from collections.abc import Sequence

from globalmart.core import states
from globalmart.core.failpoints import failpoint
from globalmart.core.work import backoff
from payments.gateways.intents import Answer, Intent, Outcome
from payments.models import PaymentOperation
from payments.services.books import Books
from payments.states import OPERATION, OperationKind, OperationState

_SHOWN = {
    Outcome.OPEN,
    Outcome.REQUIRES_ACTION,
    Outcome.PROCESSING,
    Outcome.AUTHORIZED,
    Outcome.CAPTURED,
    Outcome.CANCELLED,
}
REPLAYED = "replayed"
# An alert from this key of one call on.
MANY_KEYS = 3
# How the intent looks when an operation of the kind has had its effect. Stripe also shows the
# intent when it refuses ("already captured", "too much to capture"): then this decides.
APPLIED = {
    OperationKind.CREATE: _SHOWN,
    OperationKind.CONFIRM: _SHOWN - {Outcome.OPEN, Outcome.CANCELLED},
    OperationKind.CANCEL: {Outcome.CANCELLED},
}


def settle_operation(books: Books, answer: Answer) -> None:
    """Write what the answer means for its operation; a finished one stays as it is."""
    operation = books.operation
    if operation is None or operation.finished_at is not None:
        return
    match answer.outcome:
        case Outcome.UNKNOWN if is_key_spent(operation, answer):
            _take_new_key(books, operation)
        case Outcome.UNKNOWN:
            _retry(books, operation, OperationState.UNKNOWN, answer)
        case Outcome.NOT_YET:
            failpoint("CP8", order=books.attempt.order_id)
            _retry(books, operation, OperationState.PLANNED, answer)
        case Outcome.DECLINED if operation.kind != OperationKind.CANCEL:
            _finish(books, operation, OperationState.DECLINED, answer.code)
        case Outcome.REFUSED | Outcome.KEY_CONFLICT:
            _refuse(books, operation, answer)
        case _ if is_applied(books, operation, answer):
            _finish(books, operation, OperationState.DONE, "")
        case _:
            _settle_without_effect(books, operation, answer)


def postpone(books: Books, answer: Answer) -> None:
    """Try the operation again later: the answer was about something else."""
    operation = books.operation
    if operation is not None and operation.finished_at is None:
        _retry(books, operation, OperationState.UNKNOWN, answer)


def is_key_spent(operation: PaymentOperation, answer: Answer) -> bool:
    """Tell whether the operation's key gives an old error again, and a new one does no harm.

    Stripe stores a 500 and replays it for a day. The call that it answered has ended. A second
    creation moves no money, and a second cancel changes nothing; a capture waits for another look
    at the intent: it is replayed twice only where the look between saw it not captured.
    """
    if not answer.is_replayed:
        return False
    if operation.kind == OperationKind.CAPTURE:
        return operation.last_error == REPLAYED
    return operation.kind in {OperationKind.CREATE, OperationKind.CANCEL}


def _take_new_key(books: Books, operation: PaymentOperation) -> None:
    _finish(books, operation, OperationState.REFUSED, REPLAYED)
    if operation.number >= MANY_KEYS:
        books.alarm(
            "payment_refused",
            f"Stripe has answered {operation.kind} of attempt {books.attempt.number} with an "
            f"error under {operation.number} keys; look the payment up in its dashboard",
        )
    books.plan(
        OperationKind(operation.kind),
        amount_minor=operation.amount_minor,
        request=operation.request,
        tries=operation.tries,
        seconds=backoff(operation.tries),
    )


def is_applied(books: Books, operation: PaymentOperation, answer: Answer) -> bool:
    """Tell whether the intent looks as it does once this operation has had its effect."""
    kind = OperationKind(operation.kind)
    if kind == OperationKind.CAPTURE and answer.intent is not None:
        return is_capture_seen(operation, books.operations, answer.intent)
    return answer.outcome in APPLIED[kind]


def is_capture_seen(
    operation: PaymentOperation, operations: Sequence[PaymentOperation], intent: Intent
) -> bool:
    """Tell whether the intent has received this capture's money.

    Of several captures, the money of the earlier ones proves nothing about this one.
    """
    earlier = sum(
        each.amount_minor
        for each in operations
        if each.kind == OperationKind.CAPTURE
        and each.state == OperationState.DONE
        and each.number < operation.number
    )
    is_over = intent.status == "succeeded"
    return is_over or intent.received_minor >= earlier + operation.amount_minor


def is_refused_by_state(books: Books, answer: Answer) -> bool:
    """Tell whether a confirmation was refused although the intent still waits for one."""
    return answer.outcome == Outcome.OPEN and books.is_answer_to(OperationKind.CONFIRM)


def _settle_without_effect(books: Books, operation: PaymentOperation, answer: Answer) -> None:
    """The intent was shown, but not as this operation should have left it."""
    is_ended = answer.outcome == Outcome.CANCELLED or (
        answer.outcome == Outcome.CAPTURED and operation.kind != OperationKind.CAPTURE
    )
    if operation.kind == OperationKind.CANCEL and not is_ended:
        if answer.is_replayed:
            # What Stripe said then it will say for a day, whatever has become of the intent.
            _take_new_key(books, operation)
            return
        # It cannot be cancelled just now (it is processing): the same again, later.
        _retry(books, operation, OperationState.PLANNED, answer)
        return
    if is_ended:
        _finish(books, operation, OperationState.REFUSED, str(answer.outcome))
    else:
        _refuse(books, operation, answer)


def _retry(
    books: Books, operation: PaymentOperation, state: OperationState, answer: Answer
) -> None:
    seconds = max(answer.retry_after or 0, backoff(operation.tries))
    if operation.state != state:
        states.require(OPERATION, "operation", operation.state, state)
        operation.state = state
    error = REPLAYED if answer.is_replayed else answer.code or answer.outcome
    operation.postpone(now=books.now, seconds=seconds, error=error)
    books.change(operation)


def _finish(books: Books, operation: PaymentOperation, state: OperationState, code: str) -> None:
    states.require(OPERATION, "operation", operation.state, state)
    operation.last_error = code[:500]
    books.end_operation(operation, state)


def _refuse(books: Books, operation: PaymentOperation, answer: Answer) -> None:
    code = answer.code or answer.outcome
    _finish(books, operation, OperationState.REFUSED, code)
    books.alarm(
        "payment_refused",
        f"Stripe refused {operation.kind} of attempt {books.attempt.number}: {code}",
    )
