"""Tax and shipping as the tables have them for an address. Rates in basis points, money in minor
units of the currency asked for, weights in grams."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from django.db.models import F, Q

from orders.models import ShippingMethod, ShippingRate, TaxRate
from orders.pricing import NoRateFits, Rate, shipping_price


def tax_rates(*, country: str, region: str = "", day: date) -> dict[str, int]:
    """Return the rate of each tax class that holds on a day; a class without one is not taxed.

    A region's own row goes before its country's; of each, the one that began last holds.
    """
    rows = TaxRate.objects.filter(_here(country, region), valid_from__lte=day)
    latest: dict[tuple[str, bool], tuple[date, int]] = {}
    for row in rows.order_by("valid_from"):
        latest[row.tax_class, bool(row.region)] = (row.valid_from, row.rate_bp)
    return {
        tax_class: latest.get((tax_class, True), latest.get((tax_class, False), (day, 0)))[1]
        for tax_class, _ in latest
    }


def shipping_rates(
    *, currency: str, country: str, region: str = "", method: str | None = None
) -> dict[ShippingMethod, tuple[Rate, ...]]:
    """Return what each active way to ship, or the one with this code, costs to an address, in the
    shop's order: the rates of the region's zone, else of the country's, else those of no zone."""
    here = Q(zone__isnull=True) | _here(country, region, at="zone__places__")
    rows = ShippingRate.objects.filter(here, method__is_active=True, currency=currency)
    if method is not None:
        rows = rows.filter(method__code=method)
    found: dict[ShippingMethod, dict[int, list[Rate]]] = defaultdict(lambda: defaultdict(list))
    rows = rows.annotate(place=F("zone__places__region")).select_related("method")
    for row in rows.order_by("method__position", "method__code", "pk"):
        found[row.method][_nearness(row)].append(_rate(row))
    return {each: tuple(rates[max(rates)]) for each, rates in found.items()}


def list_shipping_prices(
    *, currency: str, country: str, region: str = "", weight_grams: int, goods_minor: int
) -> list[tuple[ShippingMethod, int]]:
    """Return the ways to ship such goods to an address, each with its price, in display order."""
    found = shipping_rates(currency=currency, country=country, region=region)
    return list(_priced(found, weight_grams, goods_minor))


def _priced(
    found: Mapping[ShippingMethod, Iterable[Rate]], weight_grams: int, goods_minor: int
) -> Iterable[tuple[ShippingMethod, int]]:
    for method, rates in found.items():
        try:
            price = shipping_price(rates, weight_grams=weight_grams, goods_minor=goods_minor)
        except NoRateFits:
            continue
        yield method, price


def _here(country: str, region: str, *, at: str = "") -> Q:
    """Return the rows of a country as a whole, and those of a region of it."""
    whole = Q(**{f"{at}region": ""})
    part = Q(**{f"{at}region__iexact": region.strip()}) if region.strip() else Q()
    return Q(**{f"{at}country": country}) & (whole | part if part else whole)


def _nearness(row: ShippingRate) -> int:
    if row.zone_id is None:
        return 0
    return 2 if row.place else 1  # type: ignore[attr-defined]  # an annotation


def _rate(row: ShippingRate) -> Rate:
    return Rate(
        amount_minor=row.amount_minor,
        weight_from_grams=row.weight_from_grams,
        weight_below_grams=row.weight_below_grams,
        value_from_minor=row.value_from_minor,
        value_below_minor=row.value_below_minor,
        free_from_minor=row.free_from_minor,
    )
