"""Staff pages of fulfillment: what the warehouse was asked, what it has, what left it."""

from django.contrib import admin

from fulfillment import models
from globalmart.core.admin import HouseAdmin, HouseInline, chip


@admin.register(models.Warehouse)
class WarehouseAdmin(HouseAdmin):
    list_display = ("name", "code", "priority", "is_active", "polled_at", "last_error")
    editable = ("name", "priority", "is_active")
    hidden = ("lease_token",)


@admin.register(models.Stock)
class StockAdmin(HouseAdmin):
    list_display = ("sku", "warehouse", "on_hand", "reserved", "left")
    list_filter = ("warehouse",)
    list_select_related = ("warehouse",)
    search_fields = ("=sku",)
    ordering = ("sku",)

    @admin.display(description="can be sold")
    def left(self, row: models.Stock) -> int:
        return row.on_hand - row.reserved


@admin.register(models.StockAdjustment)
class StockAdjustmentAdmin(HouseAdmin):
    list_display = ("created_at", "warehouse", "sku", "delta", "reason", "actor")
    list_select_related = ("warehouse",)
    search_fields = ("=sku",)
    ordering = ("-id",)


@admin.register(models.Reservation)
class ReservationAdmin(HouseAdmin):
    list_display = ("order", "sku", "warehouse", "quantity", "shipped", chip())
    list_filter = ("state", "warehouse")
    list_select_related = ("order", "warehouse")
    search_fields = ("=sku", "=order__number")
    ordering = ("-id",)


class FulfillmentLineInline(HouseInline):
    model = models.FulfillmentLine


@admin.register(models.Fulfillment)
class FulfillmentAdmin(HouseAdmin):
    list_display = (
        "reference",
        "order_number",
        "warehouse",
        chip(),
        "wms_number",
        "tries",
        "due_at",
    )
    list_filter = ("state", "warehouse")
    list_select_related = ("warehouse",)
    search_fields = ("=reference", "=order_number", "=wms_number")
    search_help_text = "Our reference, the order's number or the warehouse's number, in full"
    ordering = ("-id",)
    hidden = ("lease_token",)
    inlines = (FulfillmentLineInline,)


@admin.register(models.FulfillmentLine)
class FulfillmentLineAdmin(HouseAdmin):
    list_display = ("fulfillment", "sku", "name", "quantity", "shipped")
    list_select_related = ("fulfillment",)
    search_fields = ("=sku",)
    ordering = ("-id",)


class ShipmentLineInline(HouseInline):
    model = models.ShipmentLine


@admin.register(models.Shipment)
class ShipmentAdmin(HouseAdmin):
    list_display = ("public_id", "order", chip(), "carrier", "tracking_number", "shipped_at")
    list_filter = ("state", "carrier", "warehouse")
    list_select_related = ("order",)
    search_fields = ("=public_id", "=tracking_number", "=order__number")
    ordering = ("-id",)
    inlines = (ShipmentLineInline,)


@admin.register(models.ShipmentLine)
class ShipmentLineAdmin(HouseAdmin):
    list_display = ("shipment", "sku", "quantity")
    list_select_related = ("shipment",)
    search_fields = ("=sku",)
    ordering = ("-id",)
