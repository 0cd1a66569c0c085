"""Stock: what is on hand, who has it reserved, and every change that a parcel does not explain."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from fulfillment.models.warehouses import Warehouse
from fulfillment.states import ReservationState
from globalmart.core.db import LockingQuerySet


class Stock(models.Model):
    """Units of a SKU in a warehouse; what can be sold is on_hand - reserved."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="stock")
    # Text, not a key to the product: an order line's foreign key would make this hot row a
    # multixact, and a warehouse may count what the shop does not sell.
    sku = models.CharField(max_length=40)
    on_hand = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)
    # Units that left or broke, and that by all we had heard were not there: the next ones that
    # arrive are these, and no news of more.
    overdrawn = models.IntegerField(default=0, db_default=0)
    # The warehouse's count that was last written here, and the time it is true of.
    counted = models.PositiveIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    count_id = models.CharField(max_length=64, blank=True, default="", db_default="")

    objects = LockingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.UniqueConstraint(fields=["warehouse", "sku"], name="one_stock_row_per_sku"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(on_hand__gte=F("reserved")),
                name="stock_never_oversold",
            ),
            models.CheckConstraint(
                condition=Q(overdrawn=0) | Q(overdrawn__gt=0, on_hand=0), name="overdrawn_is_empty"
            ),
        ]
        indexes = [models.Index(fields=["sku"], name="stock_sku")]

    def __str__(self) -> str:
        return f"{self.sku} in {self.warehouse_id}"


class StockAdjustment(models.Model):
    """A change of on_hand that no parcel explains, with its reason. Append-only."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")
    sku = models.CharField(max_length=40)
    delta = models.IntegerField()
    reason = models.CharField(max_length=100)
    actor = models.CharField(max_length=80)
    # The warehouse's own id of the change, and when it happened there. Without a time it corrects
    # our books alone, and says nothing of the shelf.
    source_id = models.CharField(max_length=80, blank=True, default="", db_default="")
    occurred_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["warehouse", "source_id", "sku"],
                condition=~Q(source_id=""),
                name="one_adjustment_per_source",
            ),
        ]
        indexes = [
            models.Index(fields=["warehouse", "occurred_at"], name="adjustment_moment"),
        ]

    def __str__(self) -> str:
        return f"{self.delta:+d} {self.sku}: {self.reason}"


class Reservation(models.Model):
    """Units of a SKU that belong to an order until they ship or are given back."""

    order = models.ForeignKey(
        "orders.Order",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # one_reservation_per_sku begins with it
    )
    # The partial indexes below begin with it; only closing a warehouse would ask for all.
    warehouse = models.ForeignKey(
        Warehouse, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    # Of a reservation of 5 of which 2 have shipped, `shipped` is 2 and 3 are still reserved.
    shipped = models.PositiveIntegerField(default=0)
    # The day on which the goods were promised to leave: back-orders are filled oldest first.
    promised_on = models.DateField(null=True, blank=True)
    backordered_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=12, choices=ReservationState.choices, default=ReservationState.HELD
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "warehouse", "sku"], name="one_reservation_per_sku"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(shipped__lte=F("quantity")),
                name="reservation_quantity",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ReservationState.values), name="reservation_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=ReservationState.BACKORDERED) | Q(backordered_at__isnull=False),
                name="backordered_since_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["warehouse", "sku"],
                name="reservation_open",
                condition=Q(state__in=["held", "committed"]),
            ),
            models.Index(
                fields=["warehouse", "sku"],
                name="reservation_backordered",
                condition=Q(state="backordered"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku} for order {self.order_id}"
