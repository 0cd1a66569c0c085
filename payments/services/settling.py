"""What an answer means for the operation that it is to: done, ended without effect, or again."""

from globalmart.core import states
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from payments.gateways.intents import Answer, Outcome
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
# How the intent looks when an operation of the kind has had its effect. Stripe also shows the
# intent when it refuses ("already captured", "too much to capture"): then this decides.
APPLIED = {
    OperationKind.CREATE: _SHOWN,
    OperationKind.CONFIRM: _SHOWN - {Outcome.OPEN, Outcome.CANCELLED},
    OperationKind.CAPTURE: {Outcome.CAPTURED},
    OperationKind.CANCEL: {Outcome.CANCELLED},
}


def settle_operation(books: Books, answer: Answer) -> None:
    """Write what the answer means for its operation; a finished one stays as it is."""
    operation = books.operation
    if operation is None or operation.finished_at is not None:
        return
    match answer.outcome:
        case Outcome.UNKNOWN:
            _retry(books, operation, OperationState.UNKNOWN, answer)
        case Outcome.NOT_YET:
            _retry(books, operation, OperationState.PLANNED, answer)
        case Outcome.DECLINED if operation.kind != OperationKind.CANCEL:
            _finish(books, operation, OperationState.DECLINED, answer.code)
        case Outcome.REFUSED | Outcome.KEY_CONFLICT:
            _refuse(books, operation, answer)
        case shown if shown in APPLIED[OperationKind(operation.kind)]:
            _finish(books, operation, OperationState.DONE, "")
        case _:
            _settle_without_effect(books, operation, answer)


def is_refused_by_state(books: Books, answer: Answer) -> bool:
    """Tell whether a confirmation was refused although the intent still waits for one."""
    return answer.outcome == Outcome.OPEN and books.is_answer_to(OperationKind.CONFIRM)


def _settle_without_effect(books: Books, operation: PaymentOperation, answer: Answer) -> None:
    """The intent was shown, but not as this operation should have left it."""
    is_ended = answer.outcome in {Outcome.CANCELLED, Outcome.CAPTURED}
    if operation.kind == OperationKind.CANCEL and not is_ended:
        # It cannot be cancelled just now (it is processing): the same again, later.
        _retry(books, operation, OperationState.PLANNED, answer)
        return
    if operation.kind == OperationKind.CAPTURE:
        alert_capture_failed(books, answer.code or answer.outcome)
    if is_ended:
        _finish(books, operation, OperationState.REFUSED, str(answer.outcome))
    else:
        _refuse(books, operation, answer)


def alert_capture_failed(books: Books, code: str) -> None:
    """Goods may have left, and their money did not come."""
    open_alert(
        kind="capture_failed",
        subject_type="order",
        subject_id=books.attempt.order_id,
        detail=f"The capture of attempt {books.attempt.number} brought no money: {code}",
    )


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
    operation.last_error = code[:500]
    operation.rest()
    operation.save(update_fields=["state", "finished_at", *WORK_FIELDS])


def _refuse(books: Books, operation: PaymentOperation, answer: Answer) -> None:
    code = answer.code or answer.outcome
    _finish(books, operation, OperationState.REFUSED, code)
    open_alert(
        kind="payment_refused",
        subject_type="order",
        subject_id=books.attempt.order_id,
        detail=f"Stripe refused {operation.kind} of attempt {books.attempt.number}: {code}",
    )
