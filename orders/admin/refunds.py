"""Refund an order: the box on the order's page, and what its buttons do."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from globalmart.core.money import display, minor_digits
from orders.models import Order
from orders.services.refunds import BadSelection, Left, Selection, request_refund, what_is_left
from payments import queries as payments
from payments.queries import RefundView
from payments.services import refund_repairs, refunds
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Reason

PERMISSION = "payments.refund_payment"
MOST_WORDS = 300
# What staff may give as a reason; the others are the system's.
REASONS = [
    (reason.value, reason.label)
    for reason in (
        Reason.REQUESTED,
        Reason.RETURNED,
        Reason.CANCELLED,
        Reason.DUPLICATE,
        Reason.GOODWILL,
    )
]
# Which buttons a refund has in which state.
BUTTONS = {
    "requested": ("approve", "reject", "cancel"),
    "approved": ("cancel",),
    "unknown": ("declare",),
    "failed": ("retry", "manual", "cancel"),
    "manual": ("paid",),
}


class RequestForm(forms.Form):
    """What is to be refunded: units and amounts by line, shipping, a free amount, or the whole."""

    uuid = forms.UUIDField()
    reason = forms.ChoiceField(choices=REASONS)
    note = forms.CharField(max_length=MOST_WORDS, required=False)
    whole = forms.BooleanField(required=False)

    def __init__(self, data: Any, *, left: Left, currency: str) -> None:
        super().__init__(data)
        self.currency, self.positions = currency, [line.position for line in left.lines]
        for position in self.positions:
            self.fields[f"quantity_{position}"] = forms.IntegerField(min_value=0, required=False)
            self.fields[f"lowered_{position}"] = _amount_field(currency)
        self.fields["shipping"] = _amount_field(currency)
        self.fields["amount"] = _amount_field(currency)

    def selection(self) -> Selection:
        """Return what a valid form asks for."""
        said = self.cleaned_data
        return Selection(
            quantities={place: said[f"quantity_{place}"] or 0 for place in self.positions},
            lowered_minor={place: self._minor(f"lowered_{place}") for place in self.positions},
            shipping_minor=self._minor("shipping"),
            amount_minor=self._minor("amount"),
            is_whole=said["whole"],
        )

    def _minor(self, field: str) -> int:
        amount: Decimal = self.cleaned_data[field] or Decimal(0)
        return int(amount.scaleb(minor_digits(self.currency)))


class WordsForm(forms.Form):
    words = forms.CharField(max_length=MOST_WORDS, required=False)


def _amount_field(currency: str) -> forms.DecimalField:
    return forms.DecimalField(
        min_value=0, max_digits=14, decimal_places=minor_digits(currency), required=False
    )


def panel(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the box shows: all refunds with their buttons, and what is left to refund."""
    may_refund = request.user.has_perm(PERMISSION)
    is_possible = may_refund and payments.refundable_minor(order_id=order.pk) > 0
    return {
        "may_refund": may_refund,
        "refunds": [
            (view, _buttons(view) if may_refund else ())
            for view in payments.list_refunds(order_id=order.pk)
        ],
        "left": what_is_left(order=order) if is_possible else None,
        "refund_reasons": REASONS,
        "refund_uuid": uuid4(),
    }


def _buttons(view: RefundView) -> tuple[str, ...]:
    """What somebody did at Stripe cannot be done again there by us."""
    if view.reason == Reason.EXTERNAL and view.state == "failed":
        return ("cancel",)
    return BUTTONS.get(view.state, ())


def ask(request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for a refund; where one person is enough, approve it in the same breath."""
    order = _order(request, order_id)
    form = RequestForm(request.POST, left=what_is_left(order=order), currency=order.currency)
    if not form.is_valid():
        messages.error(request, f"That cannot be read: {_errors(form)}")
        return redirect(order.get_absolute_url())
    try:
        view = request_refund(
            order_id=order.pk,
            selection=form.selection(),
            reason=Reason(form.cleaned_data["reason"]),
            requested_by=_actor(request),
            now=timezone.now(),
            note=form.cleaned_data["note"],
            uuid=_uuid(form),
            approve=True,
        )
    except BadSelection as error:
        messages.error(request, str(error))
    except RefundRefused as refusal:
        messages.error(request, _words(refusal, order.currency))
    else:
        messages.success(request, _told(view))
    return redirect(order.get_absolute_url())


def act(request: HttpRequest, order_id: int, refund_id: int, action: str) -> HttpResponse:
    """Approve, reject, cancel, try again or pay back another way one refund of the order."""
    order = _order(request, order_id)
    views = {view.id: view for view in payments.list_refunds(order_id=order_id)}
    form = WordsForm(request.POST)
    if refund_id not in views or action not in ACTIONS:
        raise Http404
    if not form.is_valid():
        messages.error(request, f"In at most {MOST_WORDS} characters, please.")
        return redirect(order.get_absolute_url())
    try:
        words = ACTIONS[action](refund_id, form.cleaned_data["words"], _actor(request))
    except RefundRefused as refusal:
        messages.error(request, _words(refusal, order.currency))
    else:
        messages.success(request, words)
    return redirect(order.get_absolute_url())


def _order(request: HttpRequest, order_id: int) -> Order:
    if request.method != "POST" or not request.user.has_perms((PERMISSION, "orders.view_order")):
        raise PermissionDenied
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise Http404
    return order


def _actor(request: HttpRequest) -> str:
    return f"staff:{request.user.pk}"


def _uuid(form: RequestForm) -> UUID:
    uuid: UUID = form.cleaned_data["uuid"]
    return uuid


def _errors(form: forms.Form) -> str:
    faults: dict[str, list[ValidationError]] = form.errors.as_data()
    return "; ".join(
        f"{name} {error.messages[0]}" for name, many in faults.items() for error in many
    )


def _words(refusal: RefundRefused, currency: str) -> str:
    if refusal.room_minor is None or refusal.code != "too_much":
        return refusal.detail
    return f"At most {display(refusal.room_minor, currency)} of one payment can be refunded now."


def _told(view: RefundView) -> str:
    amount = display(view.amount_minor, view.currency)
    if view.state == "requested":
        return f"The refund of {amount} waits for a second person's approval."
    return f"The refund of {amount} is on its way to Stripe."


def _approve(refund_id: int, words: str, actor: str) -> str:
    refunds.approve_refund(refund_id=refund_id, approved_by=actor, now=timezone.now())
    return "The refund is approved and on its way to Stripe."


def _reject(refund_id: int, words: str, actor: str) -> str:
    refunds.reject_refund(refund_id=refund_id, rejected_by=actor, reason=words, now=timezone.now())
    return "The refund is rejected."


def _cancel(refund_id: int, words: str, actor: str) -> str:
    refunds.cancel_refund(refund_id=refund_id, cancelled_by=actor, reason=words, now=timezone.now())
    return "The refund is cancelled."


def _retry(refund_id: int, words: str, actor: str) -> str:
    refund_repairs.retry_refund(refund_id=refund_id, retried_by=actor, now=timezone.now())
    return "The refund is tried again."


def _declare(refund_id: int, words: str, actor: str) -> str:
    refund_repairs.declare_failed(
        refund_id=refund_id, declared_by=actor, reason=words, now=timezone.now()
    )
    return "The refund counts as failed: try it again, or pay it back another way."


def _start_manual(refund_id: int, words: str, actor: str) -> str:
    refund_repairs.start_manual(
        refund_id=refund_id, started_by=actor, reason=words, now=timezone.now()
    )
    return "Pay the money back another way, then note here how."


def _finish_manual(refund_id: int, words: str, actor: str) -> str:
    refund_repairs.finish_manual(
        refund_id=refund_id, finished_by=actor, reference=words, now=timezone.now()
    )
    return "Noted: the money has gone back."


ACTIONS: dict[str, Callable[[int, str, str], str]] = {
    "approve": _approve,
    "reject": _reject,
    "cancel": _cancel,
    "declare": _declare,
    "retry": _retry,
    "manual": _start_manual,
    "paid": _finish_manual,
}
