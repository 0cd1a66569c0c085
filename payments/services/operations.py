"""Send planned operations: committed as sent before bytes leave, looked up before sent again."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from globalmart.core.failpoints import failpoint
from payments import gateways
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.books import open_books
from payments.services.outcomes import apply_outcome
from payments.services.planning import cancel_if_open
from payments.services.sending import is_hopeless, mark_sent, settle_without_call
from payments.states import OperationKind

# Where a process may die with the answer to a call in its hands.
ANSWERED = {
    OperationKind.CREATE: "CP4",
    OperationKind.CONFIRM: "CP7",
    OperationKind.CAPTURE: "CP20",
    OperationKind.CANCEL: "CP27",
}


def send_operation(*, operation_id: int, token: UUID | None = None) -> None:
    """Send one operation, or find out what became of it, and record the outcome.

    Waits for the network; refuses to run in a transaction. An operation that is finished, or
    that cannot go yet, is left as it is; so is one that somebody else holds. `token` is the
    caller's lease, where a worker has leased the operation.
    """
    operation, was_sent = _mark_sent(operation_id=operation_id, token=token, now=timezone.now())
    if operation is None:
        return
    told = _ask_first(operation) if was_sent else None
    order_id = operation.attempt.order_id
    failpoint("CP6", order=order_id, kind=operation.kind)
    answer = told or _call(operation)
    failpoint(ANSWERED[OperationKind(operation.kind)], order=order_id)
    apply_outcome(
        attempt_id=operation.attempt_id,
        answer=answer,
        actor="stripe",
        now=timezone.now(),
        operation_id=operation.pk,
    )
    # Only where the look-up was answered, and saw the intent unconfirmed, did the same key go
    # out again: a look-up without an answer proves nothing and must cancel nothing.
    is_repeated = was_sent and told is None and answer.outcome == Outcome.UNKNOWN
    if is_repeated and is_hopeless(operation, is_replayed=answer.is_replayed):
        cancel_if_open(attempt_id=operation.attempt_id, now=timezone.now())


def _mark_sent(
    *, operation_id: int, token: UUID | None, now: datetime
) -> tuple[PaymentOperation | None, bool]:
    """Commit that the call is about to leave; tell whether it may have left before."""
    attempt_id = PaymentOperation.objects.values_list("attempt_id", flat=True).get(pk=operation_id)
    with (
        transaction.atomic(durable=True),
        open_books(
            attempt_id=attempt_id, actor="system", now=now, operation_id=operation_id
        ) as books,
    ):
        return mark_sent(books, token=token)


def _ask_first(operation: PaymentOperation) -> Answer | None:
    """Ask for the intent's state; None means: certainly not applied, the same key may go again."""
    attempt, looked_up = operation.attempt, None
    if attempt.stripe_intent_id is not None:
        looked_up = gateways.current().retrieve(intent_id=attempt.stripe_intent_id)
    siblings = list(PaymentOperation.objects.filter(attempt_id=attempt.pk))
    return settle_without_call(operation, looked_up, siblings=siblings, now=timezone.now())


def _call(operation: PaymentOperation) -> Answer:
    gateway, key = gateways.current(), operation.idempotency_key
    if operation.kind == OperationKind.CREATE:
        return gateway.create(request=operation.request, key=key)
    intent_id = operation.attempt.stripe_intent_id or ""
    calls = {
        OperationKind.CONFIRM: gateway.confirm,
        OperationKind.CAPTURE: gateway.capture,
        OperationKind.CANCEL: gateway.cancel,
    }
    call = calls[OperationKind(operation.kind)]
    return call(intent_id=intent_id, request=operation.request, key=key)


def check_attempt(*, attempt_id: int, actor: str = "poller") -> str:
    """Fetch the attempt's intent, apply what it says, and return the attempt's state.

    Waits for the network; refuses to run in a transaction. Without an intent nothing is asked.
    """
    look_up(attempt_id=attempt_id, actor=actor)
    return PaymentAttempt.objects.values_list("state", flat=True).get(pk=attempt_id)


def look_up(*, attempt_id: int, actor: str) -> bool:
    """Fetch the attempt's intent and apply what it says; tell whether Stripe showed it.

    Waits for the network; refuses to run in a transaction. Without an intent nothing is asked.
    """
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.stripe_intent_id is None:
        return False
    answer = gateways.current().retrieve(intent_id=attempt.stripe_intent_id).as_look_up()
    apply_outcome(attempt_id=attempt_id, answer=answer, actor=actor, now=timezone.now())
    return answer.intent is not None
