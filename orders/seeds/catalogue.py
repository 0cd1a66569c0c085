"""The demo catalogue as plain data: the same products, prices and stock on every machine."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.text import slugify

FAMILIES = Path(__file__).with_name("products.csv")
PLENTY = 100_000
# Still to come when the demo begins, though its stock can be ordered already.
PRE_ORDERS = {"ROB-02": 30}
# A variant of a family costs two fifths of the price more than the one before it where size varies.
SIZED = frozenset(
    (
        "cm",
        "ml",
        "l",
        "70",
        "A4",
        "A3",
        "Small",
        "Medium",
        "Large",
        "Low",
        "Tall",
        "Pieces",
        "Colours",
    )
)
EUR_PER_GBP_PERCENT = 118
# Grams of one, packed.
WEIGHTS: Mapping[str, int] = {
    "Bags & Travel": 700,
    "Bath & Body": 350,
    "Books & Paper": 450,
    "Candles & Lights": 600,
    "Children": 500,
    "Food & Drink": 400,
    "Garden & Outdoors": 1500,
    "Home & Decoration": 900,
    "Kitchen & Dining": 800,
    "Office & Desk": 300,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedProduct:
    """A product of the demo; prices in pence and cents, tax included. `ships_in_days` counts from
    the day of seeding; 0: at once. The weight is of one, packed."""

    sku: str
    slug: str
    name: str
    description: str
    category: str
    tax_class: str
    gbp_minor: int
    eur_minor: int
    ships_in_days: int
    weight_grams: int

    @property
    def trade_eur_minor(self) -> int:
        """The price to other shops in cents, without tax: four fifths of what is the shop's own
        before German tax of 19 %, to five cents."""
        return round_up(self.eur_minor * 80 // 119, to=5)


@cache
def list_products() -> tuple[SeedProduct, ...]:
    """Return the catalogue, families in the order of the file, variants in theirs."""
    with FAMILIES.open(encoding="utf-8", newline="") as file:
        return tuple(product for family in csv.DictReader(file) for product in _variants(family))


def list_categories() -> list[str]:
    """Return the category names in the order of the shop."""
    return list(dict.fromkeys(product.category for product in list_products()))


def stock_of(*, scarce: int = 10, sold_out: int = 5) -> Mapping[str, int]:
    """Return units per SKU: most plentiful, `scarce` with 10 to 100 units, `sold_out` with none.

    The special ones are spread over the catalogue, so that every kind is met while browsing.
    """
    skus = [product.sku for product in list_products()]
    units = dict.fromkeys(skus, PLENTY)
    step = len(skus) // (scarce + sold_out)
    special = skus[step // 2 :: step][: scarce + sold_out]
    for place, sku in enumerate(special[:scarce], start=1):
        units[sku] = 10 * place
    for sku in special[scarce:]:
        units[sku] = 0
    return units


def _variants(family: Mapping[str, str]) -> list[SeedProduct]:
    variants = family["variants"].split("|")
    is_sized = all(SIZED & set(variant.split()) for variant in variants)
    products = []
    for place, variant in enumerate(variants, start=1):
        pence = int(family["pence"])
        if is_sized:
            pence = round_up(pence * (6 + 4 * place) // 10, to=50)
        name = f"{family['name']}, {variant}"
        sku = f"{family['code']}-{place:02d}"
        products.append(
            SeedProduct(
                sku=sku,
                slug=slugify(name),
                name=name,
                description=family["description"],
                category=family["category"],
                tax_class=family["tax_class"],
                gbp_minor=pence,
                eur_minor=round_up(pence * EUR_PER_GBP_PERCENT // 100, to=50),
                ships_in_days=PRE_ORDERS.get(sku, 0),
                weight_grams=WEIGHTS[family["category"]],
            )
        )
    return products


def round_up(amount: int, *, to: int) -> int:
    """Return the next multiple of `to` from an amount on."""
    return -(-amount // to) * to
