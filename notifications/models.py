"""Messages to customers: the row is written before anything is sent, once per event."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import WorkQuerySet, WorkRow
from notifications.states import MessageState


class Message(WorkRow):
    """One message about one event to one recipient by one channel."""

    class Channel(models.TextChoices):
        EMAIL = "email"
        SMS = "sms"

    event_id = models.UUIDField()
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipient = models.CharField(max_length=254)
    state = models.CharField(
        max_length=20, choices=MessageState.choices, default=MessageState.QUEUED
    )
    # Ids of what the message is about, as the shipment of a dispatch.
    data = models.JSONField(default=dict)
    provider_id = models.CharField(max_length=120, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    state_changed_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event_id", "recipient", "channel"], name="one_message_per_event"
            ),
            models.CheckConstraint(
                condition=Q(state__in=MessageState.values), name="message_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="message_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["order"], name="message_order"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}"
