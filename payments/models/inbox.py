"""What Stripe told us, stored before anything else."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import WorkQuerySet, WorkRow


class StripeEvent(WorkRow):
    """The webhook inbox: stored before anything else, one row per event id."""

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=80)
    # The object that the event is about: a refund, a dispute, an intent.
    object_type = models.CharField(max_length=60, blank=True, default="")
    object_id = models.CharField(max_length=255, blank=True, default="")
    intent_id = models.CharField(max_length=255, blank=True, default="", db_index=True)
    is_live = models.BooleanField()
    created = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="stripe_event_due", condition=Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
