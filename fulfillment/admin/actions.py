"""Send requests again, or give them up, one or many: first what would happen, then a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from fulfillment.models import Fulfillment
from fulfillment.services import dead_letters
from fulfillment.states import FulfillmentState

S = FulfillmentState
PERMISSIONS = ("fulfillment.change_fulfillment", "fulfillment.view_fulfillment")
MOST = 500
MOST_WORDS = 300
AGAIN = {
    S.READY: "is sent at once instead of later",
    S.SUBMIT_UNKNOWN: "is looked up at once, and sent again only if the warehouse never got it",
    S.REJECTED: "is sent again under the same reference, as the next sequence",
    S.CANCELLATION_REQUESTED: "the warehouse is asked at once to stop it",
}
BLIND = "is sent again under the same reference; the warehouse knows repetitions"
UP = "is cancelled, and its goods are free again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What can be done to several requests at once, in the words of its page."""

    title: str
    button: str
    done: str
    may: Callable[[Fulfillment], bool]
    act: Callable[..., int]


ACTIONS = {
    "send-again": Action(
        title="Send requests again",
        button="Send again",
        done="{count} of {asked} requests go again now.",
        may=dead_letters.may_replay,
        act=dead_letters.replay,
    ),
    "give-up": Action(
        title="Give requests up",
        button="Give up",
        done="{count} of {asked} requests are cancelled.",
        may=dead_letters.may_discard,
        act=dead_letters.discard,
    ),
}


class ConfirmForm(forms.Form):
    ids = forms.CharField(max_length=20 * MOST)
    reason = forms.CharField(max_length=MOST_WORDS)

    def clean_ids(self) -> list[int]:
        """Return the keys. Raises ValidationError where it is no list of keys."""
        parts = str(self.cleaned_data["ids"]).split(",")
        if len(parts) > MOST or not all(part.isdecimal() for part in parts):
            raise forms.ValidationError("This is no list of requests.")
        return [int(part) for part in parts]


def may_act(request: HttpRequest) -> bool:
    """Tell whether this person may decide about requests."""
    return request.user.has_perms(PERMISSIONS)


def confirm(request: HttpRequest, name: str) -> HttpResponse:
    """Show what would happen to one request (GET), or do it to those that were shown (POST)."""
    if not may_act(request):
        raise PermissionDenied
    if name not in ACTIONS:
        raise Http404
    if request.method != "POST":
        key = request.GET.get("id", "")
        rows = Fulfillment.objects.filter(pk=int(key)) if key.isdecimal() else None
        return show(request, name, rows if rows is not None else Fulfillment.objects.none())
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Say why, in at most {MOST_WORDS} characters.")
        return redirect(reverse("admin:fulfillment_fulfillment_changelist"))
    action, keys = ACTIONS[name], form.cleaned_data["ids"]
    count = action.act(
        fulfillment_ids=keys,
        actor=f"staff:{request.user.pk}",
        reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )
    tell = messages.success if count else messages.warning
    tell(request, action.done.format(count=count, asked=len(keys)))
    return redirect(_back(keys))


def show(request: HttpRequest, name: str, rows: QuerySet[Fulfillment]) -> HttpResponse:
    """Show what an action would do to each of these requests, at most 500, and ask why."""
    action = ACTIONS[name]
    found = list(rows.select_related("warehouse").order_by("pk")[: MOST + 1])
    shown = [(row, action.may(row), _words(name, row)) for row in found[:MOST]]
    keys = [row.pk for row, is_done, _ in shown if is_done]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": action.title,
        "opts": Fulfillment._meta,
        "action": action,
        "name": name,
        "shown": shown,
        "ids": ",".join(map(str, keys)),
        "count": len(keys),
        "most": MOST if len(found) > MOST else 0,
        "most_words": MOST_WORDS,
        "back": _back([row.pk for row, _, _ in shown]),
    }
    return render(request, "admin/fulfillment/fulfillment/confirm.html", context)


def _words(name: str, row: Fulfillment) -> str:
    """Return what would become of the request."""
    if not ACTIONS[name].may(row):
        return "stays as it is: " + _why_not(name, row)
    if name == "give-up":
        return UP
    if row.state == S.SUBMIT_UNKNOWN and not row.warehouse.can_look_up:
        return BLIND
    return AGAIN[S(row.state)]


def _why_not(name: str, row: Fulfillment) -> str:
    if row.state == S.SUBMIT_UNKNOWN and name == "send-again":
        return "say first, on its own page, whether it arrived"
    if row.state in (S.SHIPPED, S.CANCELLED, S.INCOMPLETE):
        return "it has ended"
    if name == "give-up":
        return "the warehouse has it, or may have it; cancel the order instead"
    return "nothing is to be sent"


def _back(keys: list[int]) -> str:
    """Return where to go on: the one request's page, or the list."""
    if len(keys) == 1:
        return reverse("admin:fulfillment_fulfillment_change", args=keys)
    return reverse("admin:fulfillment_fulfillment_changelist")
