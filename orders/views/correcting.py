"""Change the contact, or the address, of a placed order. Works without JavaScript."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from fulfillment import queries as fulfillment
from orders import links
from orders.change_forms import Destination
from orders.forms import Contact
from orders.models import Order
from orders.queries import changes
from orders.services import correcting
from orders.views import sessions
from orders.views.cancelling import CUSTOMER
from orders.views.order import get_order


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def contact(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Have messages go elsewhere from now on."""
    order = get_order(number, secret)
    before = {"email": order.email, "phone": order.phone, "wants_sms": order.wants_sms}
    form = Contact(request.POST if request.method == "POST" else None, initial=before)
    if not form.is_bound or not form.is_valid():
        why_not = changes.why_no_contact(order=order)
        return _page(request, order, "contact", form, why_not=why_not)
    was_theirs = sessions.has_ordered(request, order)
    try:
        correcting.correct_contact(
            order_id=order.pk,
            email=form.cleaned_data["email"],
            phone=form.cleaned_data["phone"],
            wants_sms=form.cleaned_data["wants_sms"],
            actor=CUSTOMER,
            now=timezone.now(),
        )
    except correcting.CannotCorrect as error:
        return _page(request, order, "contact", form, why_not=str(error), status=409)
    order.refresh_from_db()
    if was_theirs:
        sessions.remember_order(request, order)
    # Another address has ended the link that led here.
    return redirect(links.order_path(order))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def address(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Have what has not left go elsewhere."""
    order = get_order(number, secret)
    form = Destination(
        request.POST if request.method == "POST" else None, initial=order.shipping_address
    )
    if not form.is_bound or not form.is_valid():
        return _page(request, order, "address", form, why_not=changes.why_no_address(order=order))
    try:
        correcting.correct_address(
            order_id=order.pk, address=form.cleaned_data, actor=CUSTOMER, now=timezone.now()
        )
    except correcting.CannotCorrect as error:
        order.refresh_from_db()
        why_not = changes.why_no_address(order=order)
        if not why_not:
            # It is this address that cannot be: what was typed stays.
            form.add_error("country", str(error))
        return _page(request, order, "address", form, why_not=why_not, status=409)
    return redirect(links.order_path(order))


def _page(
    request: HttpRequest,
    order: Order,
    name: str,
    form: forms.Form,
    *,
    why_not: str,
    status: int = 200,
) -> HttpResponse:
    if form.is_bound and status == 200:
        status = 422
    asks = name == "address" and bool(fulfillment.plan_recall_of_all(order_id=order.pk).asked)
    response = render(
        request,
        f"shop/change_{name}.html",
        {
            "order": order,
            "order_path": links.order_path(order),
            "form": form,
            "why_not": why_not,
            "asks_warehouse": asks,
            "has_left": order.lines.filter(shipped__gt=0).exists(),
        },
        status=status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
