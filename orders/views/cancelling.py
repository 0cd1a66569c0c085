"""Cancel an order: what that would do, and the button. Works without JavaScript."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import links
from orders.change_forms import REASONS
from orders.models import Order
from orders.queries import cancellations, tracking
from orders.services import cancelling
from orders.states import OrderState
from orders.views.order import get_order, sums

CUSTOMER = "customer"
LAST = REASONS[-1][0]


class CancelForm(forms.Form):
    reason = forms.ChoiceField(choices=REASONS, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def cancel(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Ask once more, with what cancelling would do to goods and money; then do it."""
    order = get_order(number, secret)
    if request.method != "POST":
        return _page(request, order, cancellations.why_not(order=order))
    form = CancelForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        cancelling.request_cancellation(
            order_id=order.pk, reason=reason or LAST, actor=CUSTOMER, now=timezone.now()
        )
    except cancelling.CannotCancel as error:
        order.refresh_from_db()
        if order.state in (OrderState.CANCELLED, OrderState.EXPIRED):
            # The button was pressed twice, or in two windows: it has happened.
            return redirect(links.order_path(order))
        return _page(request, order, str(error), status=409)
    return redirect(links.order_path(order))


def _page(request: HttpRequest, order: Order, why_not: str, status: int = 200) -> HttpResponse:
    if cancellations.is_cancelling(order_id=order.pk):
        return redirect(links.order_path(order))
    response = render(
        request,
        "shop/cancel.html",
        {
            "order": order,
            **sums(order, tracking.list_lines(order=order)),
            "order_path": links.order_path(order),
            "why_not": why_not,
            "reasons": REASONS,
            "preview": cancellations.preview(order=order),
        },
        status=status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
