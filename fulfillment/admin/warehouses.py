"""Staff pages of warehouses, the days on which they are closed, and who carries parcels away."""

from django.contrib import admin

from fulfillment import models
from globalmart.core.admin import HouseAdmin, HouseInline


class WarehouseHolidayInline(HouseInline):
    model = models.WarehouseHoliday
    editable = ("on_date", "name")
    ordering = ("-on_date",)
    can_add = True


@admin.register(models.Warehouse)
class WarehouseAdmin(HouseAdmin):
    list_display = ("name", "code", "priority", "is_active", "polled_at", "last_error")
    editable = (
        "name",
        "priority",
        "is_active",
        "time_zone",
        "cutoff",
        "working_days",
        "can_look_up",
        "deduplicates",
    )
    hidden = ("lease_token",)
    inlines = (WarehouseHolidayInline,)


@admin.register(models.WarehouseHoliday)
class WarehouseHolidayAdmin(HouseAdmin):
    list_display = ("on_date", "warehouse", "name")
    list_filter = ("warehouse",)
    list_select_related = ("warehouse",)
    set_once = ("warehouse",)
    editable = ("on_date", "name")
    ordering = ("-on_date",)
    can_add = True


@admin.register(models.Carrier)
class CarrierAdmin(HouseAdmin):
    list_display = ("name", "tracking_url_template")
    editable = ("name", "tracking_url_template")
    can_add = True
