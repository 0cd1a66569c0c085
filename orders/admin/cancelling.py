"""Cancel an order, and choose about missing goods for its customer: boxes on the order's page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from globalmart.core.admin import HouseAdmin, HouseInline, chip
from orders.models import CancellationLine, Order, OrderCancellation, OrderShortage
from orders.queries import cancellations, shortages
from orders.services import cancelling
from orders.services import choices as settling
from orders.services.wishes import MOST_REASON
from orders.states import CancellationState, OrderState

CANCEL, SETTLE = "orders.cancel_order", "orders.settle_shortage"


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=MOST_REASON)


class CancellationLineInline(HouseInline):
    model = CancellationLine


@admin.register(OrderCancellation)
class OrderCancellationAdmin(HouseAdmin):
    list_display = ("order", chip(), "reason", "requested_by", "requested_at", "decided_at")
    list_filter = ("state",)
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)
    inlines = (CancellationLineInline,)


@admin.register(OrderShortage)
class OrderShortageAdmin(HouseAdmin):
    list_display = ("line", "quantity", chip(), "substitute_sku", "opened_at", "chosen_by")
    list_filter = ("state",)
    list_select_related = ("line",)
    search_fields = ("=line__sku", "=line__order__number")
    ordering = ("-id",)


def panel(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the boxes show; what cancelling would do only to who may cancel it now."""
    wishes = cancellations.list_all(order_id=order.pk)
    is_open = any(each.state == CancellationState.REQUESTED for each in wishes)
    may_cancel = request.user.has_perm(CANCEL) and not is_open
    may_cancel = may_cancel and not cancellations.why_not(order=order, is_staff=True)
    may_settle = request.user.has_perm(SETTLE)
    return {
        "cancellations": wishes,
        "cancel_preview": cancellations.preview(order=order) if may_cancel else None,
        "shortages": shortages.list_missing(order=order, with_offers=may_settle),
        "may_settle": may_settle,
    }


def cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for the order to be cancelled; pressed twice, it is asked for once."""
    order = _order(request, order_id, CANCEL)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Say why, in at most {MOST_REASON} characters.")
        return redirect(order.get_absolute_url())
    try:
        row = cancelling.request_cancellation(
            order_id=order_id,
            reason=form.cleaned_data["reason"],
            actor=f"staff:{request.user.pk}",
            now=timezone.now(),
        )
    except cancelling.CannotCancel as error:
        order.refresh_from_db()
        is_done = order.state == OrderState.CANCELLED
        tell = messages.warning if is_done else messages.error
        tell(request, "The order is cancelled already." if is_done else str(error))
    else:
        messages.success(request, TOLD[row.state])
    return redirect(order.get_absolute_url())


TOLD = {
    "requested": "Bank or warehouse are asked. The answer comes to this page.",
    "accepted": "The order is cancelled. Its money goes back, its goods are free.",
    "rejected": "It was too late for all of it, or a part: see its lines and its timeline.",
}


def choose(request: HttpRequest, order_id: int, shortage_id: int) -> HttpResponse:
    """Settle missing goods for the customer, who asked us to."""
    order = _order(request, order_id, SETTLE)
    try:
        choice, sku = settling.read_choice(request.POST.get("choice", ""))
        is_new = settling.choose(
            order_id=order_id,
            shortage_id=shortage_id,
            choice=choice,
            sku=sku,
            actor=f"staff:{request.user.pk}",
            now=timezone.now(),
        )
    except ValueError:
        messages.error(request, "That is no choice.")
    except settling.CannotChoose as error:
        messages.error(request, str(error))
    except OrderShortage.DoesNotExist as error:
        raise Http404 from error
    else:
        tell = messages.success if is_new else messages.warning
        tell(request, "Chosen." if is_new else "That was chosen already.")
    return redirect(order.get_absolute_url())


def _order(request: HttpRequest, order_id: int, permission: str) -> Order:
    if request.method != "POST" or not request.user.has_perms((permission, "orders.view_order")):
        raise PermissionDenied
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise Http404
    return order
