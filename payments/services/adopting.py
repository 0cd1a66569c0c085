"""Late money gets an attempt of its own. Works on rows in memory."""

from collections.abc import Sequence
from datetime import datetime

from payments.models import PaymentAttempt
from payments.states import LATE, LIVE, AttemptState


def make_heir(
    dead: PaymentAttempt, *, others: Sequence[PaymentAttempt], now: datetime
) -> PaymentAttempt:
    """Take the intent from an attempt that has ended; return the unsaved attempt that has it now.

    What has ended is not resurrected. The new attempt knows nothing yet and is due to be looked
    up. Where another of the order's attempts (`others`) is live, the new one is for nothing
    (purpose `late:`), and what it holds is given back.
    """
    purpose = dead.purpose
    if any(each.purpose == purpose and each.state in LIVE for each in others):
        purpose = f"{LATE}{dead.pk}"
    numbers = [each.number for each in others if each.purpose == purpose]
    intent_id, dead.stripe_intent_id = dead.stripe_intent_id, None
    return PaymentAttempt(
        order_id=dead.order_id,
        purpose=purpose,
        number=max(numbers, default=0) + 1,
        mode=dead.mode,
        state=AttemptState.UNKNOWN,
        currency=dead.currency,
        amount_minor=dead.amount_minor,
        payment_method=dead.payment_method,
        stripe_intent_id=intent_id,
        next_check_at=now,
    )
