"""Cancel some units of an order: choose, look it over, confirm. Works without JavaScript."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import links
from orders.change_forms import UnitsForm, rows_of
from orders.models import Order, OrderLine
from orders.queries import changes
from orders.services import cancelling
from orders.states import OrderState
from orders.views.cancelling import CUSTOMER, LAST
from orders.views.order import get_order


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def units(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Choose units, see what that does to goods and money, and confirm it."""
    order = get_order(number, secret)
    lines = list(order.lines.select_related("product").order_by("position"))
    is_confirmed = request.method == "POST" and request.POST.get("step") == "confirm"
    can = changes.cancellable_units(order=order)
    if is_confirmed:
        # What was chosen may have been done a moment ago, by the same button.
        can = {line.position: line.quantity for line in lines}
    form = UnitsForm(request.POST if request.method == "POST" else None, can=can, lines=lines)
    if is_confirmed and form.is_valid():
        return _cancel(request, order, lines, form)
    if why_not := changes.why_no_units(order=order):
        return _page(request, order, {"why_not": why_not})
    if form.is_bound and form.is_valid() and request.POST.get("step") == "review":
        return _review(request, order, lines, form)
    status = 422 if form.is_bound and not form.is_valid() else 200
    return _page(request, order, {"form": form, "rows": rows_of(form, lines, can)}, status=status)


def _cancel(
    request: HttpRequest, order: Order, lines: list[OrderLine], form: UnitsForm
) -> HttpResponse:
    try:
        cancelling.request_units(
            order_id=order.pk,
            units=form.units,
            seen=form.seen,
            reason=form.cleaned_data["reason"] or LAST,
            actor=CUSTOMER,
            now=timezone.now(),
        )
    except cancelling.CannotCancel as error:
        order.refresh_from_db()
        if order.state == OrderState.CANCELLED:
            # The button was pressed twice, or in two windows: it has happened.
            return redirect(links.order_path(order))
        can = changes.cancellable_units(order=order)
        context: dict[str, object] = {"problem": str(error)}
        if why_not := changes.why_no_units(order=order):
            context = {"why_not": why_not}
        else:
            fresh = list(order.lines.select_related("product").order_by("position"))
            again = UnitsForm(None, can=can, lines=fresh)
            context |= {"form": again, "rows": rows_of(again, fresh, can)}
        return _page(request, order, context, status=409)
    return redirect(links.order_path(order))


def _review(
    request: HttpRequest, order: Order, lines: list[OrderLine], form: UnitsForm
) -> HttpResponse:
    names = {line.position: line for line in lines}
    kept = [(name, value) for name, value in form.data.items() if name in form.fields]
    context = {
        "chosen": [(names[place], count) for place, count in form.units.items()],
        "preview": changes.preview_units(order=order, units=form.units),
        "kept": kept,
    }
    return _page(request, order, context, template="shop/cancel_review.html")


def _page(
    request: HttpRequest,
    order: Order,
    context: dict[str, object],
    *,
    template: str = "shop/cancel_choose.html",
    status: int = 200,
) -> HttpResponse:
    path = links.order_path(order)
    response = render(
        request, template, {"order": order, "order_path": path, **context}, status=status
    )
    response.headers["Cache-Control"] = "no-store"
    return response
