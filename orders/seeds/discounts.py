"""Vouchers and a promotion for the demo. The promotion rests until staff switch it on."""

from orders.models import Promotion, Voucher
from orders.pricing import DiscountKind


def add_discounts() -> None:
    """Add what is not there: a tenth off for new customers, free delivery, a sale that rests."""
    Voucher.objects.get_or_create(
        code="WELCOME10",
        defaults={
            "name": "Welcome: 10 % off",
            "kind": DiscountKind.PERCENT,
            "rate_bp": 1000,
            "max_uses_per_customer": 1,
        },
    )
    Voucher.objects.get_or_create(
        code="FREESHIP",
        defaults={
            "name": "Free delivery",
            "kind": DiscountKind.FREE_SHIPPING,
            "currency": "GBP",
            "minimum_minor": 2500,
        },
    )
    Promotion.objects.get_or_create(
        name="Spring sale: 15 % off",
        defaults={"kind": DiscountKind.PERCENT, "rate_bp": 1500, "is_active": False},
    )
