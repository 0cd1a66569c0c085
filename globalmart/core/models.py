"""Tables without a business word: API clients, idempotency keys, timeline, outbox, alerts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet, WorkQuerySet, WorkRow
from globalmart.core.ids import uuid7


class ApiClient(models.Model):
    """An integrator. `external_ref` of its orders and its idempotency keys are its own."""

    name = models.CharField(max_length=100, unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A bearer key of a client. Only its SHA-256 is stored; the key itself is shown once."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    is_live = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.client_id}"


class IdempotencyKey(models.Model):
    """One accepted answer per (scope, key), written in the transaction of its effect."""

    scope = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    response_status = models.PositiveSmallIntegerField(null=True)
    # Text, not jsonb, which would sort the fields: a replay is the same to the letter.
    response_body = models.TextField(default="")
    subject_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="one_answer_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.scope}/{self.key}"


class TimelineEntry(models.Model):
    """What happened to a subject, in order. Append-only (a trigger), no personal values."""

    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    kind = models.CharField(max_length=60)
    before = models.CharField(max_length=40, blank=True, default="")
    after = models.CharField(max_length=40, blank=True, default="")
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=300, blank=True, default="")
    data = models.JSONField(default=dict)
    correlation_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "timeline entries"
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "id"], name="timeline_subject")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject_type} {self.subject_id}"


class OutboxEvent(models.Model):
    """A fact, written in the transaction that made it true; the relay carries it out."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    correlation_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    position = models.BigIntegerField(null=True, blank=True, unique=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="outbox_unpublished", condition=Q(published_at__isnull=True)
            ),
            models.Index(fields=["subject_type", "subject_id"], name="outbox_subject"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, position__isnull=True)
                | Q(published_at__isnull=False, position__isnull=False),
                name="published_has_position",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.subject_type} {self.subject_id}"


class FeedCounter(models.Model):
    """The last position of the event feed: one row, locked while positions are given out."""

    name = models.CharField(max_length=20, primary_key=True, default="events")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Delivery(WorkRow):
    """One event for one consumer; done in the transaction of the consumer's own effect."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    event = models.ForeignKey(OutboxEvent, on_delete=models.PROTECT, related_name="deliveries")
    consumer = models.CharField(max_length=80)
    queue = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "consumer"], name="one_delivery_per_consumer"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "done", "dead"]), name="delivery_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "due_at"], name="delivery_due", condition=Q(state="pending")
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.consumer}"


class Alert(models.Model):
    """Something that a person must know. At most one is open per (kind, subject)."""

    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    detail = models.CharField(max_length=500)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_type", "subject_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_alert_per_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Heartbeat(models.Model):
    """A process that was alive at `beat_at`; worker liveness is known without Redis."""

    process = models.CharField(max_length=120, primary_key=True)
    kind = models.CharField(max_length=40)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.process


class TryCount(models.Model):
    """How often something limited was tried since `began_at`, by or on one subject.

    The subject (a client's address, an order's number) is kept as a keyed digest alone.
    """

    scope = models.CharField(max_length=40)
    subject_digest = models.CharField(max_length=64)
    tries = models.PositiveIntegerField(default=1)
    began_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "subject_digest"], name="one_count_per_subject"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tries} x {self.scope}"
