"""Refunds: objects of their own, whose amount is reserved from approval to the end."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from payments.models.accounts import PaymentAttempt
from payments.states import REFUND_BEFORE_APPROVAL, RefundState


class Refund(models.Model):
    """Money that goes back to the customer for one attempt. Minor units."""

    class Reason(models.TextChoices):
        REQUESTED = "requested_by_customer"
        RETURNED = "returned"
        CANCELLED = "cancelled"
        DUPLICATE = "duplicate"
        LATE_PAYMENT = "late_payment"
        GOODWILL = "goodwill"
        EXTERNAL = "external"

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="refunds")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    state = models.CharField(
        max_length=20, choices=RefundState.choices, default=RefundState.REQUESTED
    )
    reason = models.CharField(max_length=30, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True, default="")
    requested_by = models.CharField(max_length=60)
    approved_by = models.CharField(max_length=60, blank=True, default="")
    # Frozen when requested: the limit may change while the refund waits.
    needs_second_person = models.BooleanField(default=False)
    stripe_refund_id = models.CharField(max_length=255, null=True, blank=True, unique=True)  # noqa: DJ001 - unique
    failure_code = models.CharField(max_length=60, blank=True, default="")
    # When the poller looks the refund up again, whatever webhooks say.
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    state_changed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("refund_payment", "Can refund payments"),)
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(state__in=RefundState.values), name="refund_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=REFUND_BEFORE_APPROVAL) | ~Q(approved_by=""),
                name="refund_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(needs_second_person=False)
                | Q(approved_by="")
                | ~Q(approved_by=F("requested_by")),
                name="refund_second_person",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                name="refund_to_check",
                condition=Q(next_check_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"refund of {self.amount_minor} {self.currency} for order {self.order_id}"


class RefundItem(models.Model):
    """What a part of a refund is for; the items of a refund sum to its amount."""

    class Kind(models.TextChoices):
        LINE = "line"
        SHIPPING = "shipping"
        AMOUNT = "amount"

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # The order line's position; its quantity may be 0 where only its price is lowered.
    line = models.PositiveIntegerField(null=True, blank=True)
    quantity = models.PositiveIntegerField(default=0)
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="refund_item_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(kind="line", line__isnull=False)
                | (~Q(kind="line") & Q(line__isnull=True, quantity=0)),
                name="refund_item_names_its_line",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"
