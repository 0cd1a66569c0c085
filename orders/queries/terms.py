"""What holds for orders to an address at a moment: taxes, ways to ship, promotions.

Small tables that every order asks about, so they are asked in one statement, and never cached: a
tax or a price that staff change holds for the next order. Money is in minor units, rates in basis
points, weights in grams.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from globalmart.core.rows import fetch
from orders.pricing import Discount, DiscountKind, DiscountSource, Rate

Row = Mapping[str, Any]

# A region's own row beside that of its whole country.
HERE = "country = %(country)s AND (region = '' OR upper(region) = upper(%(region)s))"
TAXES = f"""
SELECT tax_class, region <> '' AS is_own, rate_bp
  FROM orders_taxrate
 WHERE {HERE} AND valid_from <= %(day)s::date
 ORDER BY valid_from
"""  # noqa: S608 - no value is written into it
# How near a rate is: 2 names the region, 1 the country, 0 no zone.
SHIPPING = f"""
SELECT m.code AS method, r.amount_minor, r.weight_from_grams, r.weight_below_grams,
       r.value_from_minor, r.value_below_minor, r.free_from_minor,
       CASE WHEN r.zone_id IS NULL THEN 0 WHEN here.region = '' THEN 1 ELSE 2 END AS nearness
  FROM orders_shippingrate r
  JOIN orders_shippingmethod m ON m.id = r.method_id AND m.is_active
  LEFT JOIN (SELECT zone_id, region FROM orders_zoneplace WHERE {HERE}) AS here USING (zone_id)
 WHERE r.currency = %(currency)s
   AND (r.zone_id IS NULL OR here.region IS NOT NULL)
   AND (%(method)s::text IS NULL OR m.code = %(method)s::text)
 ORDER BY m.position, m.code, r.id
"""  # noqa: S608
PROMOTIONS = """
SELECT p.name, p.kind, p.rate_bp, p.amount_minor, p.minimum_minor, p.priority,
       coalesce(product.sku, '') AS sku, coalesce(category.slug, '') AS category
  FROM orders_promotion p
  LEFT JOIN orders_product product ON product.id = p.product_id
  LEFT JOIN orders_category category ON category.id = p.category_id
 WHERE p.is_active AND p.currency IN ('', %(currency)s)
   AND (p.valid_from IS NULL OR p.valid_from <= %(now)s::timestamptz)
   AND (p.valid_until IS NULL OR p.valid_until > %(now)s::timestamptz)
 ORDER BY p.priority, p.id
"""


def _listed(query: str) -> str:
    return f"(SELECT coalesce(json_agg(t), '[]') FROM ({query}) AS t)"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`tax_rates` by tax class; the rates of each way to ship by its code, in the shop's order."""

    tax_rates: Mapping[str, int]
    shipping: Mapping[str, tuple[Rate, ...]]
    promotions: tuple[Discount, ...]


def find_terms(
    *, currency: str, country: str, region: str = "", method: str | None = None, now: datetime
) -> Terms:
    """Return what holds for an order now (UTC). Of the ways to ship those that there are, or the
    one with the code `method`, if there is such a one."""
    query = f"SELECT {_listed(TAXES)}, {_listed(SHIPPING)}, {_listed(PROMOTIONS)}"
    ((taxes, shipping, promotions),) = fetch(query, _params(currency, country, region, method, now))
    return Terms(
        tax_rates=_latest(taxes),
        shipping=_nearest(shipping),
        promotions=tuple(_promotion(row) for row in promotions),
    )


def tax_rates(*, country: str, region: str = "", day: date) -> dict[str, int]:
    """Return the rate of each tax class that holds on a day; a class without one is not taxed.

    A region's own row goes before its country's; of each, the one that began last holds.
    """
    now = datetime.combine(day, time(), tzinfo=UTC)
    ((taxes,),) = fetch(f"SELECT {_listed(TAXES)}", _params("", country, region, None, now))
    return _latest(taxes)


def shipping_rates(
    *, currency: str, country: str, region: str = "", method: str | None = None
) -> dict[str, tuple[Rate, ...]]:
    """Return what each active way to ship, or the one with this code, costs to an address, by code
    in the shop's order: the rates of the region's zone, else of the country's, else those of no
    zone."""
    params = _params(currency, country, region, method, datetime.now(UTC))
    ((shipping,),) = fetch(f"SELECT {_listed(SHIPPING)}", params)
    return _nearest(shipping)


def _params(
    currency: str, country: str, region: str, method: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "currency": currency,
        "country": country,
        "region": region.strip(),
        "method": method,
        "now": now,
        "day": now.date(),
    }


def _latest(rows: Iterable[Row]) -> dict[str, int]:
    latest = {(row["tax_class"], row["is_own"]): row["rate_bp"] for row in rows}
    return {
        tax_class: latest.get((tax_class, True), latest.get((tax_class, False), 0))
        for tax_class, _ in latest
    }


def _nearest(rows: Iterable[Row]) -> dict[str, tuple[Rate, ...]]:
    found: dict[str, dict[int, list[Rate]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        rate = Rate(
            amount_minor=row["amount_minor"],
            weight_from_grams=row["weight_from_grams"],
            weight_below_grams=row["weight_below_grams"],
            value_from_minor=row["value_from_minor"],
            value_below_minor=row["value_below_minor"],
            free_from_minor=row["free_from_minor"],
        )
        found[row["method"]][row["nearness"]].append(rate)
    return {code: tuple(rates[max(rates)]) for code, rates in found.items()}


def _promotion(row: Row) -> Discount:
    return Discount(
        source=DiscountSource.PROMOTION,
        kind=DiscountKind(row["kind"]),
        name=row["name"],
        value=row["rate_bp"] or row["amount_minor"],
        minimum_minor=row["minimum_minor"],
        priority=row["priority"],
        sku=row["sku"],
        category=row["category"],
    )
