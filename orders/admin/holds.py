"""Hold an order and release its holds: the box on the order's page, and what its buttons do."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from globalmart.core.admin import HouseAdmin
from orders.models import Order, OrderHold
from orders.queries.holds import list_holds
from orders.services import holds
from orders.states import HoldBlocks, HoldKind

PERMISSION = "orders.hold_order"


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=holds.MOST_REASON)


class PlaceForm(ReasonForm):
    """A hold by hand: why, who sees to it that it ends, until when, and what it stops."""

    owner = forms.CharField(max_length=80, required=False)
    expires_at = forms.DateTimeField(required=False)
    blocks = forms.ChoiceField(choices=HoldBlocks.choices, required=False)

    def clean_expires_at(self) -> datetime | None:
        """Check that the end, which is read as UTC, is ahead."""
        found: datetime | None = self.cleaned_data["expires_at"]
        if found is not None and found <= timezone.now():
            raise forms.ValidationError("The end is past.")
        return found


class ReleaseForm(ReasonForm):
    kind = forms.ChoiceField(choices=HoldKind.choices)


@admin.register(OrderHold)
class OrderHoldAdmin(HouseAdmin):
    list_display = (
        "order",
        "kind",
        "blocks",
        "owner",
        "reason",
        "placed_by",
        "placed_at",
        "expires_at",
        "released_at",
    )
    list_filter = ("kind", "blocks", ("released_at", admin.EmptyFieldListFilter))
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)


def panel(request: HttpRequest, order_id: int) -> dict[str, Any]:
    """Return what the box shows: all holds, and whether this person may place and release."""
    return {
        "holds": list_holds(order_id=order_id),
        "may_hold": request.user.has_perm(PERMISSION),
        "hold_blocks": HoldBlocks.choices,
    }


def place(request: HttpRequest, order_id: int) -> HttpResponse:
    """Put the order on hold by hand."""
    return _act(request, order_id, PlaceForm(request.POST), _place)


def release(request: HttpRequest, order_id: int) -> HttpResponse:
    """Release one hold of the order."""
    return _act(request, order_id, ReleaseForm(request.POST), _release)


Act = Callable[[int, dict[str, Any], str], tuple[bool, str]]


def _act(request: HttpRequest, order_id: int, form: forms.Form, act: Act) -> HttpResponse:
    """Do it if this person may and said why; either way tell, and show the order again."""
    if request.method != "POST" or not request.user.has_perms((PERMISSION, "orders.view_order")):
        raise PermissionDenied
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise Http404
    if form.is_valid():
        is_done, words = act(order_id, form.cleaned_data, f"staff:{request.user.pk}")
        tell = messages.success if is_done else messages.warning
        tell(request, words)
    else:
        words = f"Say why, in at most {holds.MOST_REASON} characters."
        messages.error(request, words if "reason" in form.errors else "That end cannot be.")
    return redirect(order.get_absolute_url())


def _place(order_id: int, said: dict[str, Any], actor: str) -> tuple[bool, str]:
    is_new = holds.place(
        order_id=order_id,
        kind=HoldKind.MANUAL,
        reason=said["reason"],
        actor=actor,
        now=timezone.now(),
        owner=said["owner"],
        expires_at=said["expires_at"],
        blocks=HoldBlocks(said["blocks"]) if said["blocks"] else None,
    )
    if is_new:
        return True, "The order is on hold. Look at its alerts: a request may have left already."
    return False, "The order is on such a hold already, or nothing of it can leave any more."


def _release(order_id: int, said: dict[str, Any], actor: str) -> tuple[bool, str]:
    try:
        is_open = holds.release(
            order_id=order_id,
            kind=HoldKind(said["kind"]),
            reason=said["reason"],
            actor=actor,
            now=timezone.now(),
        )
    except holds.HoldStays as error:
        return False, str(error)
    if is_open:
        return True, "The hold is released. With the last one the order goes on its way."
    return False, "This hold had been released already."
