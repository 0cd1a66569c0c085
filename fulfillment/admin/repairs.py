"""One request that needs a person: the box on its page, and what its buttons do."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from fulfillment.admin.actions import MOST_WORDS, may_act
from fulfillment.models import Fulfillment
from fulfillment.services import dead_letters, repairs
from fulfillment.states import FulfillmentState

SERVICES = [("standard", "Standard"), ("express", "Express")]
MOST_LINE = 200


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=MOST_WORDS)


class ArrivedForm(ReasonForm):
    wms_number = forms.CharField(max_length=64, label="Number at the warehouse")

    field_order = ("wms_number", "reason")


class CorrectForm(ReasonForm):
    name = forms.CharField(max_length=MOST_LINE)
    line1 = forms.CharField(max_length=MOST_LINE, label="Street")
    line2 = forms.CharField(max_length=MOST_LINE, label="Addition", required=False)
    city = forms.CharField(max_length=MOST_LINE)
    region = forms.CharField(max_length=MOST_LINE, required=False)
    postal_code = forms.CharField(max_length=MOST_LINE, required=False)
    country = forms.CharField(
        max_length=2, validators=[RegexValidator("^[A-Z]{2}$", "Two capital letters, as GB.")]
    )
    phone = forms.CharField(max_length=MOST_LINE, required=False)
    service = forms.ChoiceField(choices=SERVICES)

    field_order = (*repairs.PARTS, "service", "reason")


def panel(request: HttpRequest, fulfillment_id: int) -> dict[str, Any]:
    """Return what the box shows: what this person can do about the request."""
    rows = Fulfillment.objects.filter(pk=fulfillment_id).select_related("warehouse")
    row = rows.first() if may_act(request) else None
    if row is None:
        return {"row": None}
    is_refused = row.state == FulfillmentState.REJECTED
    before = {**row.ship_to, "service": row.service}
    return {
        "row": row,
        "may_replay": dead_letters.may_replay(row),
        "may_discard": dead_letters.may_discard(row),
        "arrived": ArrivedForm() if repairs.is_unclear(row) else None,
        "may_be_cancelled": repairs.may_be_cancelled(row),
        "correct": CorrectForm(initial=before) if is_refused else None,
        "most_words": MOST_WORDS,
    }


def repair(request: HttpRequest, fulfillment_id: int, name: str) -> HttpResponse:
    """Do what a button says if this person may and said why; tell, and show the page again."""
    if request.method != "POST" or not may_act(request):
        raise PermissionDenied
    if name not in REPAIRS or not Fulfillment.objects.filter(pk=fulfillment_id).exists():
        raise Http404
    form_of, act = REPAIRS[name]
    form = form_of(request.POST)
    if form.is_valid():
        _do(request, fulfillment_id, act, form.cleaned_data)
    else:
        words = [
            f"{form[key].label}: {fault}" for key, many in form.errors.items() for fault in many
        ]
        messages.error(request, " ".join(words))
    return redirect(reverse("admin:fulfillment_fulfillment_change", args=[fulfillment_id]))


Act = Callable[[dict[str, Any], dict[str, Any]], str]


def _do(request: HttpRequest, fulfillment_id: int, act: Act, said: dict[str, Any]) -> None:
    common = {
        "fulfillment_id": fulfillment_id,
        "actor": f"staff:{request.user.pk}",
        "reason": said["reason"],
        "now": timezone.now(),
    }
    try:
        words = act(common, said)
    except (repairs.CannotRepair, ValueError) as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, words)


def _arrived(common: dict[str, Any], said: dict[str, Any]) -> str:
    repairs.declare_arrived(wms_number=said["wms_number"], **common)
    return "Noted: the warehouse has the request. It goes on from here by itself."


def _absent(common: dict[str, Any], said: dict[str, Any]) -> str:
    repairs.declare_absent(**common)
    return "Noted: it never arrived. It goes again now, unless its order is held or cancelled."


def _cancelled(common: dict[str, Any], said: dict[str, Any]) -> str:
    repairs.declare_cancelled(**common)
    return "Noted: it was cancelled there, and its goods are free again."


def _correct(common: dict[str, Any], said: dict[str, Any]) -> str:
    ship_to = {part: said[part] for part in repairs.PARTS}
    repairs.correct_and_resend(ship_to=ship_to, service=said["service"], **common)
    return "The request is put right and goes again now."


REPAIRS: dict[str, tuple[type[ReasonForm], Act]] = {
    "arrived": (ArrivedForm, _arrived),
    "absent": (ReasonForm, _absent),
    "cancelled": (ReasonForm, _cancelled),
    "correct": (CorrectForm, _correct),
}
