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
