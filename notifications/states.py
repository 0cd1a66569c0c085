"""The state machine of a message, with the age past which a state alarms."""

from datetime import timedelta

from django.db import models

from globalmart.core.states import Ages, Table


class MessageState(models.TextChoices):
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


M = MessageState
MESSAGE: Table = {
    M.QUEUED: frozenset({M.SENDING, M.SUPPRESSED}),
    M.SENDING: frozenset({M.QUEUED, M.ACCEPTED, M.FAILED, M.UNKNOWN}),
    M.UNKNOWN: frozenset({M.SENDING, M.ACCEPTED, M.DELIVERED, M.FAILED}),
    M.ACCEPTED: frozenset({M.DELIVERED, M.DEFERRED, M.BOUNCED, M.UNDELIVERED}),
    M.DEFERRED: frozenset({M.DELIVERED, M.BOUNCED, M.UNDELIVERED}),
}
# Accepted is where this release's knowledge ends: delivery reports are not read yet.
MESSAGE_AGE: Ages = {
    M.QUEUED: timedelta(minutes=30),
    M.SENDING: timedelta(minutes=5),
    M.UNKNOWN: timedelta(hours=1),
}
