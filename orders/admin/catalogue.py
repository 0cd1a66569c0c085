"""Catalogue and baskets. What an order froze of a product stays as it was."""

from django.contrib import admin

from globalmart.core.admin import HouseAdmin, HouseInline
from orders import models


class PriceInline(HouseInline):
    model = models.Price
    set_once = ("price_list",)
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
        "weight_grams",
        "ships_from",
        "is_active",
    )
    inlines = (PriceInline,)
    can_add = True


@admin.register(models.Category)
class CategoryAdmin(HouseAdmin):
    list_display = ("name", "slug", "position")
    ordering = ("position", "name")
    editable = ("slug", "name", "position")
    can_add = True


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
