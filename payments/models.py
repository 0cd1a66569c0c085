"""Money of orders: one account per order, attempts, operations sent to Stripe, the ledger."""

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
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
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
    payment_method = models.CharField(max_length=255, blank=True, default="")
    stripe_intent_id = models.CharField(max_length=255, null=True, blank=True, unique=True)  # noqa: DJ001 - unique
    decline_code = models.CharField(max_length=60, blank=True, default="")
    declines = models.PositiveSmallIntegerField(default=0)
    capture_before = models.DateTimeField(null=True, blank=True)
    # When the poller looks the intent up again, whatever webhooks say.
    next_check_at = models.DateTimeField(null=True, blank=True)
    checks = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    state_changed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
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
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                name="attempt_to_check",
                condition=Q(next_check_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of order {self.order_id}"


class PaymentOperation(WorkRow):
    """One call to Stripe: its frozen request and its own key are stored before bytes leave."""

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="operations")
    kind = models.CharField(max_length=10, choices=OperationKind.choices)
    number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(
        max_length=10, choices=OperationState.choices, default=OperationState.PLANNED
    )
    amount_minor = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=80, unique=True)
    request = models.JSONField(default=dict)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "kind", "number"], name="one_operation_per_number"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OperationState.values), name="operation_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="operation_amount"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="operation_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of attempt {self.attempt_id}"


class LedgerEntry(models.Model):
    """One side of a booking. The entries of a transaction sum to zero; rows never change."""

    txn = models.UUIDField(db_index=True)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=40)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    booked_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["account", "currency"], name="ledger_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


class StripeEvent(WorkRow):
    """The webhook inbox: stored before anything else, one row per event id."""

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=80)
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
