"""Send planned operations: committed as sent before bytes leave, looked up before sent again."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from globalmart.core import states
from globalmart.core.failpoints import failpoint
from payments import gateways
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.books import Books, open_books
from payments.services.outcomes import apply_outcome
from payments.services.planning import cancel_if_open
from payments.services.settling import is_capture_seen
from payments.states import ATTEMPT, OPERATION, AttemptState, OperationKind, OperationState

# Stripe may forget a key after 24 h; the same key would then be a new request.
KEY_LIFE = timedelta(hours=23)
# A look-up and a call, each up to its deadline and one silence on top.
LEASE_SECONDS = 45
TRIES_BEFORE_CANCEL = 4
# Where a process may die with the answer to a call in its hands.
ANSWERED = {
    OperationKind.CREATE: "CP4",
    OperationKind.CONFIRM: "CP7",
    OperationKind.CAPTURE: "CP20",
    OperationKind.CANCEL: "CP27",
}
# What an intent looks like when this operation has certainly not been applied to it.
NOT_APPLIED = {
    OperationKind.CONFIRM: {Outcome.OPEN},
    OperationKind.CAPTURE: {Outcome.AUTHORIZED, Outcome.CAPTURED},
    OperationKind.CANCEL: {
        Outcome.OPEN,
        Outcome.DECLINED,
        Outcome.REQUIRES_ACTION,
        Outcome.AUTHORIZED,
    },
}


def send_operation(*, operation_id: int) -> None:
    """Send one operation, or find out what became of it, and record the outcome.

    Waits for the network; refuses to run in a transaction. An operation that is finished, or
    that cannot go yet, is left as it is.
    """
    operation, was_sent = _mark_sent(operation_id=operation_id, now=timezone.now())
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
    if was_sent and told is None and answer.outcome == Outcome.UNKNOWN:
        _give_up_confirming(operation, is_replayed=answer.is_replayed)


def _give_up_confirming(operation: PaymentOperation, *, is_replayed: bool) -> None:
    """Stripe replays a 500 for its key for a day. Where a repeated confirmation hears it again
    although the intent was seen unconfirmed, cancelling is the way to a definite answer."""
    is_hopeless = is_replayed or operation.tries >= TRIES_BEFORE_CANCEL
    if operation.kind == OperationKind.CONFIRM and is_hopeless:
        cancel_if_open(attempt_id=operation.attempt_id, now=timezone.now())


def _mark_sent(*, operation_id: int, now: datetime) -> tuple[PaymentOperation | None, bool]:
    """Commit that the call is about to leave; tell whether it may have left before."""
    attempt_id = PaymentOperation.objects.values_list("attempt_id", flat=True).get(pk=operation_id)
    with (
        transaction.atomic(durable=True),
        open_books(
            attempt_id=attempt_id, actor="system", now=now, operation_id=operation_id
        ) as books,
    ):
        operation = books.operation
        if operation is None or operation.finished_at is not None or not _is_possible(books):
            return None, False
        # Even an operation put back to planned after a 429 or a lost answer may be known to Stripe.
        was_sent = operation.first_sent_at is not None
        if was_sent and not _is_key_alive(operation):
            books.alarm(
                "operation_too_old",
                f"{operation.kind} of attempt {books.attempt.number} has had no definite "
                "answer for 23 hours; look it up in Stripe's dashboard",
            )
        if operation.state != OperationState.SENT:
            states.require(OPERATION, "operation", operation.state, OperationState.SENT)
        operation.state = OperationState.SENT
        operation.first_sent_at = operation.first_sent_at or now
        operation.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        operation.due_at = operation.due_at or now
        books.change(operation)
        if operation.kind == OperationKind.CONFIRM and books.attempt.state == AttemptState.CREATED:
            books.move(AttemptState.PROCESSING)
    return operation, was_sent


def _is_possible(books: Books) -> bool:
    operation, attempt = books.operation, books.attempt
    if operation is None:
        return False
    has_ended = states.is_final(ATTEMPT, attempt.state)
    if operation.kind != OperationKind.CREATE and attempt.stripe_intent_id is None:
        if has_ended:
            books.end_operation(operation, OperationState.REFUSED)
            return False
        # The creation's own outcome comes first; it may have been applied without our knowing.
        operation.postpone(now=books.now, seconds=2, error="waits for the intent")
        books.change(operation)
        return False
    if has_ended and operation.kind != OperationKind.CANCEL:
        # Somebody else has learnt how it ended: there is nothing left to be sent.
        books.end_operation(operation, OperationState.REFUSED)
        return False
    return True


def _ask_first(operation: PaymentOperation) -> Answer | None:
    """Ask for the intent's state; None means: certainly not applied, the same key may go again."""
    attempt = operation.attempt
    if attempt.stripe_intent_id is None:
        return None if _is_key_alive(operation) else Answer(Outcome.UNKNOWN, code="key_expired")
    answer = gateways.current().retrieve(intent_id=attempt.stripe_intent_id)
    if answer.outcome == Outcome.NOT_YET:
        # A look-up that did not happen says nothing about the call that may have.
        return replace(answer, outcome=Outcome.UNKNOWN)
    if answer.outcome not in NOT_APPLIED.get(OperationKind(operation.kind), set()):
        return answer
    if operation.kind == OperationKind.CAPTURE and answer.intent is not None:
        siblings = list(PaymentOperation.objects.filter(attempt_id=attempt.pk))
        if is_capture_seen(operation, siblings, answer.intent):
            return answer
    return None if _is_key_alive(operation) else Answer(Outcome.UNKNOWN, code="key_expired")


def _is_key_alive(operation: PaymentOperation) -> bool:
    return timezone.now() - (operation.first_sent_at or timezone.now()) < KEY_LIFE


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
    answer = gateways.current().retrieve(intent_id=attempt.stripe_intent_id)
    apply_outcome(attempt_id=attempt_id, answer=answer, actor=actor, now=timezone.now())
    return answer.intent is not None
