"""Goods that the warehouse could not ship, and what the customer chose."""

from django.db import models
from django.db.models import F, Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import OrderLine
from orders.states import ShortageState


class OrderShortage(models.Model):
    """So many units of a line that a warehouse closed short, or that its count took back."""

    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="shortages")
    # The warehouse's request that was closed short: one shortage per request and line. Of a count
    # the warehouse and what it lacks of.
    fulfillment_id = models.BigIntegerField(null=True, blank=True)
    warehouse_id = models.BigIntegerField(null=True, blank=True)
    sku = models.CharField(max_length=40, blank=True, default="", db_default="")
    quantity = models.PositiveIntegerField()
    reason = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(
        max_length=12, choices=ShortageState.choices, default=ShortageState.OPEN
    )
    # What is sent instead, at the price of the line.
    substitute_sku = models.CharField(max_length=40, blank=True, default="")
    substitute_name = models.CharField(max_length=200, blank=True, default="")
    substitute_shipped = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()
    # An actor as in the timeline; empty while nobody has chosen.
    chosen_by = models.CharField(max_length=80, blank=True, default="")

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("settle_shortage", "Can choose for a customer whose goods are missing"),)
        constraints = [
            models.UniqueConstraint(
                fields=["line", "fulfillment_id"], name="one_shortage_per_request_and_line"
            ),
            models.UniqueConstraint(
                fields=["line", "warehouse_id", "sku"],
                condition=Q(state__in=["open", "waiting"], fulfillment_id__isnull=True),
                name="one_open_shortage_per_backorder",
            ),
            models.CheckConstraint(
                condition=Q(fulfillment_id__isnull=False, warehouse_id__isnull=True, sku="")
                | (Q(fulfillment_id__isnull=True, warehouse_id__isnull=False) & ~Q(sku="")),
                name="shortage_says_where",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ShortageState.values), name="shortage_state_known"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(substitute_shipped__lte=F("quantity")),
                name="shortage_quantity",
            ),
            models.CheckConstraint(
                condition=Q(state=ShortageState.OPEN) | ~Q(chosen_by=""),
                name="chosen_shortage_says_who",
            ),
            models.CheckConstraint(
                condition=~Q(state=ShortageState.SUBSTITUTED) | ~Q(substitute_sku=""),
                name="substituted_shortage_says_what",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "state_changed_at"],
                name="shortage_open",
                condition=Q(state__in=["open", "waiting"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} short on line {self.line_id}"
