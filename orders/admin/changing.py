"""Staff change a placed order for its customer: contact, address, units of its lines."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from fulfillment import queries as fulfillment
from globalmart.core.admin import HouseAdmin, chip
from orders.admin.cancelling import CANCEL
from orders.change_forms import Destination, UnitsForm, rows_of
from orders.forms import Contact
from orders.models import Order, OrderCorrection
from orders.queries import changes, corrections
from orders.services import cancelling, correcting
from orders.services.changing import CannotChange
from orders.services.wishes import MOST_REASON

CORRECT = "orders.correct_order"
TEMPLATE = "admin/orders/order/change.html"
TOLD = {
    "requested": "The warehouse is asked. Its answer comes to this page.",
    "accepted": "These units are cancelled. Their money goes back, the rest of the order goes on.",
    "applied": "It is changed.",
    "rejected": "It was too late: see the order's requests.",
}


def _reason() -> forms.CharField:
    return forms.CharField(
        label="Why (nothing personal)",
        max_length=MOST_REASON,
        error_messages={"required": "Say why"},
    )


class StaffContact(Contact):
    reason = _reason()


class StaffDestination(Destination):
    reason = _reason()


class StaffUnits(UnitsForm):
    reason = _reason()  # type: ignore[assignment]  # staff type what customers choose


@admin.register(OrderCorrection)
class OrderCorrectionAdmin(HouseAdmin):
    list_display = ("order", "kind", chip(), "reason", "requested_by", "requested_at", "decided_at")
    list_filter = ("state", "kind")
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)


def panel(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the order's page shows: its corrections, and what can be changed by whom."""
    may_correct, may_cancel = request.user.has_perm(CORRECT), request.user.has_perm(CANCEL)
    return {
        "corrections": corrections.list_all(order_id=order.pk),
        "may_contact": may_correct and not changes.why_no_contact(order=order, is_staff=True),
        "may_address": may_correct and not changes.why_no_address(order=order, is_staff=True),
        "may_units": may_cancel and not changes.why_no_units(order=order, is_staff=True),
    }


def contact(request: HttpRequest, order_id: int) -> HttpResponse:
    """Have the customer reached otherwise."""
    order = _order(request, order_id, CORRECT)
    before = {"email": order.email, "phone": order.phone, "wants_sms": order.wants_sms}
    form = StaffContact(request.POST or None, initial=before)
    why_not = changes.why_no_contact(order=order, is_staff=True)
    note = "Another e-mail address ends the links that are out; both addresses are told."
    if not form.is_bound or not form.is_valid():
        return _page(request, order, "contact", form, note, why_not)
    try:
        row = correcting.correct_contact(
            order_id=order_id,
            email=form.cleaned_data["email"],
            phone=form.cleaned_data["phone"],
            wants_sms=form.cleaned_data["wants_sms"],
            reason=form.cleaned_data["reason"],
            actor=f"staff:{request.user.pk}",
            now=timezone.now(),
        )
    except CannotChange as error:
        return _page(request, order, "contact", form, note, str(error))
    return _done(request, order, row.state if row else "")


def address(request: HttpRequest, order_id: int) -> HttpResponse:
    """Have what has not left go elsewhere."""
    order = _order(request, order_id, CORRECT)
    form = StaffDestination(request.POST or None, initial=order.shipping_address)
    asked = len(fulfillment.plan_recall_of_all(order_id=order_id).asked)
    note = "What was not sent goes there at once. "
    note += f"The warehouse is asked for {asked} of its requests back, and may say no. "
    note = note if asked else "It is changed at once: the warehouse has nothing of it. "
    note += "What has left goes to the old address."
    why_not = changes.why_no_address(order=order, is_staff=True)
    if not form.is_bound or not form.is_valid():
        return _page(request, order, "address", form, note, why_not)
    try:
        row = correcting.correct_address(
            order_id=order_id,
            address=form.cleaned_data,
            reason=form.cleaned_data["reason"],
            actor=f"staff:{request.user.pk}",
            now=timezone.now(),
        )
    except CannotChange as error:
        form.add_error(None, str(error))
        return _page(request, order, "address", form, note, "")
    return _done(request, order, row.state if row else "")


def units(request: HttpRequest, order_id: int) -> HttpResponse:
    """Cancel units of lines: chosen, looked over, confirmed."""
    order = _order(request, order_id, CANCEL)
    lines = list(order.lines.order_by("position"))
    is_confirmed = request.POST.get("step") == "confirm"
    can = changes.cancellable_units(order=order)
    if is_confirmed:
        can = {line.position: line.quantity for line in lines}
    form = StaffUnits(request.POST or None, can=can, lines=lines)
    more: dict[str, Any] = {"rows": rows_of(form, lines, can)}
    why_not = "" if is_confirmed else changes.why_no_units(order=order, is_staff=True)
    if form.is_bound and form.is_valid() and not why_not:
        if is_confirmed:
            try:
                row = cancelling.request_units(
                    order_id=order_id,
                    units=form.units,
                    seen=form.seen,
                    reason=form.cleaned_data["reason"],
                    actor=f"staff:{request.user.pk}",
                    now=timezone.now(),
                )
            except CannotChange as error:
                return _page(request, order, "units", form, "", str(error))
            return _done(request, order, row.state)
        more["preview"] = changes.preview_units(order=order, units=form.units)
    return _page(request, order, "units", form, "", why_not, more)


def _done(request: HttpRequest, order: Order, state: str) -> HttpResponse:
    if state:
        messages.success(request, TOLD[state])
    else:
        messages.warning(request, "It was so already.")
    return redirect(order.get_absolute_url())


def _page(
    request: HttpRequest,
    order: Order,
    what: str,
    form: forms.Form,
    note: str,
    why_not: str,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "order": order,
        "what": what,
        "form": form,
        "note": note,
        "why_not": why_not,
        "title": f"Change order {order.number}",
        **(more or {}),
    }
    is_wrong = form.is_bound and not form.is_valid()
    return render(request, TEMPLATE, context, status=422 if is_wrong else 200)


def _order(request: HttpRequest, order_id: int, permission: str) -> Order:
    if not request.user.has_perms((permission, "orders.view_order")):
        raise PermissionDenied
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise Http404
    return order
