"""The basket."""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from orders import links
from orders.forms import Amount, VoucherCode
from orders.queries import baskets, delivery, estimates
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


@require_POST
def voucher(request: HttpRequest) -> HttpResponse:
    """Enter a voucher, or remove the one that is there. What cannot be had is not kept."""
    if "remove" in request.POST:
        return _keep_voucher(request, "")
    form = VoucherCode(request.POST)
    if not form.is_valid():
        return _page(request, voucher_problem=str(form.errors["voucher"][0]))
    code = form.cleaned_data["voucher"]
    basket = sessions.get_basket(request)
    if basket is not None and basket.items:
        found = _estimate(basket, _option(basket), code)
        if found.is_voucher_wrong:
            return _page(request, voucher_problem=found.problem, typed=code)
        if found.quote is not None and found.quote.voucher is not None:
            code = found.quote.voucher.code
    return _keep_voucher(request, code)


def _keep_voucher(request: HttpRequest, code: str) -> HttpResponse:
    # Closed means that another tab has just ordered it: the page says so.
    with suppress(services.BasketClosed):
        services.remember_details(
            basket_id=sessions.open_basket(request), details={"voucher": {"code": code}}
        )
    return redirect(f"{reverse('orders:basket')}#voucher")


def _first_problem(form: Amount) -> str:
    if "quantity" in form.errors:
        return str(form.errors["quantity"][0])
    return "Enter a quantity of 1 or more" if form.is_valid() else "We do not know this product"


def _option(basket: baskets.Contents) -> delivery.Option | None:
    """Return the way to deliver that the customer chose, or the first one that there is."""
    address = basket.details.get("delivery", {})
    options = delivery.list_options(
        currency=basket.currency,
        subtotal_minor=basket.subtotal_minor,
        weight_grams=basket.weight_grams,
        country=address.get("country", ""),
        region=address.get("region", ""),
        now=timezone.now(),
        ships_from=basket.ships_from,
    )
    chosen = [option for option in options if option.code == address.get("method")]
    return next(iter(chosen or options), None)


def _estimate(
    basket: baskets.Contents, option: delivery.Option | None, voucher: str
) -> estimates.Estimate:
    return estimates.estimate(
        basket=basket, method=option.code if option else "", voucher=voucher, now=timezone.now()
    )


def _page(
    request: HttpRequest, *, problem: str = "", voucher_problem: str = "", typed: str = ""
) -> HttpResponse:
    basket = sessions.get_basket(request)
    pending = None
    if basket is not None and basket.order_id is not None:
        pending = baskets.find_order(order_id=basket.order_id)
    option, found = None, estimates.Estimate()
    if basket is not None and basket.items:
        option = _option(basket)
        found = _estimate(basket, option, basket.voucher)
    is_wrong = bool(problem or voucher_problem)
    if found.is_voucher_wrong:
        voucher_problem = voucher_problem or found.problem
    response = render(
        request,
        "shop/basket.html",
        {
            "basket": basket,
            "problem": problem,
            "pending": pending,
            "pending_path": links.order_path(pending) if pending else "",
            "shipping": option,
            "quote": found.quote,
            "cannot_order": "" if found.is_voucher_wrong else found.problem,
            "voucher_problem": voucher_problem,
            "typed": typed,
        },
        status=422 if is_wrong else 200,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
