"""What an answer means for the call that asked for a refund: done, ended, or again."""

from globalmart.core import states
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from payments.gateways.refunds import RefundAnswer, RefundOutcome
from payments.models import PaymentOperation
from payments.services.refund_books import RefundBooks
from payments.states import OPERATION, OperationState


def settle_call(books: RefundBooks, operation: PaymentOperation, answer: RefundAnswer) -> None:
    """Write what the answer means for the call itself."""
    if answer.refund is not None:
        _finish(books, operation, OperationState.DONE, "")
        return
    match answer.outcome:
        case RefundOutcome.REFUSED:
            _finish(books, operation, OperationState.REFUSED, answer.code)
        case RefundOutcome.KEY_CONFLICT:
            _finish(books, operation, OperationState.REFUSED, answer.code or answer.outcome)
            _alert_conflict(books, answer)
        case RefundOutcome.NOT_YET:
            _retry(books, operation, OperationState.PLANNED, answer)
        case _:
            _retry(books, operation, OperationState.UNKNOWN, answer)


def _finish(
    books: RefundBooks, operation: PaymentOperation, state: OperationState, code: str
) -> None:
    states.require(OPERATION, "operation", operation.state, state)
    operation.state = state
    operation.finished_at = books.now
    operation.last_error = code[:500]
    operation.rest()
    operation.save(update_fields=["state", "finished_at", *WORK_FIELDS])


def _retry(
    books: RefundBooks, operation: PaymentOperation, state: OperationState, answer: RefundAnswer
) -> None:
    seconds = max(answer.retry_after or 0, backoff(operation.tries))
    if operation.state != state:
        states.require(OPERATION, "operation", operation.state, state)
        operation.state = state
    operation.postpone(now=books.now, seconds=seconds, error=answer.code or answer.outcome)
    operation.save(update_fields=["state", *WORK_FIELDS])


def _alert_conflict(books: RefundBooks, answer: RefundAnswer) -> None:
    """Something was done under this key; it is looked for, and never sent under another."""
    open_alert(
        kind="payment_refused",
        subject_type="order",
        subject_id=books.refund.order_id,
        detail=f"Stripe knows another request under the key of refund {books.refund.pk}: "
        f"{answer.code}",
    )
