"""Vouchers and promotions. What an order got of them is frozen on it, and stays."""

from django.contrib import admin

from globalmart.core.admin import HouseAdmin, HouseInline
from globalmart.core.money import display
from orders import models

TERMS = (
    "kind",
    "rate_bp",
    "amount_minor",
    "currency",
    "minimum_minor",
    "valid_from",
    "valid_until",
    "is_active",
)


@admin.display(description="gives")
def gives(terms: models.Voucher | models.Promotion) -> str:
    """Say in a word what a discount takes off."""
    if terms.rate_bp:
        return f"{terms.rate_bp / 100:g} %"
    return display(terms.amount_minor, terms.currency) if terms.amount_minor else "free shipping"


class VoucherUseInline(HouseInline):
    model = models.VoucherUse
    # A keyed hash says nothing to people.
    hidden = ("customer_key", "limit")
    ordering = ("-pk",)


@admin.register(models.Voucher)
class VoucherAdmin(HouseAdmin):
    list_display = ("code", gives, "uses", "max_uses", "valid_from", "valid_until", "is_active")
    list_filter = ("is_active", "kind")
    search_fields = ("code", "name")
    ordering = ("-pk",)
    set_once = ("code",)
    editable = ("name", *TERMS, "max_uses", "max_uses_per_customer")
    inlines = (VoucherUseInline,)
    can_add = True


@admin.register(models.Promotion)
class PromotionAdmin(HouseAdmin):
    list_display = ("name", gives, "priority", "valid_from", "valid_until", "is_active")
    list_filter = ("is_active", "kind")
    search_fields = ("name",)
    ordering = ("priority", "name")
    editable = ("name", "category", "product", "priority", *TERMS)
    autocomplete_fields = ("product",)
    can_add = True


@admin.register(models.OrderDiscount)
class OrderDiscountAdmin(HouseAdmin):
    list_display = ("order", "source", "name", "code", "amount", "on_shipping")
    list_filter = ("source", "on_shipping")
    list_select_related = ("order",)
    search_fields = ("=order__number", "=code")
    ordering = ("-pk",)

    @admin.display(ordering="amount_minor")
    def amount(self, discount: models.OrderDiscount) -> str:
        return display(discount.amount_minor, discount.order.currency)
