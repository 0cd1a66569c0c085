"""Parcels, what carriers tell of them, and what came back."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from fulfillment.models.expressions import tracking_key
from fulfillment.models.requests import Fulfillment
from fulfillment.models.warehouses import Warehouse
from fulfillment.states import SHIPMENT_AGE, ShipmentState


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
    # When the carrier last said what its state is.
    state_changed_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)
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
        indexes = [
            # The watchdog's.
            models.Index(
                fields=["state", "state_changed_at"],
                name="shipment_open",
                condition=Q(state__in=sorted(SHIPMENT_AGE)),
            ),
            models.Index(fields=["warehouse", "shipped_at"], name="shipment_moment"),
            # What customers and carriers quote; see queries/finding.
            models.Index(
                tracking_key(), name="shipment_tracking", condition=~Q(tracking_number="")
            ),
            models.Index(fields=["wms_shipment_id"], name="shipment_wms_id"),
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


class ShipmentEvent(models.Model):
    """What a carrier told of a parcel. Kept as it came, also when it tells of the past."""

    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="events")
    # The carrier's own id; the warehouse passes it on.
    event_id = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=ShipmentState.choices)
    description = models.CharField(max_length=300, blank=True, default="")
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shipment", "event_id"], name="one_shipment_event_per_id"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ShipmentState.values), name="shipment_event_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} at {self.occurred_at:%F %T}"


class ReturnReceipt(models.Model):
    """What a warehouse took back. One that names no order of ours is for staff."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+")
    receipt_id = models.CharField(max_length=64)
    rma = models.CharField(max_length=64, blank=True, default="")
    reference = models.CharField(max_length=64, blank=True, default="")
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    sku = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()
    condition = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["warehouse", "receipt_id"], name="one_return_per_receipt_id"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="return_quantity"),
        ]
        indexes = [models.Index(fields=["rma"], name="return_rma", condition=~Q(rma=""))]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}, {self.condition}"
