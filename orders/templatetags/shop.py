"""What the shop's templates need beside Django's own."""

from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.forms import BoundField, CheckboxInput, Form, RadioSelect
from django.template.context import RequestContext
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from globalmart.core.requests import correlation_id
from orders import addresses
from orders.queries import baskets

register = template.Library()


@register.simple_tag
def reference_id() -> str:
    """Return the id under which staff find what went wrong in this request."""
    return correlation_id.get()


@register.simple_tag(takes_context=True)
def basket_units(context: RequestContext) -> int:
    """Return how many units are in the visitor's basket; 0 too when the database is away, for
    the page that says so shows the basket's sign as well."""
    session = getattr(context.get("request"), "session", None)
    if session is None:
        return 0
    try:
        return baskets.count_units(basket_id=session.get("basket"))
    except DatabaseError:
        return 0


@register.simple_tag
def clock(moment: datetime) -> str:
    """Render a moment of the coming hours as a time of day, which the page's script makes the
    visitor's own; a later one with its day."""
    if moment - timezone.now() > timedelta(hours=12):
        day = date_format(moment, "j F, H:i")
        return format_html('<time datetime="{}">{} UTC</time>', moment.isoformat(), day)
    return format_html(
        '<time datetime="{}" data-clock>{} UTC</time>', moment.isoformat(), f"{moment:%H:%M}"
    )


@register.inclusion_tag("shop/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Render a form field with label, hint and error, tied together for screen readers."""
    described = []
    if bound.help_text:
        described.append(f"{bound.auto_id}_hint")
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    attributes: dict[str, str | bool] = {}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    if bound.field.required:
        attributes["aria-required"] = "true"
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attributes),
        "is_checkbox": isinstance(bound.field.widget, CheckboxInput),
        "is_radio": isinstance(bound.field.widget, RadioSelect),
    }


@register.inclusion_tag("shop/error_summary.html")
def error_summary(form: Form) -> dict[str, Any]:
    """Render the list of all errors of a form, each a link to its field."""
    items = [
        (form[name].id_for_label or form[name].auto_id, message)
        for name, messages in form.errors.items()
        if name != "__all__"
        for message in messages
    ]
    return {"items": items, "general": form.non_field_errors()}


@register.simple_tag(takes_context=True)
def page_address(context: RequestContext, **changes: Any) -> str:
    """Return the query string of this page with some parameters set, or removed if empty."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in ("", None):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag
def page_numbers(page: int, pages: int) -> list[int | str]:
    """Return the numbers of a pagination, with Paginator.ELLIPSIS where some are left out."""
    paginator = Paginator(range(pages), 1)
    return list(paginator.get_elided_page_range(page, on_each_side=1, on_ends=1))


@register.filter
def country(code: str) -> str:
    """Write a country's name."""
    return addresses.country_name(code)


@register.simple_tag
def arrival(earliest: date, latest: date) -> str:
    """Write a span of days: "Tue 24 Nov" or "Tue 24 – Thu 26 Nov"."""
    last = date_format(latest, "D j M")
    if earliest == latest:
        return last
    is_same_month = earliest.month == latest.month
    return f"{date_format(earliest, 'D j' if is_same_month else 'D j M')} – {last}"
