"""Orders and products over HTTP: parse, call, answer."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from globalmart.core.access import caller_of
from globalmart.core.api import ApiView, bad_parameter, page_of, read_cursor, read_limit, reply
from globalmart.core.failpoints import failpoint
from orders.api import documents, scopes
from orders.api.refusals import REFUSALS, explain, read_key
from orders.api.submission import read_submission
from orders.queries import listing
from orders.queries.catalogue import Offer
from orders.queries.representation import represent
from orders.services.checkout import place_order
from orders.states import OrderState


class OrderList(ApiView):
    scopes = {"GET": scopes.ORDERS_READ, "POST": scopes.ORDERS_WRITE}
    parameters = frozenset({"external_ref", "status", "limit", "cursor"})

    @documents.PLACE_ORDER
    def post(self, request: Request) -> HttpResponse:
        """Place an order: prices frozen, stock reserved, durable when the answer comes."""
        key = read_key(request.headers.get("Idempotency-Key"))
        client, api_key = caller_of(request)
        submission = read_submission(
            body=request.data, key=key, client=client, is_live=api_key.is_live
        )
        try:
            placed = place_order(submission=submission, now=timezone.now())
        except tuple(REFUSALS) as error:
            raise explain(error, items=submission.items) from error
        headers = {"Location": reverse("api:order", args=[placed.body["id"]])}
        if placed.is_replay:
            headers["Idempotent-Replayed"] = "true"
        failpoint("CP12", order=placed.order_id)
        return reply(placed.body, status=placed.status, headers=headers)

    @documents.LIST_ORDERS
    def get(self, request: Request) -> HttpResponse:
        """List your orders, newest first."""
        state = request.GET.get("status")
        if state is not None and state not in OrderState.values:
            raise bad_parameter("status", f"Send one of: {', '.join(OrderState.values)}.")
        try:
            orders, has_more = listing.list_orders(
                client_id=caller_of(request)[0].pk,
                external_ref=request.GET.get("external_ref"),
                state=state,
                after=read_cursor(request),
                limit=read_limit(request),
            )
        except listing.UnknownCursor as error:
            raise bad_parameter("cursor", "Send `next_cursor` of an earlier page.") from error
        after = orders[-1].public_id if has_more else None
        return page_of(request, represent(list(orders)), next_after=after)


class OrderDetail(ApiView):
    scopes = {"GET": scopes.ORDERS_READ}

    @documents.GET_ORDER
    def get(self, request: Request, public_id: str) -> HttpResponse:
        """Read one of your orders."""
        order = listing.find_order(client_id=caller_of(request)[0].pk, public_id=public_id)
        if order is None:
            raise Http404
        return reply(represent([order])[0])


def _product_body(offer: Offer) -> dict[str, Any]:
    return {
        "sku": offer.sku,
        "name": offer.name,
        "description": offer.description,
        "category": offer.category_slug,
        "tax_class": offer.tax_class,
        "price_minor": offer.price_minor,
        "currency": offer.currency,
        "available": max(0, offer.available),
        "ships_from": offer.ships_from.isoformat() if offer.ships_from else None,
        "url": settings.BASE_URL + reverse("orders:product", args=[offer.slug]),
    }


class ProductList(ApiView):
    scopes = {"GET": scopes.PRODUCTS_READ}
    parameters = frozenset({"q", "limit", "cursor"})

    @documents.LIST_PRODUCTS
    def get(self, request: Request) -> HttpResponse:
        """List what is on sale, by SKU."""
        offers, has_more = listing.list_products(
            words=request.GET.get("q", ""), after=read_cursor(request), limit=read_limit(request)
        )
        after = offers[-1].sku if has_more else None
        return page_of(request, [_product_body(each) for each in offers], next_after=after)


class ProductDetail(ApiView):
    scopes = {"GET": scopes.PRODUCTS_READ}

    @documents.GET_PRODUCT
    def get(self, request: Request, sku: str) -> HttpResponse:
        """Read one product with what is left of it."""
        offer = None if "\x00" in sku else listing.find_product(sku=sku)
        if offer is None:
            raise Http404
        return reply(_product_body(offer))
