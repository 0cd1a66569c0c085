"""Goods that the warehouse does not have: the customer chooses. Works without JavaScript."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from orders import links
from orders.models import Order, OrderShortage
from orders.queries import shortages as queries
from orders.queries.holds import blocks_changes
from orders.services import choices
from orders.services.choices import CannotChoose, read_choice
from orders.views.order import get_order

CUSTOMER = "customer"


@require_safe
@never_cache
def show(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """What is missing of the order, with the choices that are left for each."""
    return _page(request, get_order(number, secret))


@require_POST
@never_cache
def choose(request: HttpRequest, number: str, secret: str, shortage_id: int) -> HttpResponse:
    """Settle one shortage; a second press of the button finds it settled."""
    order = get_order(number, secret)
    try:
        choice, sku = read_choice(request.POST.get("choice", ""))
    except ValueError:
        return _page(request, order, problem="Please choose one of these.", status=422)
    try:
        choices.choose(
            order_id=order.pk,
            shortage_id=shortage_id,
            choice=choice,
            sku=sku,
            actor=CUSTOMER,
            now=timezone.now(),
        )
    except OrderShortage.DoesNotExist as error:
        raise Http404 from error
    except CannotChoose as error:
        return _page(request, order, problem=str(error), status=409)
    is_more_open = any(each.is_open for each in queries.list_missing(order=order))
    path = links.order_path(order)
    return redirect(f"{path}missing/" if is_more_open else path)


def _page(
    request: HttpRequest, order: Order, *, problem: str = "", status: int = 200
) -> HttpResponse:
    path = links.order_path(order)
    missing = [
        each
        for each in queries.list_missing(order=order, with_offers=True)
        if each.state in queries.OPEN
    ]
    if not missing and not problem:
        return redirect(path)
    response = render(
        request,
        "shop/missing.html",
        {
            "order": order,
            "order_path": path,
            "missing": missing,
            "problem": problem,
            "only_wait": blocks_changes(order_id=order.pk),
        },
        status=status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
