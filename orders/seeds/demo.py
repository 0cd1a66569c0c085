"""Filling an installation with the demo shop; what is there already stays as it is."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from fulfillment.services import carriers, openings, stock
from globalmart.core import access
from orders.models import (
    Category,
    Price,
    PriceList,
    Product,
    ShippingMethod,
    ShippingRate,
    ShippingZone,
    TaxClass,
    TaxRate,
    ZonePlace,
)
from orders.seeds.catalogue import list_categories, list_products, stock_of
from orders.seeds.discounts import add_discounts
from orders.seeds.rates import METHODS, TAX, ZONE_RATES, ZONES
from orders.services.price_lists import ensure_default_list

CLIENT_NAME = "demo"
STAFF_EMAIL = "ops@demo.example"
WAREHOUSE_CODE, WAREHOUSE_NAME = "main", "Main warehouse"
OPENING_REASON = "opening"
# Those of the sandbox's warehouse; "{number}" is the parcel's.
CARRIERS = {
    "Royal Parcel": "https://track.royalparcel.example/{number}",
    "Northwind Express": "https://northwind.example/track/{number}",
}


class LiveInstallation(Exception):
    """Demo logins and keys do not exist beside live keys."""


@dataclass(slots=True)
class Seeded:
    """What this run added."""

    products: int = 0
    stocked: int = 0
    tax_rates: int = 0
    shipping_rates: int = 0


def seed_shop() -> Seeded:
    """Add what the demo shop lacks: catalogue, rates, warehouse, stock. Raises LiveInstallation."""
    _refuse_live()
    stock.ensure_warehouse(code=WAREHOUSE_CODE, name=WAREHOUSE_NAME)
    for name, template in CARRIERS.items():
        carriers.ensure_carrier(name=name, tracking_url_template=template)
    with transaction.atomic():
        seeded = Seeded(
            products=_add_products(),
            tax_rates=_add_tax(),
            shipping_rates=_add_shipping() + _add_zones(),
        )
        add_discounts()
    seeded.stocked = openings.book_opening(
        warehouse_code=WAREHOUSE_CODE,
        quantities=stock_of(),
        reason=OPENING_REASON,
        actor="seed",
    )
    return seeded


def register_demo_key(*, key: str, scopes: list[str]) -> None:
    """Make the client `demo` with this key. Raises LiveInstallation."""
    _refuse_live()
    access.register_key(client_name=CLIENT_NAME, key=key, scopes=scopes, is_live=False)


def ensure_demo_staff(*, password: str) -> None:
    """Make the demo's staff login, or give it this password. Raises LiveInstallation."""
    _refuse_live()
    staff, created = get_user_model().objects.get_or_create(
        username=STAFF_EMAIL,
        defaults={"email": STAFF_EMAIL, "is_staff": True, "is_superuser": True},
    )
    if created or not staff.check_password(password):
        staff.set_password(password)
        staff.save(update_fields=["password"])


def _refuse_live() -> None:
    if settings.IS_LIVE:
        raise LiveInstallation(
            "Demo logins and keys refuse to exist beside live keys: STRIPE_SECRET_KEY is live."
        )


def _add_products() -> int:
    categories = {}
    for position, name in enumerate(list_categories(), start=1):
        slug = name.lower().replace(" & ", "-")
        categories[name], _ = Category.objects.get_or_create(
            slug=slug, defaults={"name": name, "position": position}
        )
    present = set(Product.objects.values_list("sku", flat=True).filter(sku__in=stock_of()))
    missing = [product for product in list_products() if product.sku not in present]
    today = timezone.localdate()
    rows = Product.objects.bulk_create(
        Product(
            sku=product.sku,
            slug=product.slug,
            name=product.name,
            description=product.description,
            category=categories[product.category],
            tax_class=product.tax_class,
            weight_grams=product.weight_grams,
            ships_from=today + timedelta(days=product.ships_in_days)
            if product.ships_in_days
            else None,
        )
        for product in missing
    )
    pounds, euros = (ensure_default_list(currency=currency) for currency in ("GBP", "EUR"))
    trade, _ = PriceList.objects.get_or_create(
        code="trade-eur",
        defaults={"name": "Trade prices in EUR", "currency": "EUR", "tax_included": False},
    )
    Price.objects.bulk_create(
        Price(product=row, price_list=prices, amount_minor=amount)
        for row, product in zip(rows, missing, strict=True)
        for prices, amount in (
            (pounds, product.gbp_minor),
            (euros, product.eur_minor),
            (trade, product.trade_eur_minor),
        )
    )
    return len(missing)


def _add_tax() -> int:
    added = 0
    for country, (standard, reduced) in TAX.items():
        for tax_class, rate in ((TaxClass.STANDARD, standard), (TaxClass.REDUCED, reduced)):
            _, created = TaxRate.objects.get_or_create(
                country=country, region="", tax_class=tax_class, defaults={"rate_bp": rate}
            )
            added += created
    return added


def _add_shipping() -> int:
    added = 0
    for position, method in enumerate(METHODS, start=1):
        row, _ = ShippingMethod.objects.get_or_create(
            code=method.code,
            defaults={
                "name": method.name,
                "days_min": method.days[0],
                "days_max": method.days[1],
                "position": position,
            },
        )
        for currency, (amount, free_from) in method.rates.items():
            _, created = ShippingRate.objects.get_or_create(
                method=row,
                zone=None,
                currency=currency,
                defaults={"amount_minor": amount, "free_from_minor": free_from},
            )
            added += created
    return added


def _add_zones() -> int:
    zones = {}
    for code, (name, countries) in ZONES.items():
        zones[code], _ = ShippingZone.objects.get_or_create(code=code, defaults={"name": name})
        for country in countries:
            ZonePlace.objects.get_or_create(
                country=country, region="", defaults={"zone": zones[code]}
            )
    added = 0
    for rate in ZONE_RATES:
        for currency, amount in rate.amounts.items():
            _, created = ShippingRate.objects.get_or_create(
                method=ShippingMethod.objects.get(code=rate.method),
                zone=zones[rate.zone],
                currency=currency,
                weight_from_grams=rate.weight_from,
                defaults={"amount_minor": amount, "weight_below_grams": rate.weight_below},
            )
            added += created
    return added
