"""Returns as staff see them: a page each, with what can be done next, and a box on the order's."""

from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone

from fulfillment import queries as fulfillment
from globalmart.core.admin import HouseAdmin, chip
from globalmart.core.models import Alert
from orders.admin.return_actions import ACTIONS, RECEPTIONS, VERDICTS, actor_of
from orders.models import Order, Return, ReturnLine, ReturnReception, Withdrawal
from orders.queries import returns as queries
from orders.services.refunds import what_is_left
from orders.services.returns import refunding, requesting
from orders.services.returns.receiving import ALERT, NOT_THERE, TAKES_GOODS
from orders.services.returns.steps import CannotReturn
from orders.states import Reception, ReturnState

PERMISSION = "orders.handle_return"
S = ReturnState
# Which plain buttons a return has in which state; with `True`, they ask for a reason.
BUTTONS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    S.REQUESTED: (("approve", "Approve", False), ("decline", "Decline", True)),
    S.AWAITING_GOODS: (("sent", "It was sent", False), ("cancel", "Cancel", True)),
    S.IN_TRANSIT: (),
    S.PARTIALLY_RECEIVED: (("rest", "Nothing more comes", True),),
    S.INSPECTED: (("pay", "Pay back now", False), ("close", "Close without a refund", True)),
}
EXPIRE = ("expire", "Nothing came", False)


class OpenForm(forms.Form):
    """Which units of an order staff expect back."""

    uuid = forms.UUIDField()
    reason = forms.ChoiceField(choices=queries.REASONS)
    note = forms.CharField(max_length=300, required=False)

    def __init__(self, data: Any, *, positions: list[int]) -> None:
        super().__init__(data)
        self.positions = positions
        for place in positions:
            self.fields[f"quantity_{place}"] = forms.IntegerField(min_value=0, required=False)

    @property
    def units(self) -> dict[int, int]:
        """How many of each line, of a valid form."""
        return {place: self.cleaned_data[f"quantity_{place}"] or 0 for place in self.positions}


@admin.register(Withdrawal)
class WithdrawalAdmin(HouseAdmin):
    list_display = ("order", "is_whole", "received_at", "settled_at")
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)


@admin.register(Return)
class ReturnAdmin(HouseAdmin):
    list_display = ("number", "order", chip(), "kind", "reason", "requested_at", "goods_due_at")
    list_filter = ("state", "kind")
    list_select_related = ("order",)
    search_fields = ("=number", "=order__number")
    ordering = ("-id",)
    hidden: ClassVar = ("uuid",)
    change_form_outer_before_template = "admin/orders/return/page.html"

    def get_urls(self) -> list[Any]:
        """Add what the buttons of the page do."""
        guard = self.admin_site.admin_view
        act_path = "<int:return_id>/act/<slug:action>/"
        return [path(act_path, guard(act), name="orders_return_act"), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the return with its goods and what can be done next."""
        context = dict(extra_context or {})
        rma = Return.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        if rma is not None:
            context |= page(request, rma)
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer


@admin.register(ReturnLine)
class ReturnLineAdmin(HouseAdmin):
    list_display = ("rma", "line", "quantity", "reception", "decision", "disposition", "is_settled")
    list_filter = ("reception", "decision", "disposition")
    list_select_related = ("rma", "line")
    search_fields = ("=rma__number", "=line__sku")
    ordering = ("-id",)


@admin.register(ReturnReception)
class ReturnReceptionAdmin(HouseAdmin):
    list_display = ("rma", "sku", "quantity", "condition", "recorded_by", "received_at")
    list_select_related = ("rma",)
    search_fields = ("=rma__number", "=sku")
    ordering = ("-id",)


def page(request: HttpRequest, rma: Return) -> dict[str, Any]:
    """Return what the page of a return shows, and which of it can be done by whom looks."""
    may = request.user.has_perm(PERMISSION)
    rows = list(rma.lines.select_related("line").order_by("line__position", "pk"))
    left = {line.position: line for line in what_is_left(order=rma.order).lines}
    buttons = [*BUTTONS.get(rma.state, ())]
    if rma.state in (S.AWAITING_GOODS, S.IN_TRANSIT):
        buttons.append(EXPIRE)
    return {
        "may_handle": may,
        "rows": [
            {
                "row": row,
                "comes_to_minor": left[row.line.position].amount_of(row.quantity),
                "is_to_decide": may and row.decision in queries.UNDECIDED and _can_decide(row),
            }
            for row in rows
        ],
        "receptions": list(rma.receptions.order_by("pk")),
        "buttons": buttons if may else (),
        "awaited": sorted({row.line.sku for row in rows if row.reception in NOT_THERE})
        if may and rma.state in TAKES_GOODS
        else (),
        "unmatched": _unmatched(rma) if may else (),
        "takes_goods": rma.state in TAKES_GOODS,
        "reception_choices": RECEPTIONS,
        "verdicts": VERDICTS,
        "form_uuid": uuid4(),
        "waits_for_money": rma.state == S.INSPECTED and refunding.waits(rma.order),
    }


def _can_decide(row: ReturnLine) -> bool:
    return row.reception not in (Reception.AWAITING, Reception.IN_TRANSIT)


def _unmatched(rma: Return) -> list[fulfillment.ReceiptView]:
    """Return what warehouses took back and no return has: of this order, or of an unknown one."""
    found = fulfillment.list_receipts(order_id=rma.order_id)
    open_ = Alert.objects.filter(kind=ALERT, closed_at__isnull=True).order_by("-pk")
    found += fulfillment.list_receipts_by_id(
        receipt_ids=list(open_.values_list("subject_id", flat=True)[:50])
    )
    taken = set(
        ReturnReception.objects.filter(receipt_id__in=[each.id for each in found]).values_list(
            "receipt_id", flat=True
        )
    )
    return list({each.id: each for each in found if each.id not in taken}.values())


def panel(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the box on the order's page shows. `order` comes with its lines."""
    may = request.user.has_perm(PERMISSION)
    may = may and any(line.shipped for line in order.lines.all())
    return {
        "order_returns": Return.objects.filter(order=order).order_by("pk"),
        "withdrawals": Withdrawal.objects.filter(order=order).order_by("pk"),
        "returnable": queries.list_returnable(order=order) if may else (),
        "return_reasons": queries.REASONS,
        "return_uuid": uuid4(),
    }


def open_return(request: HttpRequest, order_id: int) -> HttpResponse:
    """Open a return for a customer, whenever that is; pressed twice, it is one."""
    if request.method != "POST" or not request.user.has_perms((PERMISSION, "orders.view_order")):
        raise PermissionDenied
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise Http404
    form = OpenForm(request.POST, positions=list(order.lines.values_list("position", flat=True)))
    if not form.is_valid():
        messages.error(request, "That cannot be read: write whole numbers of units.")
        return redirect(order.get_absolute_url())
    try:
        rma = requesting.request_return(
            order_id=order_id,
            uuid=form.cleaned_data["uuid"],
            units=form.units,
            reasons=dict.fromkeys(form.positions, form.cleaned_data["reason"]),
            note=form.cleaned_data["note"],
            actor=actor_of(request),
            now=timezone.now(),
        )
    except CannotReturn as error:
        messages.error(request, str(error))
        return redirect(order.get_absolute_url())
    messages.success(request, f"Return {rma.number} is open: the customer gets the label.")
    return redirect(_address(rma.pk))


def act(request: HttpRequest, return_id: int, action: str) -> HttpResponse:
    """Do one thing with a return; pressed twice, it is done once."""
    if request.method != "POST" or not request.user.has_perms((PERMISSION, "orders.view_return")):
        raise PermissionDenied
    if action not in ACTIONS or not Return.objects.filter(pk=return_id).exists():
        raise Http404
    try:
        words = ACTIONS[action](request, return_id)
    except CannotReturn as error:
        messages.error(request, str(error))
    else:
        tell = messages.success if words else messages.warning
        tell(request, words or "That was done already, or cannot be done now.")
    return redirect(_address(return_id))


def _address(return_id: int) -> str:
    return reverse("admin:orders_return_change", args=[return_id])
