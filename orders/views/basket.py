"""The basket."""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from orders import links
from orders.forms import Amount
from orders.queries import baskets, delivery
from orders.services import baskets as services
from orders.views import sessions


@require_safe
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    """What is in the basket, with what changed since it was put there."""
    return _page(request)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Put a product into the basket."""
    form = Amount(request.POST)
    if not form.is_valid() or not form.cleaned_data["quantity"]:
        return _page(request, problem=_first_problem(form))
    try:
        services.add_product(
            basket_id=sessions.open_basket(request),
            product_id=form.cleaned_data["product"],
            quantity=form.cleaned_data["quantity"],
        )
    except services.NotForSale:
        return _page(request, problem="This product is not for sale any more")
    except services.BasketClosed:
        return redirect("orders:basket")  # another tab has just ordered it
    except services.BasketFull:
        return _page(request, problem="Your basket is full: buy these first, then start again")
    return redirect("orders:basket")


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Change or remove a line."""
    data = request.POST.copy()
    if "remove" in data:
        data["quantity"] = "0"
    form = Amount(data)
    if not form.is_valid():
        return _page(request, problem=_first_problem(form))
    # Closed means that another tab has just ordered it: the page says so.
    with suppress(services.BasketClosed):
        services.set_quantity(
            basket_id=sessions.open_basket(request),
            product_id=form.cleaned_data["product"],
            quantity=form.cleaned_data["quantity"],
        )
    return redirect("orders:basket")


def _first_problem(form: Amount) -> str:
    if "quantity" in form.errors:
        return str(form.errors["quantity"][0])
    return "Enter a quantity of 1 or more" if form.is_valid() else "We do not know this product"


def _page(request: HttpRequest, *, problem: str = "") -> HttpResponse:
    basket = sessions.get_basket(request)
    pending = None
    if basket is not None and basket.order_id is not None:
        pending = baskets.find_order(order_id=basket.order_id)
    shipping = []
    if basket is not None and basket.items:
        shipping = delivery.list_options(
            currency=basket.currency,
            subtotal_minor=basket.subtotal_minor,
            now=timezone.now(),
            ships_from=basket.ships_from,
        )
    response = render(
        request,
        "shop/basket.html",
        {
            "basket": basket,
            "problem": problem,
            "pending": pending,
            "pending_path": links.order_path(pending) if pending else "",
            "shipping": shipping[0] if shipping else None,
        },
        status=422 if problem else 200,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
