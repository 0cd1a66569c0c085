"""Money of orders: one account per order, attempts to pay, operations sent to Stripe."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet, WorkQuerySet, WorkRow
from payments.states import LIVE, AttemptState, OperationKind, OperationState


class OrderAccount(models.Model):
    """The order's money in one row; every change of it locks this row first. Minor units."""

    order = models.OneToOneField("orders.Order", on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    due_minor = models.BigIntegerField()
    authorized_minor = models.BigIntegerField(default=0)
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    refund_reserved_minor = models.BigIntegerField(default=0)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(due_minor__gte=0)
                & Q(authorized_minor__gte=0)
                & Q(captured_minor__gte=0)
                & Q(refunded_minor__gte=0)
                & Q(refund_reserved_minor__gte=0),
                name="account_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(captured_minor__lte=F("authorized_minor")),
                name="captured_within_authorized",
            ),
            models.CheckConstraint(
                condition=Q(captured_minor__gte=F("refunded_minor") + F("refund_reserved_minor")),
                name="refunded_within_captured",
            ),
        ]

    def __str__(self) -> str:
        return f"account of order {self.order_id}"


class PaymentAttempt(models.Model):
    """One try to pay for a purpose. At most one is live per (order, purpose)."""

    class Mode(models.TextChoices):
        SERVER = "server"
        BROWSER = "browser"

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # one_attempt_per_number begins with it
    )
    purpose = models.CharField(max_length=40, default="order")
    number = models.PositiveSmallIntegerField(default=1)
    mode = models.CharField(max_length=10, choices=Mode.choices)
    state = models.CharField(
        max_length=20, choices=AttemptState.choices, default=AttemptState.CREATED
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    authorized_minor = models.BigIntegerField(default=0)
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    refund_reserved_minor = models.BigIntegerField(default=0)
    # How much is to be captured in all, once the captures under way are through.
    capture_target_minor = models.BigIntegerField(default=0)
    # Whether the card lets one hold be captured in several parts.
    is_multicapture = models.BooleanField(default=False)
    payment_method = models.CharField(max_length=255, blank=True, default="")
    stripe_intent_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - unique
    # The charge that the intent last made: what receipts and Stripe's own pages are found by.
    stripe_charge_id = models.CharField(max_length=255, blank=True, default="", db_default="")
    decline_code = models.CharField(max_length=60, blank=True, default="")
    declines = models.PositiveSmallIntegerField(default=0)
    # What the last decline that was counted is known by at Stripe: told twice, it counts once.
    last_decline_id = models.CharField(max_length=255, blank=True, default="")
    capture_before = models.DateTimeField(null=True, blank=True)
    # When the poller looks the intent up again, whatever webhooks say.
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    state_changed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_intent_id"], name="one_attempt_per_intent"),
            models.UniqueConstraint(
                fields=["order", "purpose"],
                condition=Q(state__in=LIVE),
                name="one_live_attempt_per_purpose",
            ),
            models.UniqueConstraint(
                fields=["order", "purpose", "number"], name="one_attempt_per_number"
            ),
            models.CheckConstraint(
                condition=Q(state__in=AttemptState.values), name="attempt_state_known"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0)
                & Q(captured_minor__gte=0)
                & Q(captured_minor__lte=F("authorized_minor"))
                & Q(authorized_minor__lte=F("amount_minor")),
                name="attempt_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0)
                & Q(refund_reserved_minor__gte=0)
                & Q(captured_minor__gte=F("refunded_minor") + F("refund_reserved_minor")),
                name="attempt_refunded_within_captured",
            ),
            models.CheckConstraint(
                condition=Q(capture_target_minor__gte=0)
                & Q(capture_target_minor__lte=F("amount_minor")),
                name="attempt_capture_target_within_amount",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                name="attempt_to_check",
                condition=Q(next_check_at__isnull=False),
            ),
            # The comparison with Stripe reads by time, in pages, and asks what has moved lately.
            models.Index(fields=["created_at", "id"], name="attempt_began"),
            models.Index(fields=["state_changed_at"], name="attempt_moved"),
            models.Index(
                fields=["stripe_charge_id"],
                name="attempt_charge",
                condition=~Q(stripe_charge_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of order {self.order_id}"


class PaymentOperation(WorkRow):
    """One call to Stripe: its frozen request and its own key are stored before bytes leave."""

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt,
        on_delete=models.PROTECT,
        related_name="operations",
        db_index=False,  # one_operation_per_number begins with it
    )
    kind = models.CharField(max_length=10, choices=OperationKind.choices)
    refund = models.ForeignKey(
        "payments.Refund",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="operations",
    )
    number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(
        max_length=10, choices=OperationState.choices, default=OperationState.PLANNED
    )
    amount_minor = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=80)
    request = models.JSONField(default=dict)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="one_operation_per_key"),
            models.UniqueConstraint(
                fields=["attempt", "kind", "number"], name="one_operation_per_number"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OperationState.values), name="operation_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="operation_amount"),
            models.CheckConstraint(
                condition=Q(kind=OperationKind.REFUND, refund__isnull=False)
                | (~Q(kind=OperationKind.REFUND) & Q(refund__isnull=True)),
                name="refund_operation_has_refund",
            ),
            # Two captures, or two cancels, may never be under way for one hold.
            models.UniqueConstraint(
                fields=["attempt", "kind"],
                condition=Q(
                    kind__in=[OperationKind.CAPTURE, OperationKind.CANCEL],
                    finished_at__isnull=True,
                ),
                name="one_open_operation_per_kind",
            ),
            models.UniqueConstraint(
                fields=["refund"],
                condition=Q(finished_at__isnull=True),
                name="one_open_operation_per_refund",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="operation_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of attempt {self.attempt_id}"
