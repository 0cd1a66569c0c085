"""What each answer of Stripe's means: pure, total, one class each.

Sources: Stripe's PaymentIntent life cycle, its advanced error handling (a 500 may be replayed
for a key, a 429 and a 409 are decided before anything ran), and its SDK's error types.
"""

from payments.gateways.intents import Outcome
from payments.gateways.refunds import RefundOutcome

STATUS = {
    "requires_confirmation": Outcome.OPEN,
    "requires_payment_method": Outcome.OPEN,
    "requires_action": Outcome.REQUIRES_ACTION,
    "processing": Outcome.PROCESSING,
    "requires_capture": Outcome.AUTHORIZED,
    "succeeded": Outcome.CAPTURED,
    "canceled": Outcome.CANCELLED,
}


def classify_status(*, status: str, received_minor: int, error_code: str) -> Outcome:
    """Return what an intent's status means; a status that we do not know is UNKNOWN."""
    if received_minor > 0:
        return Outcome.CAPTURED
    if status == "requires_payment_method" and error_code:
        return Outcome.DECLINED
    return STATUS.get(status, Outcome.UNKNOWN)


def classify_error(*, http_status: int | None, error_type: str) -> Outcome:
    """Return what an error means, from its HTTP status (None: no answer) and Stripe's type."""
    if http_status is None or not 400 <= http_status < 500:
        return Outcome.UNKNOWN
    # A key that is in use is an idempotency error as well: its first call is still under way.
    if http_status in {409, 429}:
        return Outcome.NOT_YET
    if error_type == "idempotency_error":
        return Outcome.KEY_CONFLICT
    # A wrong or blocked key of ours refuses everything alike: mend it and go on.
    if http_status in {401, 403}:
        return Outcome.NOT_YET
    if http_status == 402 or error_type == "card_error":
        return Outcome.DECLINED
    return Outcome.REFUSED


REFUND_STATUS = {
    "pending": RefundOutcome.PENDING,
    "requires_action": RefundOutcome.REQUIRES_ACTION,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.CANCELLED,
}
# What an error means for a refund. A card's decline would be of the refund as a whole.
REFUND_ERROR = {
    Outcome.NOT_YET: RefundOutcome.NOT_YET,
    Outcome.KEY_CONFLICT: RefundOutcome.KEY_CONFLICT,
    Outcome.REFUSED: RefundOutcome.REFUSED,
    Outcome.DECLINED: RefundOutcome.REFUSED,
}


def classify_refund(*, status: str) -> RefundOutcome:
    """Return what a refund's status means; a status that we do not know is UNKNOWN."""
    return REFUND_STATUS.get(status, RefundOutcome.UNKNOWN)


def classify_refund_error(error: Outcome) -> RefundOutcome:
    """Return what an error's outcome (classify_error) means for a refund."""
    return REFUND_ERROR.get(error, RefundOutcome.UNKNOWN)
