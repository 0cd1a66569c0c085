"""State machines of payment attempts and operations, with the age past which a state alarms."""

from datetime import timedelta

from django.db import models

from globalmart.core.states import Ages, Table


class AttemptState(models.TextChoices):
    CREATED = "created"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    UNKNOWN = "unknown"
    AUTHORIZED = "authorized"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


A = AttemptState
# A late definite answer may jump: a webhook can tell of the capture before the answer to the
# confirmation is known, so every open state leads to every definite one.
_DEFINITE = frozenset({A.AUTHORIZED, A.CAPTURED, A.FAILED, A.CANCELLED, A.EXPIRED})
ATTEMPT: Table = {
    A.CREATED: frozenset({A.PROCESSING, A.REQUIRES_ACTION, A.UNKNOWN}) | _DEFINITE,
    A.PROCESSING: frozenset({A.CREATED, A.REQUIRES_ACTION, A.UNKNOWN}) | _DEFINITE,
    A.REQUIRES_ACTION: frozenset({A.CREATED, A.PROCESSING, A.UNKNOWN}) | _DEFINITE,
    A.UNKNOWN: frozenset({A.CREATED, A.PROCESSING, A.REQUIRES_ACTION}) | _DEFINITE,
    A.AUTHORIZED: frozenset({A.PARTIALLY_CAPTURED, A.CAPTURED, A.CANCELLED, A.EXPIRED}),
    A.PARTIALLY_CAPTURED: frozenset({A.CAPTURED}),
}
# Captured is live (the order is paid by it), though nothing follows it here.
LIVE = (
    A.CREATED,
    A.PROCESSING,
    A.REQUIRES_ACTION,
    A.UNKNOWN,
    A.AUTHORIZED,
    A.PARTIALLY_CAPTURED,
    A.CAPTURED,
)
OPEN = (A.CREATED, A.PROCESSING, A.REQUIRES_ACTION, A.UNKNOWN)
ATTEMPT_AGE: Ages = {
    A.CREATED: timedelta(hours=1),
    A.PROCESSING: timedelta(hours=1),
    A.REQUIRES_ACTION: timedelta(hours=2),
    A.UNKNOWN: timedelta(minutes=15),
    # Card networks hold an online payment for seven days; alarm a day before.
    A.AUTHORIZED: timedelta(days=6),
    A.PARTIALLY_CAPTURED: timedelta(days=6),
}


# So many declines end an attempt in the browser, and then the order waits a while.
MOST_DECLINES = 5
# An attempt with a purpose that begins so holds money that came too late: it is given back.
LATE = "late:"


class OperationState(models.TextChoices):
    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    DECLINED = "declined"
    REFUSED = "refused"


O = OperationState  # noqa: E741 - the table reads better with one letter
# Planned again after a 429, it can still hear the late answer of an earlier sending.
OPERATION: Table = {
    O.PLANNED: frozenset({O.SENT, O.UNKNOWN, O.DONE, O.DECLINED, O.REFUSED}),
    O.SENT: frozenset({O.PLANNED, O.UNKNOWN, O.DONE, O.DECLINED, O.REFUSED}),
    O.UNKNOWN: frozenset({O.PLANNED, O.SENT, O.DONE, O.DECLINED, O.REFUSED}),
}
OPERATION_AGE: Ages = {
    O.PLANNED: timedelta(minutes=15),
    O.SENT: timedelta(minutes=5),
    O.UNKNOWN: timedelta(minutes=15),
}


class OperationKind(models.TextChoices):
    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class RefundState(models.TextChoices):
    REQUESTED = "requested"
    APPROVED = "approved"
    PROCESSING = "processing"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MANUAL = "manual"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXTERNAL = "external"


R = RefundState
_TOLD = frozenset({R.PENDING, R.REQUIRES_ACTION, R.SUCCEEDED, R.FAILED, R.CANCELLED})
# A refund that succeeded can still fail later: the customer's bank sends the money back.
REFUND: Table = {
    R.REQUESTED: frozenset({R.APPROVED, R.REJECTED, R.CANCELLED}),
    R.APPROVED: frozenset({R.PROCESSING, R.CANCELLED}),
    R.PROCESSING: frozenset({R.UNKNOWN}) | _TOLD,
    R.UNKNOWN: frozenset({R.PROCESSING}) | _TOLD,
    R.PENDING: _TOLD - {R.PENDING},
    R.REQUIRES_ACTION: _TOLD - {R.REQUIRES_ACTION},
    R.SUCCEEDED: frozenset({R.FAILED}),
    # Cancelled where nothing is owed any more: the customer got it back by another refund.
    R.FAILED: frozenset({R.PROCESSING, R.MANUAL, R.CANCELLED}),
    R.MANUAL: frozenset({R.SUCCEEDED}),
    R.EXTERNAL: _TOLD,
}
REFUND_BEFORE_APPROVAL = (R.REQUESTED, R.REJECTED, R.CANCELLED)
# In these states its amount is reserved against what was captured.
REFUND_RESERVED = (R.APPROVED, R.PROCESSING, R.UNKNOWN, R.PENDING, R.REQUIRES_ACTION, R.MANUAL)
REFUND_AGE: Ages = {
    R.REQUESTED: timedelta(days=2),
    R.APPROVED: timedelta(minutes=15),
    R.PROCESSING: timedelta(minutes=15),
    R.UNKNOWN: timedelta(minutes=15),
    # Banks take up to ten days; Stripe says that most refunds arrive within five to ten.
    R.PENDING: timedelta(days=10),
    R.REQUIRES_ACTION: timedelta(days=2),
    R.FAILED: timedelta(minutes=5),
    R.MANUAL: timedelta(days=2),
    R.EXTERNAL: timedelta(minutes=15),
}


class DisputeState(models.TextChoices):
    WARNING = "warning"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


D = DisputeState
DISPUTE: Table = {
    # An inquiry that is closed without a chargeback counts as won.
    D.WARNING: frozenset({D.NEEDS_RESPONSE, D.UNDER_REVIEW, D.WON, D.LOST}),
    D.NEEDS_RESPONSE: frozenset({D.UNDER_REVIEW, D.WON, D.LOST}),
    D.UNDER_REVIEW: frozenset({D.NEEDS_RESPONSE, D.WON, D.LOST}),
}
DISPUTE_AGE: Ages = {
    D.WARNING: timedelta(days=5),
    D.NEEDS_RESPONSE: timedelta(days=5),
    # The bank decides; Stripe says two to three months.
    D.UNDER_REVIEW: timedelta(days=90),
}


class CaseKind(models.TextChoices):
    """What does not fit. The first six are what a comparison with Stripe can find."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    STATE = "state"
    DUPLICATE = "duplicate"
    ORPHAN_HOLD = "orphan_hold"
    BALANCE = "balance"
    LATE_PAYMENT = "late_payment"
    REFUND_FAILED = "refund_failed"
    EXTERNAL_REFUND = "external_refund"
    DISPUTE = "dispute"
    FRAUD_WARNING = "fraud_warning"
