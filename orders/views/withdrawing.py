"""Withdraw from the contract in two steps: the statement, then its confirmation (Directive
2011/83/EU, Art. 11a). From the order's page, and from the look-up by number and e-mail address.

Works without JavaScript. Whoever has looked the order up sees nothing of its contents: they
withdraw from all of it.
"""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from orders import links
from orders.models import Order
from orders.queries import returns, tracking, withdrawals
from orders.queries.withdrawals import Withdrawable
from orders.services import withdrawing
from orders.views import sessions
from orders.views.order import get_order
from orders.views.returning import address

SCOPES = (
    ("whole", gettext_lazy("The whole contract")),
    ("part", gettext_lazy("A part of it")),
)


class StatementForm(forms.Form):
    """Who withdraws, from what, and where the receipt goes."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        error_messages={
            "required": gettext_lazy("Enter your name"),
            "max_length": gettext_lazy("Your name must be 120 characters or fewer"),
        },
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("We send the confirmation of receipt here, at once."),
        max_length=254,
        error_messages={
            "required": gettext_lazy("Enter your e-mail address"),
            "invalid": gettext_lazy(
                "Enter an e-mail address in the right form, as name@example.com"
            ),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )

    def __init__(self, data: Any, *, there: list[Withdrawable], **more: Any) -> None:
        super().__init__(data, **more)
        self.there = there
        self.fields["scope"] = forms.ChoiceField(
            choices=SCOPES, initial="whole", widget=forms.RadioSelect, required=False
        )
        for each in there:
            self.fields[f"quantity_{each.line.position}"] = forms.TypedChoiceField(
                coerce=int,
                choices=[(count, str(count)) for count in range(each.quantity + 1)],
                required=False,
                empty_value=None,
                initial=each.quantity,
            )

    def clean(self) -> dict[str, Any]:
        """A part of the contract is some of its goods."""
        data = super().clean() or {}
        if data.get("scope") == "part" and not any(self._counts(data).values()):
            self.add_error(None, gettext("Choose from what you withdraw"))
        return data

    @property
    def units(self) -> dict[int, int]:
        """From how many of each line, by position, a valid form withdraws."""
        if self.cleaned_data.get("scope") == "part":
            return self._counts(self.cleaned_data)
        return {each.line.position: each.quantity for each in self.there}

    def _counts(self, data: dict[str, Any]) -> dict[int, int]:
        return {
            each.line.position: int(data.get(f"quantity_{each.line.position}") or 0)
            for each in self.there
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return what the page shows for each line."""
        return [
            {"line": each.line, "quantity": self[f"quantity_{each.line.position}"]}
            for each in self.there
        ]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def from_order(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """Withdraw, from the order's page."""
    order = get_order(number, secret)
    path = links.order_path(order)
    return _withdraw(request, order, base=path, is_known=True)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def from_lookup(request: HttpRequest, number: str) -> HttpResponse:
    """Withdraw, after the order was found by its number and e-mail address."""
    order = _found(request, number)
    base = reverse("orders:found", args=[order.number])
    return _withdraw(request, order, base=base, is_known=False)


@require_safe
@never_cache
def received(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """The receipt, on the order's side."""
    order = get_order(number, secret)
    return _receipt(request, order, base=links.order_path(order), is_known=True)


@require_safe
@never_cache
def received_lookup(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt, for who has looked the order up."""
    order = _found(request, number)
    base = reverse("orders:found", args=[order.number])
    return _receipt(request, order, base=base, is_known=False)


def _found(request: HttpRequest, number: str) -> Order:
    if number not in request.session.get(sessions.FOUND, []):
        raise Http404
    return tracking.get_order(number=number)


def _withdraw(request: HttpRequest, order: Order, *, base: str, is_known: bool) -> HttpResponse:
    there = withdrawals.list_withdrawable(order=order)
    initial = {"name": order.name, "email": order.email} if is_known else {}
    context = {"base": base, "is_known": is_known}
    if request.method != "POST":
        form = StatementForm(None, there=there, initial=initial)
        return _statement(request, order, form, context)
    form = StatementForm(request.POST, there=there)
    uuid = _uuid(request.POST.get("uuid", ""))
    step = request.POST.get("step")
    if step == "confirm" and withdrawals.was_stated(order=order, uuid=uuid):
        return redirect(f"{base}withdraw/received/")
    if step == "edit":
        form.is_valid()
        form.errors.clear()
        return _statement(request, order, form, context)
    if not form.is_valid():
        return _statement(request, order, form, context, status=422)
    if step != "confirm":
        return _confirm(request, order, form, context)
    try:
        withdrawing.withdraw(
            order_id=order.pk,
            uuid=uuid,
            name=form.cleaned_data["name"],
            email=form.cleaned_data["email"],
            units=form.units,
            now=timezone.now(),
        )
    except withdrawing.CannotWithdraw as error:
        form.add_error(None, str(error))
        return _statement(request, order, form, context, status=409)
    return redirect(f"{base}withdraw/received/")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def _statement(
    request: HttpRequest,
    order: Order,
    form: StatementForm,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    context |= {
        "form": form,
        "rows": form.rows(),
        "is_open": withdrawals.is_open(order=order, now=now),
        "until": withdrawals.last_day(order=order),
        "may_return": returns.may_return(order=order, now=now),
    }
    return _page(request, order, "shop/withdraw.html", context, status)


def _confirm(
    request: HttpRequest, order: Order, form: StatementForm, context: dict[str, Any]
) -> HttpResponse:
    units = form.units
    context |= {
        "name": form.cleaned_data["name"],
        "email": form.cleaned_data["email"],
        "is_whole": all(units[each.line.position] == each.quantity for each in form.there),
        "chosen": [
            (units[each.line.position], each.line)
            for each in form.there
            if units[each.line.position]
        ],
        "kept": [(field, request.POST.get(field, "")) for field in form.fields],
        "uuid": uuid4(),
    }
    return _page(request, order, "shop/withdraw_confirm.html", context)


def _receipt(request: HttpRequest, order: Order, *, base: str, is_known: bool) -> HttpResponse:
    statement = withdrawals.find_latest(order=order)
    if statement is None:
        raise Http404
    back = [each for each in returns.list_returns(order=order) if each.has_label]
    context = {
        "base": base,
        "is_known": is_known,
        "statement": statement,
        "returns": back,
        "address": address(),
    }
    return _page(request, order, "shop/withdraw_received.html", context)


def _page(
    request: HttpRequest, order: Order, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    response = render(request, template, {**context, "order": order}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
