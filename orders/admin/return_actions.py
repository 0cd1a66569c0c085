"""What the buttons of a return's page do. Each says what it did, or nothing where it was done."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from orders.models import Return, ReturnLine
from orders.services.returns import deciding, inspecting, receiving, refunding, requesting
from orders.services.returns.steps import CannotReturn
from orders.states import CAME, Decision, Disposition, Reception, ReturnState

# What staff may see of units that are awaited.
RECEPTIONS = [(value.value, value.label) for value in (*CAME, Reception.SHORT)] + [
    (Reception.LOST_IN_TRANSIT.value, Reception.LOST_IN_TRANSIT.label)
]
# A decision with where the goods go, as one choice.
VERDICTS = [
    ("accepted:restock", "Take it: back on the shelf"),
    ("accepted:refurbish", "Take it: to be refurbished"),
    ("accepted:scrap", "Take it: scrap"),
    ("accepted:", "Take it: it was lost"),
    ("rejected:", "Refuse it: back to the customer"),
    ("needs_review:", "Somebody else looks at it"),
]


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200, required=False)


class ReceiveForm(forms.Form):
    uuid = forms.UUIDField()
    sku = forms.CharField(max_length=40)
    quantity = forms.IntegerField(min_value=1)
    reception = forms.ChoiceField(choices=RECEPTIONS)


class InspectForm(forms.Form):
    row = forms.IntegerField()
    quantity = forms.IntegerField(min_value=1)
    verdict = forms.ChoiceField(choices=VERDICTS)
    reason = forms.CharField(max_length=200, required=False)


class AssignForm(forms.Form):
    receipt = forms.IntegerField()


def actor_of(request: HttpRequest) -> str:
    """Return who looks, as the timeline writes it."""
    return f"staff:{request.user.pk}"


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""


def _said(form: forms.Form) -> dict[str, Any]:
    """Return what a form says. Raises CannotReturn with its first fault."""
    if not form.is_valid():
        name, faults = next(iter(form.errors.items()))
        raise CannotReturn(f"{name}: {faults[0]}")
    return form.cleaned_data


def _approve(request: HttpRequest, return_id: int) -> str:
    done = deciding.approve(return_id=return_id, actor=actor_of(request), now=timezone.now())
    return "Approved: the customer gets the label." if done else ""


def _decline(request: HttpRequest, return_id: int) -> str:
    done = deciding.decline(
        return_id=return_id, reason=_reason(request), actor=actor_of(request), now=timezone.now()
    )
    return "Declined: the customer reads why." if done else ""


def _sent(request: HttpRequest, return_id: int) -> str:
    done = deciding.mark_sent(return_id=return_id, actor=actor_of(request), now=timezone.now())
    return "Noted: it is on its way." if done else ""


def _cancel(request: HttpRequest, return_id: int) -> str:
    done = requesting.cancel_return(
        return_id=return_id, actor=actor_of(request), now=timezone.now(), reason=_reason(request)
    )
    return "Cancelled: the customer keeps it." if done else ""


def _expire(request: HttpRequest, return_id: int) -> str:
    done = deciding.expire(return_id=return_id, actor=actor_of(request), now=timezone.now())
    return "Ended: nothing came." if done else ""


def _receive(request: HttpRequest, return_id: int) -> str:
    said = _said(ReceiveForm(request.POST))
    said["reception"] = Reception(said["reception"])
    done = receiving.receive_by_hand(
        return_id=return_id, actor=actor_of(request), now=timezone.now(), **said
    )
    return "Noted." if done else ""


def _assign(request: HttpRequest, return_id: int) -> str:
    receipt_id = _said(AssignForm(request.POST))["receipt"]
    done = receiving.take_receipt(
        receipt_id=receipt_id, return_id=return_id, actor=actor_of(request), now=timezone.now()
    )
    return "The warehouse’s receipt counts for this return." if done else ""


def _aside(request: HttpRequest, return_id: int) -> str:
    done = receiving.set_aside(
        receipt_id=_said(AssignForm(request.POST))["receipt"],
        return_id=return_id,
        reason=_reason(request),
        actor=actor_of(request),
        now=timezone.now(),
    )
    return "Set aside: it counts for no return." if done else ""


def _inspect(request: HttpRequest, return_id: int) -> str:
    said = _said(InspectForm(request.POST))
    if not ReturnLine.objects.filter(pk=said["row"], rma_id=return_id).exists():
        raise CannotReturn("These units are not of this return.")
    decision, _, disposition = said["verdict"].partition(":")
    done = inspecting.inspect(
        row_id=said["row"],
        quantity=said["quantity"],
        decision=Decision(decision),
        disposition=Disposition(disposition) if disposition else None,
        actor=actor_of(request),
        now=timezone.now(),
        reason=said["reason"],
    )
    return "Decided." if done else ""


def _rest(request: HttpRequest, return_id: int) -> str:
    done = inspecting.give_up_rest(
        return_id=return_id, actor=actor_of(request), now=timezone.now(), reason=_reason(request)
    )
    return "Nothing more is awaited." if done else ""


def _pay(request: HttpRequest, return_id: int) -> str:
    rma = Return.objects.get(pk=return_id)
    refunding.go_on(order_id=rma.order_id, now=timezone.now())
    rma.refresh_from_db()
    return "The refund is asked for." if rma.state == ReturnState.CLOSED else ""


def _close(request: HttpRequest, return_id: int) -> str:
    done = refunding.settle_without_refund(
        return_id=return_id, actor=actor_of(request), now=timezone.now(), reason=_reason(request)
    )
    return "Closed without a refund." if done else ""


ACTIONS: dict[str, Callable[[HttpRequest, int], str]] = {
    "approve": _approve,
    "decline": _decline,
    "sent": _sent,
    "cancel": _cancel,
    "expire": _expire,
    "receive": _receive,
    "assign": _assign,
    "aside": _aside,
    "inspect": _inspect,
    "rest": _rest,
    "pay": _pay,
    "close": _close,
}
