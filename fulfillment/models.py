"""What can be promised and shipped: warehouses, stock, reservations, requests, shipments."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from fulfillment.states import FulfillmentState, ReservationState, ShipmentState
from globalmart.core.db import LockingQuerySet, WorkQuerySet, WorkRow


class Warehouse(WorkRow):
    """A warehouse and where its change list was read to. Due means: poll it."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(default=1)
    is_active = models.BooleanField(default=True)
    poll_cursor = models.CharField(max_length=100, blank=True, default="")
    polled_at = models.DateTimeField(null=True, blank=True)

    objects = WorkQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Stock(models.Model):
    """Units of a SKU in a warehouse; what can be sold is on_hand - reserved."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="stock")
    # Text, not a key to the product: an order line's foreign key would make this hot row a
    # multixact, and a warehouse may count what the shop does not sell.
    sku = models.CharField(max_length=40)
    on_hand = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)

    objects = LockingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.UniqueConstraint(fields=["warehouse", "sku"], name="one_stock_row_per_sku"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(on_hand__gte=F("reserved")),
                name="stock_never_oversold",
            ),
        ]
        indexes = [models.Index(fields=["sku"], name="stock_sku")]

    def __str__(self) -> str:
        return f"{self.sku} in {self.warehouse_id}"


class StockAdjustment(models.Model):
    """A change of on_hand by hand or by an import, with its reason. Append-only."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")
    sku = models.CharField(max_length=40)
    delta = models.IntegerField()
    reason = models.CharField(max_length=100)
    actor = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.delta:+d} {self.sku}: {self.reason}"


class Reservation(models.Model):
    """Units of a SKU that belong to an order until they ship or are given back."""

    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    # Of a reservation of 5 of which 2 have shipped, `shipped` is 2 and 3 are still reserved.
    shipped = models.PositiveIntegerField(default=0)
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
        ]
        indexes = [
            models.Index(
                fields=["warehouse", "sku"],
                name="reservation_open",
                condition=Q(state__in=["held", "committed"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku} for order {self.order_id}"


class Fulfillment(WorkRow):
    """A request to one warehouse to ship lines of an order. Due means: send or look up."""

    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="fulfillments")
    reference = models.CharField(max_length=40, unique=True)
    sequence = models.PositiveSmallIntegerField(default=1)
    order_number = models.CharField(max_length=20)
    service = models.CharField(max_length=30)
    # Personal, so kept here once and never in timeline or outbox.
    ship_to = models.JSONField()
    state = models.CharField(
        max_length=30, choices=FulfillmentState.choices, default=FulfillmentState.PLANNED
    )
    wms_number = models.CharField(max_length=64, blank=True, default="")
    # Whether the order is on hold; what has left for the warehouse by then stays there.
    is_held = models.BooleanField(default=False, db_default=False)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    # Two look-ups without a find, 60 s apart, before the same reference is sent again.
    absent_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    state_changed_at = models.DateTimeField(db_default=Now())

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "warehouse", "sequence"], name="one_fulfillment_per_sequence"
            ),
            models.CheckConstraint(
                condition=Q(state__in=FulfillmentState.values), name="fulfillment_state_known"
            ),
            # Only what is ready is sent, and only what is due is looked at.
            models.CheckConstraint(
                condition=~Q(is_held=True, state=FulfillmentState.READY), name="held_is_not_ready"
            ),
            models.CheckConstraint(
                condition=~Q(state=FulfillmentState.ON_HOLD) | Q(is_held=True, due_at__isnull=True),
                name="on_hold_waits_for_release",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="fulfillment_due", condition=Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class FulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.PROTECT, related_name="lines")
    sku = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    shipped = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fulfillment", "sku"], name="one_line_per_sku"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(shipped__lte=F("quantity")),
                name="shipped_within_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"


class Shipment(models.Model):
    """A parcel that left a warehouse."""

    public_id = models.CharField(max_length=40, unique=True)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.PROTECT, related_name="shipments")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")
    wms_shipment_id = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=ShipmentState.choices, default=ShipmentState.LABEL_CREATED
    )
    carrier = models.CharField(max_length=500, blank=True, default="")
    tracking_number = models.CharField(max_length=500, blank=True, default="")
    tracking_url = models.URLField(max_length=500, blank=True, default="")
    shipped_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["warehouse", "wms_shipment_id"], name="one_shipment_per_warehouse_id"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ShipmentState.values), name="shipment_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class ShipmentLine(models.Model):
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="lines")
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "sku"], name="one_shipment_line_per_sku"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="shipment_line_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"
