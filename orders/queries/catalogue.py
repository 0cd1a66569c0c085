"""What the shop offers: products with their price and what is left of them."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Count, F, Q, QuerySet, Value, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from fulfillment import queries as fulfillment
from orders.models import Category, Product
from orders.queries.preorders import latest_ahead
from orders.queries.terms import tax_rates

PAGE_SIZE = 24
# Few enough left that a customer wants to know how many.
FEW = 10
WORD = re.compile(r"[^\W_]+", re.UNICODE)
SORTS = {
    "relevance": "Best match",
    "name": "Name",
    "price": "Price, low to high",
    "-price": "Price, high to low",
}
ORDERINGS = {
    "relevance": ("-rank", "name", "pk"),
    "name": ("name", "pk"),
    "price": ("price_minor", "name", "pk"),
    "-price": ("-price_minor", "name", "pk"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A product as a customer sees it. `price_minor` includes tax; `ships_from` is ahead."""

    id: int
    sku: str
    name: str
    slug: str
    description: str
    category: str
    category_slug: str
    tax_class: str
    price_minor: int
    currency: str
    available: int
    ships_from: date | None
    weight_grams: int = 0

    @property
    def is_sold_out(self) -> bool:
        return self.available <= 0

    @property
    def is_scarce(self) -> bool:
        return 0 < self.available <= FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """One page of a listing; `page` counts from 1."""

    offers: list[Offer]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A category with the number of its products."""

    slug: str
    name: str
    products: int


def list_shelves() -> list[Shelf]:
    """Return the categories that hold something to buy, in the shop's order."""
    for_sale = Count("products", filter=Q(products__is_active=True))
    rows = Category.objects.annotate(count=for_sale).filter(count__gt=0)
    return [
        Shelf(slug=row.slug, name=row.name, products=row.count)
        for row in rows.order_by("position", "name")
    ]


def find_category(*, slug: str) -> Category | None:
    """Return the category with this slug."""
    return Category.objects.filter(slug=slug).first()


def find_offer(*, slug: str) -> Offer | None:
    """Return the product with this slug, if it is for sale in the shop's currency."""
    offers = offers_of(for_sale().filter(slug=slug))
    return offers[0] if offers else None


def find_subject(*, slug: str) -> tuple[str, str, str] | None:
    """Return SKU, name and category's slug of a product, for sale or not."""
    rows = Product.objects.filter(slug=slug)
    return rows.values_list("sku", "name", "category__slug").first()


def list_featured(*, per_category: int = 2, limit: int = 8) -> list[Offer]:
    """Return some products of every category for the front page."""
    place = Window(
        RowNumber(), partition_by=F("category"), order_by=[F("price_minor").desc(), "pk"]
    )
    rows = for_sale().annotate(place=place).filter(place__lte=per_category)
    return offers_of(rows.order_by("place", "category__position", "pk")[:limit])


def list_related(*, offer: Offer, limit: int = 4) -> list[Offer]:
    """Return other products of the same category, nearest in price first."""
    rows = for_sale().filter(category__slug=offer.category_slug).exclude(pk=offer.id)
    dearer = rows.filter(price_minor__gte=offer.price_minor).order_by("price_minor", "pk")
    return offers_of(dearer[:limit]) or offers_of(rows.order_by("-price_minor", "pk")[:limit])


def list_offers(
    *, category_id: int | None = None, words: str = "", sort: str, in_stock: bool, page: int
) -> OfferPage:
    """Return a page of products. An unknown `sort` means by name, or by match with `words`.

    Every word must occur in name, SKU or description; the last ones may be beginnings of words.
    A page beyond the last is the last.
    """
    rows = for_sale()
    if category_id is not None:
        rows = rows.filter(category_id=category_id)
    if words:
        rows = matching(rows, words)
    if in_stock:
        rows = rows.filter(sku__in=fulfillment.skus_in_stock())
    if sort not in ORDERINGS or (sort == "relevance" and not words):
        sort = "relevance" if words else "name"
    total = rows.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(page, 1), pages)
    start = (page - 1) * PAGE_SIZE
    offers = offers_of(rows.order_by(*ORDERINGS[sort])[start : start + PAGE_SIZE])
    return OfferPage(offers=offers, total=total, page=page, pages=pages)


def get_tax_rate_bp(*, tax_class: str) -> int:
    """Return the home country's tax on a class of goods in basis points; 0 where none is set."""
    rates = tax_rates(country=settings.SHOP_COUNTRY, day=timezone.localdate())
    return rates.get(tax_class, 0)


def for_sale() -> Any:
    """Return products with a price in the shop's currency, annotated as `price_minor`.

    Any: the type checker cannot see an annotation.
    """
    return Product.objects.filter(
        is_active=True,
        prices__price_list__currency=settings.SHOP_CURRENCY,
        prices__price_list__is_default=True,
    ).annotate(price_minor=F("prices__amount_minor"))


def matching(rows: QuerySet[Product, Any], words: str) -> QuerySet[Product, Any]:
    """Narrow products to those that match every word, by prefix, ranked."""
    terms = WORD.findall(words)[:12]
    if not terms:
        return rows.annotate(rank=Value(0.0)).none()
    # The vector is spelled as in the index `product_search`, or the index cannot serve it.
    vector = SearchVector("name", "sku", "description", config="english")
    query = SearchQuery(
        " & ".join(f"{term}:*" for term in terms), config="english", search_type="raw"
    )
    rank = SearchRank(SearchVector("name", config="english"), query)
    return rows.annotate(search=vector, rank=rank).filter(search=query)


def offers_of(rows: QuerySet[Product, Any]) -> list[Offer]:
    products = list(rows.select_related("category"))
    left = fulfillment.available([product.sku for product in products])
    today = timezone.localdate()
    return [
        Offer(
            id=product.pk,
            sku=product.sku,
            name=product.name,
            slug=product.slug,
            description=product.description,
            category=product.category.name,
            category_slug=product.category.slug,
            tax_class=product.tax_class,
            price_minor=product.price_minor,
            currency=settings.SHOP_CURRENCY,
            available=left.get(product.sku, 0),
            ships_from=latest_ahead([product.ships_from], today=today),
            weight_grams=product.weight_grams,
        )
        for product in products
    ]
