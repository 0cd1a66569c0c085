"""Staff pages of parcels, of what carriers tell of them, and of what came back."""

from django.contrib import admin

from fulfillment import models
from globalmart.core.admin import HouseAdmin, HouseInline, chip


class ShipmentLineInline(HouseInline):
    model = models.ShipmentLine


class ShipmentEventInline(HouseInline):
    model = models.ShipmentEvent
    ordering = ("occurred_at",)


@admin.register(models.Shipment)
class ShipmentAdmin(HouseAdmin):
    list_display = ("public_id", "order", chip(), "carrier", "tracking_number", "shipped_at")
    list_filter = ("state", "carrier", "warehouse")
    list_select_related = ("order",)
    search_fields = ("=public_id", "=tracking_number", "=order__number")
    ordering = ("-id",)
    inlines = (ShipmentLineInline, ShipmentEventInline)


@admin.register(models.ShipmentLine)
class ShipmentLineAdmin(HouseAdmin):
    list_display = ("shipment", "sku", "quantity")
    list_select_related = ("shipment",)
    search_fields = ("=sku",)
    ordering = ("-id",)


@admin.register(models.ShipmentEvent)
class ShipmentEventAdmin(HouseAdmin):
    list_display = ("shipment", chip(), "occurred_at", "description")
    list_filter = ("state",)
    list_select_related = ("shipment",)
    search_fields = ("=shipment__public_id", "=shipment__tracking_number")
    ordering = ("-id",)


@admin.register(models.ReturnReceipt)
class ReturnReceiptAdmin(HouseAdmin):
    list_display = ("receipt_id", "warehouse", "order", "sku", "quantity", "condition")
    list_filter = ("warehouse", "condition", ("order", admin.EmptyFieldListFilter))
    list_select_related = ("warehouse", "order")
    search_fields = ("=receipt_id", "=rma", "=reference", "=order__number")
    ordering = ("-id",)
