"""Staff pages of stock: what is there, whose it is, and why it changed."""

from django.contrib import admin

from fulfillment import models
from globalmart.core.admin import HouseAdmin, chip


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
