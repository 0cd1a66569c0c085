"""Holds: reasons why nothing of an order may leave. Rows of their own, not a state."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order
from orders.states import RELEASED_BY_SYSTEM, HoldBlocks, HoldKind


class OrderHold(models.Model):
    """While one is open the order's requests do not go to the warehouse.

    Who places and who releases is an actor as in the timeline.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=20, choices=HoldKind.choices)
    reason = models.CharField(max_length=300)
    blocks = models.CharField(
        max_length=10,
        choices=HoldBlocks.choices,
        default=HoldBlocks.SHIPPING,
        db_default=HoldBlocks.SHIPPING,
    )
    # Who sees to it that it ends, and when it ends by itself if nobody does (UTC).
    owner = models.CharField(max_length=80, blank=True, default="", db_default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    placed_by = models.CharField(max_length=80)
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=80, blank=True, default="")
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=300, blank=True, default="")

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [("hold_order", "Can hold orders and release holds")]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind"],
                condition=Q(released_at__isnull=True),
                name="one_open_hold_per_kind",
            ),
            models.CheckConstraint(condition=Q(kind__in=HoldKind.values), name="hold_kind_known"),
            models.CheckConstraint(
                condition=Q(blocks__in=HoldBlocks.values), name="hold_blocks_known"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, released_by="", release_reason="")
                | (Q(released_at__isnull=False) & ~Q(released_by="") & ~Q(release_reason="")),
                name="released_hold_says_who_and_why",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=RELEASED_BY_SYSTEM)
                | Q(released_by="")
                | Q(released_by__startswith="staff:")
                | Q(expires_at__isnull=False, released_at__gte=F("expires_at")),
                name="hold_released_by_who_may",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} hold of order {self.order_id}"
