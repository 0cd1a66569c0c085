"""The three steps of checkout: contact, delivery, review. What was typed is kept in the basket."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import uuid4

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from globalmart.core.money import display
from orders import addresses, links
from orders.forms import Contact, Delivery
from orders.queries import baskets, discounts, estimates, pricing
from orders.queries import delivery as shipping
from orders.services import baskets as services
from orders.views import sessions
from orders.views.submissions import fingerprint, is_charged_at_order

Step = Callable[[HttpRequest, baskets.Contents], HttpResponse]
STEPS = (
    ("orders:contact", "Contact"),
    ("orders:delivery", "Delivery"),
    ("orders:review", "Pay"),
)


def with_basket(view: Step) -> Callable[[HttpRequest], HttpResponse]:
    """Give a step the visitor's basket, or send them where they can go on."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        basket = sessions.get_basket(request)
        if basket is not None and basket.order_id is not None:
            order = baskets.find_order(order_id=basket.order_id)
            if order is not None:
                return redirect(f"{links.order_path(order)}pay/")
        if basket is None or not basket.is_orderable:
            return redirect("orders:basket")
        try:
            response = view(request, basket)
        except services.BasketClosed:
            return redirect("orders:basket")  # another tab has just ordered it
        response.headers["Cache-Control"] = "no-store"
        return response

    return guarded


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@with_basket
def contact(request: HttpRequest, basket: baskets.Contents) -> HttpResponse:
    """First step: how to reach the customer."""
    if request.method == "POST":
        form = Contact(request.POST)
        if form.is_valid():
            return _keep(request, basket, contact=form.cleaned_data, onward="orders:delivery")
    else:
        form = Contact(initial=basket.details.get("contact"))
    return _step(request, basket, place=0, template="contact", context={"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@with_basket
def delivery(request: HttpRequest, basket: baskets.Contents) -> HttpResponse:
    """Second step: where to, and how."""
    if "contact" not in basket.details:
        return redirect("orders:contact")
    country, region = request.POST.get("country", ""), request.POST.get("region", "")
    options = list_options(basket, country=country[:2], region=region[:80])
    methods = [(option.code, option.name) for option in options]
    news = ""
    if request.method == "POST":
        form = Delivery(request.POST, methods=methods)
        news = _dearer(request, basket, options)
        if not news and form.is_valid():
            return _keep(request, basket, delivery=form.cleaned_data, onward="orders:review")
    else:
        start = {"country": settings.SHOP_COUNTRY, "method": methods[0][0] if methods else ""}
        form = Delivery(initial={**start, **basket.details.get("delivery", {})}, methods=methods)
    context = {
        "form": form,
        "options": options,
        "chosen": form["method"].value(),
        "priced_for": form["country"].value(),
        "news": news,
    }
    return _step(request, basket, place=1, template="delivery", context=context)


@require_safe
@csp_update(settings.PAY_PAGE_POLICY)
@never_cache
@with_basket
def review(request: HttpRequest, basket: baskets.Contents) -> HttpResponse:
    """Third step: look at it all once more beside the card form. Mints the order's key."""
    for place, name in enumerate(("contact", "delivery")):
        if name not in basket.details:
            return redirect(STEPS[place][0])
    address = basket.details["delivery"]
    options = {option.code: option for option in list_options(basket)}
    if address["method"] not in options:
        return redirect("orders:delivery")
    try:
        quote = get_quote(basket)
    except (discounts.VoucherRefused, pricing.NothingToPay, pricing.TotalTooLarge):
        return redirect("orders:basket")  # which says why
    context = {
        "contact": basket.details["contact"],
        "address": address,
        "option": options[address["method"]],
        "quote": quote,
        "key": uuid4(),
        "shown": fingerprint(basket),
        "ships_from": basket.ships_from,
        "is_charged_at_order": is_charged_at_order(basket),
        "stripe_js": settings.STRIPE_JS_URL,
        "stripe_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
    return _step(request, basket, place=2, template="review", context=context)


def _dearer(request: HttpRequest, basket: baskets.Contents, options: list[shipping.Option]) -> str:
    """Say what the chosen way to deliver costs to the country that was chosen, where the page
    showed the price for another."""
    country, code = request.POST.get("country", ""), request.POST.get("method", "")
    shown_for = request.POST.get("priced_for", country)
    if shown_for == country or country not in dict(addresses.list_countries()):
        return ""
    before = {each.code: each for each in list_options(basket, country=shown_for[:2])}.get(code)
    now = {each.code: each for each in options}.get(code)
    if now is None or (before and before.price_minor == now.price_minor):
        return ""
    price = display(now.price_minor, basket.currency) if now.price_minor else "free"
    name = dict(addresses.list_countries())[country]
    return f"{now.name} to {name}: {price}. Please look at the prices again, then go on."


def list_options(
    basket: baskets.Contents, *, country: str = "", region: str = ""
) -> list[shipping.Option]:
    """Return the ways to ship this basket, without a country to where its customer said."""
    address = basket.details.get("delivery", {})
    return shipping.list_options(
        currency=basket.currency,
        subtotal_minor=basket.subtotal_minor,
        weight_grams=basket.weight_grams,
        country=country or address.get("country", ""),
        region=region if country else address.get("region", ""),
        now=timezone.now(),
        ships_from=basket.ships_from,
    )


def get_quote(basket: baskets.Contents) -> pricing.Quote:
    """Return what the basket costs when it goes where the customer said. Raises what `quote`
    does."""
    return estimates.quote_basket(
        basket=basket,
        method=basket.details["delivery"]["method"],
        voucher=basket.voucher,
        now=timezone.now(),
    )


def _keep(
    request: HttpRequest, basket: baskets.Contents, *, onward: str, **details: dict[str, Any]
) -> HttpResponse:
    services.remember_details(basket_id=basket.id, details=details)
    services.accept_prices(basket_id=basket.id)
    is_edit = request.POST.get("back") == "review" and "delivery" in basket.details
    return redirect("orders:review" if is_edit else onward)


def _step(
    request: HttpRequest,
    basket: baskets.Contents,
    *,
    place: int,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    form = context.get("form")
    return render(
        request,
        f"shop/{template}.html",
        {
            "basket": basket,
            "steps": STEPS,
            "place": place,
            "is_edit": "edit" in request.GET or request.POST.get("back") == "review",
            **context,
        },
        status=422 if form is not None and form.is_bound else 200,
    )
