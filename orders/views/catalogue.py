"""Home, categories, search and products."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from orders.models import Category
from orders.queries import catalogue, delivery


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page."""
    return render(
        request,
        "shop/home.html",
        {"shelves": catalogue.list_shelves(), "featured": catalogue.list_featured()},
    )


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """All products of a category."""
    found = catalogue.find_category(slug=slug)
    if found is None:
        raise Http404
    return _listing(request, category=found, words="")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Products that match the words of `q`; without words, all of them."""
    words = " ".join(request.GET.get("q", "").split())[:100]
    return _listing(request, category=None, words=words)


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One product."""
    offer = catalogue.find_offer(slug=slug)
    if offer is None:
        raise Http404
    options = delivery.list_options(
        currency=settings.SHOP_CURRENCY,
        subtotal_minor=offer.price_minor,
        weight_grams=offer.weight_grams,
        now=timezone.now(),
        ships_from=offer.ships_from,
    )
    return render(
        request,
        "shop/product.html",
        {
            "offer": offer,
            "related": catalogue.list_related(offer=offer),
            "tax_rate_bp": catalogue.get_tax_rate_bp(tax_class=offer.tax_class),
            "options": options,
            "quantities": range(1, min(max(offer.available, 1), 10) + 1),
        },
    )


def _listing(request: HttpRequest, *, category: Category | None, words: str) -> HttpResponse:
    number = request.GET.get("page", "")
    sort = request.GET.get("sort", "")
    in_stock = request.GET.get("stock") == "1"
    page = catalogue.list_offers(
        category_id=category.pk if category else None,
        words=words,
        sort=sort,
        in_stock=in_stock,
        page=int(number) if number.isdecimal() and len(number) < 7 else 1,
    )
    sorts = {key: name for key, name in catalogue.SORTS.items() if words or key != "relevance"}
    return render(
        request,
        "shop/listing.html",
        {
            "category": category,
            "words": words,
            "results": page,
            "shelves": catalogue.list_shelves(),
            "sorts": sorts,
            "sort": sort if sort in sorts else next(iter(sorts)),
            "in_stock": in_stock,
        },
    )
