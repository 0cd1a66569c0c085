"""Send goods back: choose, look over, done, with the label. Works without JavaScript."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orders import links
from orders.models import Order
from orders.papers import as_pdf, labels
from orders.queries import returns as queries
from orders.queries.holds import blocks_changes
from orders.queries.returns import Returnable, ReturnView
from orders.services.returns import deciding, requesting
from orders.services.returns.steps import CannotReturn
from orders.views.order import get_order

CUSTOMER = "customer"
METHODS = (
    ("label", "With your label: I print it, or show its code where I hand the parcel in"),
    ("own", "My own way: I write the number of the return on the parcel"),
)


class ReturnForm(forms.Form):
    """How many of which line, why, and how. `units` and `reasons` are by the lines' positions."""

    uuid = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, *, there: list[Returnable]) -> None:
        super().__init__(data)
        self.there = there
        for each in there:
            place = each.line.position
            self.fields[f"quantity_{place}"] = forms.TypedChoiceField(
                label="How many",
                coerce=int,
                choices=[(count, str(count)) for count in range(each.quantity + 1)],
                required=False,
                empty_value=None,
                error_messages={
                    "invalid_choice": f"Of {each.line.name}, choose 0 to {each.quantity}"
                },
            )
            self.fields[f"reason_{place}"] = forms.ChoiceField(
                label="Why", choices=[("", "Please choose"), *queries.REASONS], required=False
            )
        self.fields["method"] = forms.ChoiceField(
            label="How do you send it?",
            choices=METHODS,
            widget=forms.RadioSelect,
            required=False,
        )

    def clean(self) -> dict[str, Any]:
        """Something must be chosen, and each thing has a reason."""
        data = super().clean() or {}
        chosen = [each for each in self.there if data.get(f"quantity_{each.line.position}")]
        if not chosen and not self.errors:
            self.add_error(None, "Choose at least one thing that you send back")
        for each in chosen:
            field = f"reason_{each.line.position}"
            if not data.get(field) and field not in self.errors:
                self.add_error(field, f"Say why you send back {each.line.name}")
        return data

    @property
    def units(self) -> dict[int, int]:
        """How many of each line, of a valid form."""
        return {
            each.line.position: int(self.cleaned_data.get(f"quantity_{each.line.position}") or 0)
            for each in self.there
        }

    @property
    def reasons(self) -> dict[int, str]:
        """Why, by line, of a valid form."""
        return {
            each.line.position: self.cleaned_data.get(f"reason_{each.line.position}", "")
            for each in self.there
        }

    @property
    def method(self) -> str:
        """How it is sent: with our label where nothing was said."""
        return str(self.cleaned_data.get("method") or METHODS[0][0])

    def rows(self) -> list[dict[str, Any]]:
        """Return what the page shows for each line: the goods and their fields."""
        return [
            {
                "line": each.line,
                "most": each.quantity,
                "quantity": self[f"quantity_{each.line.position}"],
                "reason": self[f"reason_{each.line.position}"],
            }
            for each in self.there
        ]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def start(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Choose what to send back, look it over, and ask; nothing typed is lost on the way."""
    order = get_order(number, secret)
    there = queries.list_returnable(order=order)
    if request.method != "POST":
        return _choose(request, order, ReturnForm(None, there=there))
    found = _asked_already(order, request.POST.get("uuid", ""))
    if found is not None:
        return redirect(_path(order, found.number))
    form = ReturnForm(request.POST, there=there)
    if request.POST.get("step") == "edit":
        form.is_valid()
        form.errors.clear()
        return _choose(request, order, form)
    if not form.is_valid():
        return _choose(request, order, form, status=422)
    if request.POST.get("step") != "confirm":
        return _review(request, order, form)
    try:
        rma = requesting.request_return(
            order_id=order.pk,
            uuid=form.cleaned_data["uuid"] or uuid4(),
            units=form.units,
            reasons=form.reasons,
            method=form.method,
            actor=CUSTOMER,
            now=timezone.now(),
        )
    except CannotReturn as error:
        form.add_error(None, str(error))
        return _choose(request, order, form, status=409)
    return redirect(_path(order, rma.number))


def _asked_already(order: Order, text: str) -> Any:
    try:
        return queries.find_by_uuid(order=order, uuid=UUID(text))
    except ValueError:
        return None


def _choose(
    request: HttpRequest, order: Order, form: ReturnForm, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = {
        "form": form,
        "rows": form.rows(),
        "can": queries.may_return(order=order, now=now),
        "until": queries.window_ends(order=order),
        "days": settings.RETURN_WINDOW_DAYS,
        "in_dispute": blocks_changes(order_id=order.pk),
    }
    return _page(request, order, "shop/return_choose.html", context, status)


def _review(request: HttpRequest, order: Order, form: ReturnForm) -> HttpResponse:
    words = dict(queries.REASONS)
    chosen = [
        (each, form.units[each.line.position], words[form.reasons[each.line.position]])
        for each in form.there
        if form.units[each.line.position]
    ]
    context = {
        "chosen": chosen,
        "kept": [(name, request.POST.get(name, "")) for name in form.fields if name != "uuid"],
        "uuid": uuid4(),
        "method": dict(METHODS)[form.method],
        "is_approved_at_once": settings.RETURN_AUTO_APPROVE,
    }
    return _page(request, order, "shop/return_review.html", context)


@require_safe
@never_cache
def show(request: HttpRequest, number: str, secret: str, rma: str) -> HttpResponse:
    """A return, with its label as long as that is of use."""
    order, found = _find(number, secret, rma)
    context = {
        "rma": found,
        "code": labels.draw_code(_label(order, found)) if found.has_label else "",
        "address": address(),
        "rma_path": _path(order, found.number),
    }
    return _page(request, order, "shop/return_done.html", context)


@require_safe
@never_cache
def label(request: HttpRequest, number: str, secret: str, rma: str) -> HttpResponse:
    """The label as PDF, to be printed."""
    order, found = _find(number, secret, rma)
    if not found.has_label:
        raise Http404
    items = [(item.quantity, item.name) for item in found.items]
    printed = labels.print_label(_label(order, found), items)
    return as_pdf(printed, name=found.number)


@require_POST
@never_cache
def act(request: HttpRequest, number: str, secret: str, rma: str, action: str) -> HttpResponse:
    """The customer has sent it, or thinks better of it; pressed twice, it is done once."""
    order, found = _find(number, secret, rma)
    if action not in ("sent", "cancel"):
        raise Http404
    if action == "sent":
        deciding.mark_sent(return_id=found.id, actor=CUSTOMER, now=timezone.now())
    else:
        try:
            requesting.cancel_return(return_id=found.id, actor=CUSTOMER, now=timezone.now())
        except CannotReturn as error:
            context = {
                "rma": found,
                "problem": str(error),
                "code": "",
                "address": address(),
                "rma_path": _path(order, found.number),
            }
            return _page(request, order, "shop/return_done.html", context, 409)
    return redirect(_path(order, found.number))


def address() -> tuple[str, ...]:
    """Return the lines of the address to which goods come back."""
    return tuple(line.strip() for line in settings.RETURN_ADDRESS.split(";") if line.strip())


def _find(number: str, secret: str, rma: str) -> tuple[Order, ReturnView]:
    order = get_order(number, secret)
    found = queries.find_return(order=order, number=rma)
    if found is None:
        raise Http404
    return order, found


def _label(order: Order, found: ReturnView) -> labels.Label:
    return labels.Label(
        rma=found.number, order=order.number, address=address(), made_at=found.requested_at
    )


def _path(order: Order, number: str) -> str:
    return f"{links.order_path(order)}return/{number}/"


def _page(
    request: HttpRequest, order: Order, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {"order": order, "order_path": links.order_path(order)}
    response = render(request, template, context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
