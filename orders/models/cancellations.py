"""Wishes to cancel an order, and what became of each."""

from django.db import models
from django.db.models import F, Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order, OrderLine
from orders.states import CancellationState


class OrderCancellation(models.Model):
    """Somebody wants the order cancelled: all of it, or the units that `lines` name.

    Who asks is an actor as in the timeline.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="cancellations")
    state = models.CharField(
        max_length=12, choices=CancellationState.choices, default=CancellationState.REQUESTED
    )
    is_whole = models.BooleanField(default=True, db_default=True)
    reason = models.CharField(max_length=200)
    requested_by = models.CharField(max_length=80)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("cancel_order", "Can cancel orders"),)
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state=CancellationState.REQUESTED),
                name="one_open_cancellation",
            ),
            models.CheckConstraint(
                condition=Q(state__in=CancellationState.values), name="cancellation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=CancellationState.REQUESTED, decided_at__isnull=True)
                | (~Q(state=CancellationState.REQUESTED) & Q(decided_at__isnull=False)),
                name="decided_cancellation_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} cancellation of order {self.order_id}"


class CancellationLine(models.Model):
    """So many units of a line that nobody wants any more, and how many of them were given up."""

    cancellation = models.ForeignKey(
        OrderCancellation, on_delete=models.PROTECT, related_name="lines"
    )
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    given_up = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cancellation", "line"], name="one_cancellation_per_line"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(given_up__lte=F("quantity")),
                name="cancelled_line_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"
