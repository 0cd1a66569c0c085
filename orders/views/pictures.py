"""Pictures of products, drawn on the spot."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from orders.artwork import draw_product
from orders.queries import catalogue


@require_safe
def picture(request: HttpRequest, slug: str) -> HttpResponse:
    """A product's picture; it depends on nothing but the product, so it may be kept for a day."""
    subject = catalogue.find_subject(slug=slug)
    if subject is None:
        raise Http404
    sku, name, category = subject
    response = HttpResponse(
        draw_product(sku=sku, name=name, category=category), content_type="image/svg+xml"
    )
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
