"""Catalogue, prices and rates. Price lists are editable: what an order froze stays as it was."""

from django.contrib import admin

from globalmart.core.admin import HouseAdmin, HouseInline, money
from orders import models


class PriceInline(HouseInline):
    model = models.Price
    set_once = ("currency",)
    editable = ("amount_minor",)
    can_add = True


@admin.register(models.Product)
class ProductAdmin(HouseAdmin):
    list_display = ("sku", "name", "category", "tax_class", "ships_from", "is_active")
    list_filter = ("is_active", "category", "tax_class")
    list_select_related = ("category",)
    search_fields = ("=sku", "name")
    ordering = ("sku",)
    set_once = ("sku",)
    editable = (
        "slug",
        "name",
        "description",
        "category",
        "tax_class",
        "ships_from",
        "is_active",
    )
    inlines = (PriceInline,)
    can_add = True


@admin.register(models.Price)
class PriceAdmin(HouseAdmin):
    list_display = ("product", "currency", money("amount_minor"))
    list_select_related = ("product",)
    search_fields = ("=product__sku",)
    ordering = ("product__sku", "currency")


@admin.register(models.Category)
class CategoryAdmin(HouseAdmin):
    list_display = ("name", "slug", "position")
    ordering = ("position", "name")
    editable = ("slug", "name", "position")
    can_add = True


@admin.register(models.TaxRate)
class TaxRateAdmin(HouseAdmin):
    list_display = ("country", "tax_class", "rate_bp")
    set_once = ("country", "tax_class")
    editable = ("rate_bp",)
    can_add = True


class ShippingRateInline(HouseInline):
    model = models.ShippingRate
    set_once = ("currency",)
    editable = ("amount_minor", "free_from_minor")
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
    list_display = ("method", "currency", money("amount_minor"), money("free_from_minor"))
    list_select_related = ("method",)


class BasketLineInline(HouseInline):
    model = models.BasketLine


@admin.register(models.Basket)
class BasketAdmin(HouseAdmin):
    list_display = ("public_id", "currency", "created_at", "updated_at")
    search_fields = ("=public_id",)
    ordering = ("-id",)
    # What a guest typed is theirs until they order.
    hidden = ("details",)
    inlines = (BasketLineInline,)
