"""Find an order without its link, by number and e-mail address."""

from math import ceil

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from globalmart.core.requests import client_address
from orders.forms import Lookup
from orders.queries import tracking, withdrawals
from orders.services import finding
from orders.views import sessions

NOTHING = "We found no order with this number and e-mail address. Check both and try again."
REMEMBERED = 10


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    """Ask for number and address. A wrong number and a wrong address get the same answer, also
    when there were too many of them."""
    form = Lookup(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            order = finding.find_order(
                number=form.cleaned_data["number"],
                email=form.cleaned_data["email"],
                address=client_address(request),
                now=timezone.now(),
            )
        except finding.TooManyTries as error:
            return _ask_to_wait(request, error.seconds)
        if order is not None:
            known = [number for number in request.session.get(sessions.FOUND, []) if number]
            request.session[sessions.FOUND] = [order.number, *known][:REMEMBERED]
            return redirect("orders:found", number=order.number)
        form.add_error(None, NOTHING)
    response = render(
        request, "shop/find.html", {"form": form}, status=422 if form.is_bound else 200
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _ask_to_wait(request: HttpRequest, seconds: int) -> HttpResponse:
    context = {"minutes": ceil(seconds / 60)}
    response = render(request, "shop/find_later.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@never_cache
def found(request: HttpRequest, number: str) -> HttpResponse:
    """How far an order is. Names, address and contents stay behind the secret link."""
    if number not in request.session.get(sessions.FOUND, []):
        raise Http404
    order = tracking.get_order(number=number)
    response = render(
        request,
        "shop/found.html",
        {
            "order": order,
            "tracking": tracking.track(order=order, now=timezone.now()),
            "may_withdraw": withdrawals.is_open(order=order, now=timezone.now()),
        },
    )
    response.headers["Cache-Control"] = "no-store"
    return response
