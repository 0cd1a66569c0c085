"""Take the basket of an order back that came to nothing. Works without JavaScript."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import links
from orders.queries import tracking
from orders.services import rebuying
from orders.states import OrderState
from orders.views import sessions
from orders.views.order import get_order, sums


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def show(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Show what was ordered, and put it into the visitor's basket when they say so."""
    order = get_order(number, secret)
    path = links.order_path(order)
    if order.state not in (OrderState.EXPIRED, OrderState.CANCELLED):
        return redirect(path)
    if request.method == "POST":
        request.session[sessions.BASKET] = rebuying.refill_basket(order_id=order.pk).pk
        return redirect("orders:basket")
    response = render(
        request,
        "shop/again.html",
        {"order": order, "order_path": path, **sums(order, tracking.list_lines(order=order))},
    )
    response.headers["Cache-Control"] = "no-store"
    return response
