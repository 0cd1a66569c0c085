"""The customer's page of an order: confirmation, then tracking. Its address is a secret."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orders import links
from orders.models import Order, OrderLine
from orders.queries import returns, tracking, withdrawals
from orders.queries.shares import due_minor
from orders.states import OrderState, ShortageState
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
    response = render(request, "shop/order.html", {**_context(order), "is_new": is_new})
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
    now = timezone.now()
    found = tracking.track(order=order, now=now)
    return {
        "order": order,
        "tracking": found,
        **sums(order, found.lines),
        "asks_for_choice": any(each.state == ShortageState.OPEN for each in found.missing),
        "may_choose_otherwise": any(each.state == ShortageState.WAITING for each in found.missing),
        "order_path": path,
        "status_path": f"{path}status/",
        "pay_path": f"{path}pay/",
        "may_return": returns.may_return(order=order, now=now),
        "may_withdraw": withdrawals.is_open(order=order, now=now),
        "withdraw_until": withdrawals.last_day(order=order),
    }


def sums(order: Order, lines: list[OrderLine]) -> dict[str, Any]:
    """Return what the summary shows: lines, what is not to be paid because a part of the order is
    not sent (0 for a cancelled one), and what is."""
    less_minor = 0
    if order.state != OrderState.CANCELLED:
        less_minor = order.total_minor - due_minor(order, lines)
    return {"lines": lines, "less_minor": less_minor, "pay_minor": order.total_minor - less_minor}
