"""Chargebacks, and the card networks' early warnings of fraud."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from payments.models.accounts import PaymentAttempt
from payments.states import DisputeState


class Dispute(models.Model):
    """The customer's bank asks for captured money back. Minor units."""

    stripe_id = models.CharField(max_length=255, unique=True)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="disputes")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=20, choices=DisputeState.choices)
    reason = models.CharField(max_length=60, blank=True, default="")
    evidence_due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    state_changed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DisputeState.values), name="dispute_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="dispute_amount"),
        ]

    def __str__(self) -> str:
        return f"dispute {self.stripe_id}"


class FraudWarning(models.Model):
    """The network says that a payment is probably fraudulent; a dispute may follow."""

    stripe_id = models.CharField(max_length=255, unique=True)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, related_name="fraud_warnings"
    )
    kind = models.CharField(max_length=60)
    is_actionable = models.BooleanField()
    warned_at = models.DateTimeField()

    objects = LockingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"fraud warning {self.stripe_id}"
