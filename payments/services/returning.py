"""The customer is back from the card form or the bank, and says that the payment is confirmed."""

from datetime import datetime, timedelta

from payments.models import PaymentAttempt
from payments.services.books import open_books
from payments.services.operations import look_up
from payments.states import AttemptState

# In these states the page would offer to pay.
UNTOLD = (AttemptState.CREATED, AttemptState.REQUIRES_ACTION)
NEXT_LOOK = timedelta(seconds=5)


def settle_return(*, attempt_id: int, now: datetime) -> str:
    """Fetch the intent, apply what it says and return the attempt's state.

    Where Stripe does not answer the outcome is unknown, and nothing may be paid a second time
    until it is; the poller finds it out. Waits for the network; refuses to run in a transaction.
    """
    if not look_up(attempt_id=attempt_id, actor="customer"):
        _wait_for_outcome(attempt_id=attempt_id, now=now)
    return PaymentAttempt.objects.values_list("state", flat=True).get(pk=attempt_id)


def _wait_for_outcome(*, attempt_id: int, now: datetime) -> None:
    with open_books(attempt_id=attempt_id, actor="customer", now=now) as books:
        attempt = books.attempt
        # Without an intent the browser had nothing to confirm.
        if attempt.state in UNTOLD and attempt.stripe_intent_id is not None:
            books.move(AttemptState.UNKNOWN, "Stripe did not answer")
            attempt.checks = 0
            attempt.next_check_at = now + NEXT_LOOK
