"""Price lists, tax and shipping. They are editable: what an order froze stays as it was."""

from django.contrib import admin

from globalmart.core.admin import HouseAdmin, HouseInline, money
from globalmart.core.money import display
from orders import models


@admin.register(models.PriceList)
class PriceListAdmin(HouseAdmin):
    list_display = ("code", "name", "currency", "tax_included", "is_default", "is_active")
    list_filter = ("currency", "is_active")
    ordering = ("currency", "code")
    set_once = ("code", "currency", "tax_included")
    editable = ("name", "is_default", "is_active")
    can_add = True


@admin.register(models.Price)
class PriceAdmin(HouseAdmin):
    list_display = ("product", "price_list", "price")
    list_filter = ("price_list",)
    list_select_related = ("product", "price_list")
    search_fields = ("=product__sku",)
    ordering = ("product__sku", "price_list")
    autocomplete_fields = ("product",)
    set_once = ("product", "price_list")
    editable = ("amount_minor",)
    can_add = True

    @admin.display(ordering="amount_minor")
    def price(self, price: models.Price) -> str:
        return display(price.amount_minor, price.price_list.currency)


@admin.register(models.TaxRate)
class TaxRateAdmin(HouseAdmin):
    list_display = ("country", "region", "tax_class", "rate_bp", "valid_from")
    list_filter = ("tax_class",)
    search_fields = ("=country",)
    ordering = ("country", "region", "tax_class", "-valid_from")
    set_once = ("country", "region", "tax_class", "valid_from")
    editable = ("rate_bp",)
    can_add = True


class ZonePlaceInline(HouseInline):
    model = models.ZonePlace
    set_once = ("country", "region")
    can_add = True


@admin.register(models.ShippingZone)
class ShippingZoneAdmin(HouseAdmin):
    list_display = ("name", "code")
    ordering = ("name",)
    set_once = ("code",)
    editable = ("name",)
    inlines = (ZonePlaceInline,)
    can_add = True


@admin.register(models.ZonePlace)
class ZonePlaceAdmin(HouseAdmin):
    list_display = ("country", "region", "zone")
    list_filter = ("zone",)
    list_select_related = ("zone",)
    search_fields = ("=country",)
    ordering = ("country", "region")
    set_once = ("country", "region")
    editable = ("zone",)
    can_add = True


class ShippingRateInline(HouseInline):
    model = models.ShippingRate
    set_once = ("zone", "currency")
    editable = (
        "amount_minor",
        "weight_from_grams",
        "weight_below_grams",
        "value_from_minor",
        "value_below_minor",
        "free_from_minor",
    )
    can_add = True


@admin.register(models.ShippingMethod)
class ShippingMethodAdmin(HouseAdmin):
    list_display = ("name", "code", "days_min", "days_max", "is_active")
    ordering = ("position",)
    set_once = ("code",)
    editable = ("name", "days_min", "days_max", "position", "is_active")
    inlines = (ShippingRateInline,)
    can_add = True


@admin.register(models.ShippingRate)
class ShippingRateAdmin(HouseAdmin):
    list_display = (
        "method",
        "zone",
        "currency",
        money("amount_minor"),
        "weight_from_grams",
        "weight_below_grams",
        money("free_from_minor"),
    )
    list_filter = ("method", "zone", "currency")
    list_select_related = ("method", "zone")
