"""Goods that come back: what was asked back, what has come, and what was decided about it."""

from django.db import models
from django.db.models import Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order, OrderLine
from orders.models.withdrawals import Withdrawal
from orders.states import (
    ABSENT,
    CAME,
    OPEN_RETURNS,
    Decision,
    Disposition,
    Reception,
    ReturnKind,
    ReturnState,
)

TAKEN = (Disposition.RESTOCK, Disposition.REFURBISH, Disposition.SCRAP)
_UNDECIDED = Q(decision__in=(Decision.PENDING, Decision.NEEDS_REVIEW), disposition="")
_ACCEPTED = Q(decision=Decision.ACCEPTED) & (
    Q(reception__in=CAME, disposition__in=TAKEN)
    | Q(reception=Reception.LOST_IN_TRANSIT, disposition="")
)
_REJECTED = Q(decision=Decision.REJECTED) & (
    Q(reception__in=CAME, disposition=Disposition.RETURN_TO_CUSTOMER)
    | Q(reception__in=ABSENT, disposition="")
)


class Return(models.Model):
    """A permission to send goods back (RMA). Who asks is an actor as in the timeline.

    `reason` and `note` hold no personal values. `requested_at` is the time of receipt (UTC): of a
    withdrawal it is the customer's proof. The goods are awaited until `goods_due_at`.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns")
    withdrawal = models.ForeignKey(
        Withdrawal, on_delete=models.PROTECT, null=True, blank=True, related_name="returns"
    )
    number = models.CharField(max_length=20, unique=True)
    # Of the form that asked: pressed twice, it asks once.
    uuid = models.UUIDField(unique=True)
    kind = models.CharField(max_length=12, choices=ReturnKind.choices, default=ReturnKind.RETURN)
    state = models.CharField(
        max_length=20, choices=ReturnState.choices, default=ReturnState.REQUESTED
    )
    version = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=200)
    # How the customer sends them: with our label, or their own way.
    method = models.CharField(max_length=10, default="label")
    note = models.CharField(max_length=300, blank=True, default="")
    decline_reason = models.CharField(max_length=200, blank=True, default="")
    requested_by = models.CharField(max_length=80)
    requested_at = models.DateTimeField()
    goods_due_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("handle_return", "Can approve, receive and inspect returns"),)
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ReturnState.values), name="return_state_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ReturnKind.values), name="return_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(method__in=("label", "own")), name="return_method_known"
            ),
            # Directive 2011/83/EU, Art. 9: a withdrawal needs nobody's permission.
            models.CheckConstraint(
                condition=Q(kind=ReturnKind.RETURN)
                | (
                    Q(withdrawal__isnull=False)
                    & ~Q(state__in=(ReturnState.REQUESTED, ReturnState.DECLINED))
                ),
                name="withdrawal_never_declined",
            ),
            models.CheckConstraint(
                condition=~Q(state=ReturnState.DECLINED) | ~Q(decline_reason=""),
                name="declined_return_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "state_changed_at"],
                name="return_open",
                condition=Q(state__in=OPEN_RETURNS),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ReturnLine(models.Model):
    """So many units of an order line that come back together.

    They share one reception, one decision and one disposition; where they do not, the row is split.
    `refund_uuid` is that of the refund that was asked for them, `is_settled` says that no further
    one will be.
    """

    rma = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="returns")
    quantity = models.PositiveIntegerField()
    reason = models.CharField(max_length=40)
    reception = models.CharField(
        max_length=20, choices=Reception.choices, default=Reception.AWAITING
    )
    decision = models.CharField(max_length=20, choices=Decision.choices, default=Decision.PENDING)
    disposition = models.CharField(
        max_length=20, choices=Disposition.choices, blank=True, default=""
    )
    is_settled = models.BooleanField(default=False)
    refund_uuid = models.UUIDField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="return_line_quantity"),
            models.CheckConstraint(
                condition=Q(reception__in=Reception.values), name="return_reception_known"
            ),
            models.CheckConstraint(
                condition=_UNDECIDED | _ACCEPTED | _REJECTED, name="return_decision_fits_goods"
            ),
            models.CheckConstraint(
                condition=Q(refund_uuid__isnull=True)
                | Q(decision=Decision.ACCEPTED, is_settled=True),
                name="only_accepted_units_are_refunded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"


class ReturnReception(models.Model):
    """What arrived for a return: told by the warehouse (`receipt_id`), or noted by hand."""

    rma = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="receptions")
    # The warehouse's receipt in the fulfillment app: each counts once.
    receipt_id = models.BigIntegerField(null=True, blank=True, unique=True)
    uuid = models.UUIDField(null=True, blank=True, unique=True)
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    condition = models.CharField(max_length=40, blank=True, default="")
    recorded_by = models.CharField(max_length=80)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="return_reception_quantity"),
            models.CheckConstraint(
                condition=Q(receipt_id__isnull=False) | Q(uuid__isnull=False),
                name="return_reception_counts_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku} for return {self.rma_id}"
