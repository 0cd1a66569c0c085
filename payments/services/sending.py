"""What may leave for Stripe, and what has to be found out first. Works on rows in memory; see
books."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from globalmart.core import states
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentOperation
from payments.services.books import Books
from payments.services.settling import is_capture_seen
from payments.states import ATTEMPT, OPERATION, AttemptState, OperationKind, OperationState

# Stripe may forget a key after 24 h; the same key would then be a new request.
KEY_LIFE = timedelta(hours=23)
# A look-up and a call, each up to its deadline and one silence on top.
LEASE_SECONDS = 45
TRIES_BEFORE_CANCEL = 4
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


def mark_sent(books: Books, *, token: UUID | None = None) -> tuple[PaymentOperation | None, bool]:
    """Write that the call is about to leave; tell whether it may have left before.

    None where nothing may leave: the operation is finished, or ends or waits by this, or somebody
    else is sending it. `token` is the caller's lease, where a worker has leased the operation.
    """
    operation = books.operation
    if operation is None or operation.finished_at is not None or not _is_free(books, token):
        return None, False
    if not _is_possible(books):
        return None, False
    # Even an operation put back to planned after a 429 or a lost answer may be known to Stripe.
    was_sent = operation.first_sent_at is not None
    if was_sent and not is_key_alive(operation, books.now):
        books.alarm(
            "operation_too_old",
            f"{operation.kind} of attempt {books.attempt.number} has had no definite "
            "answer for 23 hours; look it up in Stripe's dashboard",
        )
    if operation.state != OperationState.SENT:
        states.require(OPERATION, "operation", operation.state, OperationState.SENT)
    operation.state = OperationState.SENT
    operation.first_sent_at = operation.first_sent_at or books.now
    operation.lease_until = books.now + timedelta(seconds=LEASE_SECONDS)
    operation.due_at = operation.due_at or books.now
    books.change(operation)
    if operation.kind == OperationKind.CONFIRM and books.attempt.state == AttemptState.CREATED:
        books.move(AttemptState.PROCESSING)
    return operation, was_sent


def _is_free(books: Books, token: UUID | None) -> bool:
    """Tell whether nobody else holds the operation: a lease that has ended may be another's."""
    operation = books.operation
    if operation is None:
        return False
    if token is not None:
        return operation.is_held_by(token)
    is_leased = operation.lease_until is not None and operation.lease_until > books.now
    return not (is_leased and operation.state == OperationState.SENT)


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


def settle_without_call(
    operation: PaymentOperation,
    looked_up: Answer | None,
    *,
    siblings: Sequence[PaymentOperation],
    now: datetime,
) -> Answer | None:
    """Return the answer that a look-up is to an operation that may have left before; None where it
    has certainly not been applied and the same key may go again.

    `looked_up` is None where there is no intent to be looked up; `siblings` are the attempt's
    operations.
    """
    if looked_up is not None:
        looked_up = looked_up.as_look_up()
    if looked_up is not None and not _is_unapplied(operation, looked_up, siblings):
        return looked_up
    return None if is_key_alive(operation, now) else Answer(Outcome.UNKNOWN, code="key_expired")


def _is_unapplied(
    operation: PaymentOperation, looked_up: Answer, siblings: Sequence[PaymentOperation]
) -> bool:
    kind = OperationKind(operation.kind)
    if looked_up.outcome not in NOT_APPLIED.get(kind, set()):
        return False
    if kind != OperationKind.CAPTURE or looked_up.intent is None:
        return True
    return not is_capture_seen(operation, siblings, looked_up.intent)


def is_key_alive(operation: PaymentOperation, now: datetime) -> bool:
    """Tell whether Stripe certainly still knows the operation's key."""
    return now - (operation.first_sent_at or now) < KEY_LIFE


def is_hopeless(operation: PaymentOperation, *, is_replayed: bool = False) -> bool:
    """Tell whether a confirmation that was heard again without an answer is given up.

    Stripe replays a 500 for its key for a day. Where a repeated confirmation hears it again
    although the intent was seen unconfirmed, cancelling is the way to a definite answer.
    """
    is_enough = is_replayed or operation.tries >= TRIES_BEFORE_CANCEL
    return operation.kind == OperationKind.CONFIRM and is_enough
