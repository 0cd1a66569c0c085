"""Wishes to put a placed order right, and what became of each."""

from django.db import models
from django.db.models import Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order
from orders.states import CorrectionKind, CorrectionState


class OrderCorrection(models.Model):
    """Somebody wants an order put right. Who asks is an actor as in the timeline.

    The order itself holds the truth: `wanted` is kept only until it is decided.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=10, choices=CorrectionKind.choices)
    state = models.CharField(
        max_length=10, choices=CorrectionState.choices, default=CorrectionState.REQUESTED
    )
    # Personal, so kept here and never in timeline or outbox.
    wanted = models.JSONField(default=dict, blank=True)
    # Where the customer was reached before: told once that this has changed.
    former_email = models.EmailField(max_length=254, blank=True, default="")
    reason = models.CharField(max_length=200, blank=True, default="")
    requested_by = models.CharField(max_length=80)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("correct_order", "Can correct contact and address of orders"),)
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state=CorrectionState.REQUESTED, kind=CorrectionKind.ADDRESS),
                name="one_open_correction",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CorrectionKind.values), name="correction_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=CorrectionState.values), name="correction_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=CorrectionState.REQUESTED, decided_at__isnull=True)
                | (~Q(state=CorrectionState.REQUESTED) & Q(decided_at__isnull=False, wanted={})),
                name="decided_correction_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} correction of order {self.order_id}"
