"""The customer's page of an order: confirmation, then tracking. Its address is a secret."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orders import links
from orders.models import Order
from orders.queries import tracking
from orders.queries.refunds import list_notes
from orders.states import OrderState
from orders.views import sessions


def get_order(number: str, secret: str) -> Order:
    """Return the order behind a secret link. Raises Http404."""
    order = links.find_order_by_link(number, secret)
    if order is None:
        raise Http404
    return order


@require_safe
@never_cache
def show(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """All about the order."""
    order = get_order(number, secret)
    is_new = request.session.get(sessions.PLACED) == order.pk
    response = render(
        request,
        "shop/order.html",
        {
            **_context(order),
            "is_new": is_new,
            "lines": tracking.list_lines(order=order),
            "refunds": list_notes(order_id=order.pk),
        },
    )
    if is_new and order.state != OrderState.PENDING_PAYMENT:
        # The greeting is for the first look; later ones are for tracking.
        del request.session[sessions.PLACED]
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@never_cache
def status(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """The part that moves: nothing (204) while it is as the page already shows it."""
    order = get_order(number, secret)
    context = _context(order)
    if request.GET.get("version") == context["tracking"].version:
        return HttpResponse(status=204)
    is_new = request.session.get(sessions.PLACED) == order.pk
    response = render(
        request, "shop/order_status.html", {**context, "is_new": is_new, "is_update": True}
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _context(order: Order) -> dict[str, Any]:
    path = links.order_path(order)
    return {
        "order": order,
        "tracking": tracking.track(order=order, now=timezone.now()),
        "status_path": f"{path}status/",
        "pay_path": f"{path}pay/",
    }
