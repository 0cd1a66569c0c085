"""Orders by telephone: the page on which staff note one, price it, and send its link to pay."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe

from globalmart.core.admin import HouseAdmin
from orders import links
from orders.admin.draft_forms import DraftForm, Row, make_rows, read_rows
from orders.admin.draft_refusals import REFUSALS, explain
from orders.models import Order, OrderDraft
from orders.queries import listing
from orders.queries.delivery import Option, list_options
from orders.queries.pricing import Quote
from orders.services import drafts
from orders.services.submissions import Item
from orders.states import OrderState

PERMISSION = "orders.draft_order"
MOST_FOUND = 8
NEEDED = (PERMISSION, "orders.view_order")


@dataclass(slots=True)
class _Sheet:
    """One look at the page: what was typed, what it costs, and what is wrong. `version` is the
    draft's on which that was typed, as it was sent; it is another once staff were told so."""

    request: HttpRequest
    key: UUID
    order: Order | None
    form: DraftForm
    rows: list[Row]
    version: int | str
    problem: str = ""

    @property
    def is_right(self) -> bool:
        """Whether what was typed can be written down."""
        return not any(row.error for row in self.rows) and self.form.is_valid()


@admin.register(OrderDraft)
class OrderDraftAdmin(HouseAdmin):
    list_display = ("order", "created_by", "created_at", "submitted_by", "submitted_at")
    list_filter = (("submitted_at", admin.EmptyFieldListFilter),)
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)


def start(request: HttpRequest) -> HttpResponse:
    """Begin a new one, under an address of its own: sent twice, it is one draft."""
    _require(request)
    return redirect("admin:orders_order_phone", uuid4())


def page(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the draft with this key, or do what was pressed."""
    _require(request)
    order = Order.objects.select_related("draft").filter(draft__key=key).first()
    if order is not None and order.state != OrderState.DRAFT:
        if request.method == "POST":
            messages.info(request, f"Order {order.number} is no draft any more.")
        return redirect(order.get_absolute_url())
    action = request.POST.get("do", "")
    sheet = _read(request, key, order, action)
    if action in ("save", "submit"):
        answer = _do(sheet, action)
        if answer is not None:
            return answer
    return _show(sheet)


def discard(request: HttpRequest, key: UUID) -> HttpResponse:
    """Ask once more, then give the draft up."""
    _require(request)
    order = Order.objects.filter(draft__key=key).first()
    if order is None:
        raise Http404
    if request.method != "POST":
        context = {**admin.site.each_context(request), "title": "Discard the draft", "key": key}
        return render(request, "admin/orders/order/discard_draft.html", {**context, "order": order})
    try:
        drafts.discard_draft(order_id=order.pk, actor=_actor(request), now=timezone.now())
    except drafts.NoDraft:
        messages.warning(request, "The order was placed meanwhile: cancel it instead.")
        return redirect(order.get_absolute_url())
    messages.success(request, f"The draft {order.number} is discarded.")
    return redirect("admin:orders_order_changelist")


def panel(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return what the order's page shows: the way back to a draft, or the link to pay."""
    is_open = order.state in (OrderState.DRAFT, OrderState.PENDING_PAYMENT)
    if not is_open or not request.user.has_perm(PERMISSION):
        return {}
    draft = getattr(order, "draft", None)
    if order.state == OrderState.DRAFT and draft is not None:
        return {"draft": draft}
    if order.payment_due_at is None:
        return {"placed_draft": draft}
    address = f"{links.order_url(order)}pay/"
    code = segno.make(address, error="m").svg_inline(scale=4, border=3, dark="#000", light="#fff")
    # Made of squares alone: nothing that anybody typed is in it.
    return {"placed_draft": draft, "pay_link": address, "pay_code": mark_safe(code)}  # noqa: S308


def _read(request: HttpRequest, key: UUID, order: Order | None, action: str) -> _Sheet:
    if request.method == "POST":
        rows = read_rows(request.POST, action)
        # Before it is saved nothing is found fault with: what was typed is shown as it is.
        data = request.POST if action in ("save", "submit") else None
        initial: dict[str, Any] = request.POST.dict()
        country = initial.get("country", "")[:2]
        version: int | str = initial.get("version", "")
    else:
        lines = order.lines.order_by("position") if order else []
        rows = make_rows({line.sku: str(line.quantity) for line in lines})
        data, initial = None, _initial(order)
        country = initial["country"]
        version = order.version if order else ""
    region = initial.get("region", "")[:80]
    methods = [(option.code, option.name) for option in _options(rows, country, region)]
    form = DraftForm(
        data,
        methods=methods,
        is_final=action == "submit",
        initial={"method": methods[0][0] if methods else "", **initial},
    )
    return _Sheet(request, key, order, form, rows, version)


def _initial(order: Order | None) -> dict[str, Any]:
    if order is None:
        return {"country": settings.SHOP_COUNTRY}
    said = drafts.read_draft(order)
    return {
        "country": settings.SHOP_COUNTRY,
        **said.address,
        "name": said.name,
        "email": said.email,
        "phone": said.phone,
        "wants_sms": said.wants_sms,
        "method": said.shipping_method,
        "voucher": said.voucher,
        "note": said.note,
    }


def _options(rows: list[Row], country: str, region: str) -> list[Option]:
    priced = [(row.offer, row.quantity) for row in rows if row.offer is not None]
    return list_options(
        currency=settings.SHOP_CURRENCY,
        subtotal_minor=sum(offer.price_minor * quantity for offer, quantity in priced),
        weight_grams=sum(offer.weight_grams * quantity for offer, quantity in priced),
        country=country,
        region=region,
        now=timezone.now(),
    )


def _do(sheet: _Sheet, action: str) -> HttpResponse | None:
    """Save, or save and place; None where something is in the way, which the page then says."""
    if not sheet.is_right:
        return None
    request, now, actor = sheet.request, timezone.now(), _actor(sheet.request)
    said = sheet.form.cleaned_data
    try:
        sheet.order = order = drafts.save_draft(
            key=sheet.key,
            wanted=sheet.form.wanted(sheet.rows),
            actor=actor,
            now=now,
            version=said["version"],
        )
        sheet.version = order.version
        if action == "save":
            messages.success(request, f"The draft {order.number} is saved.")
            return redirect("admin:orders_order_phone", sheet.key)
        order = drafts.submit_draft(
            order_id=order.pk, expected_total_minor=said["seen"] or 0, actor=actor, now=now
        )
    except drafts.NoDraft as gone:
        # Pressed twice, or in two windows: the first has done it.
        messages.info(request, "The order is no draft any more.")
        return redirect("admin:orders_order_change", gone.order_id)
    except REFUSALS as refusal:
        if isinstance(refusal, drafts.DraftChanged):
            # Told once: who sends it again overwrites.
            sheet.version = refusal.version
        sheet.problem = explain(refusal)
        return None
    messages.success(request, _placed(order))
    return redirect(order.get_absolute_url())


def _placed(order: Order) -> str:
    if order.payment_due_at is None:
        return f"Order {order.number} is placed. {order.email} gets a link to pay near its day."
    return f"Order {order.number} is placed, and the link to pay is on its way to {order.email}."


def _show(sheet: _Sheet) -> HttpResponse:
    quote = _price(sheet)
    words = sheet.request.POST.get("q", "")[:120]
    found, _ = (
        listing.list_products(words=words, after=None, limit=MOST_FOUND) if words else ([], 0)
    )
    context = {
        **admin.site.each_context(sheet.request),
        "title": f"Draft {sheet.order.number}" if sheet.order else "New phone order",
        "key": sheet.key,
        "order": sheet.order,
        "form": sheet.form,
        "rows": sheet.rows,
        "problem": sheet.problem,
        "quote": quote,
        "version": sheet.version,
        "currency": settings.SHOP_CURRENCY,
        "words": words,
        "found": found,
        "customer_fields": [sheet.form[name] for name in ("name", "email", "phone")],
        "address_fields": [
            sheet.form[name]
            for name in ("country", "line1", "line2", "city", "postal_code", "region")
        ],
        "hours": settings.PAY_LINK_HOURS,
    }
    return render(sheet.request, "admin/orders/order/phone.html", context)


def _price(sheet: _Sheet) -> Quote | None:
    """What it costs as it stands on the page; where that cannot be said, the page says why."""
    form, rows = sheet.form, [row for row in sheet.rows if not row.error]
    if not rows:
        return None
    value = {name: str(form[name].value() or "") for name in ("country", "region", "method")}
    wanted = drafts.Wanted(
        currency=settings.SHOP_CURRENCY,
        items=tuple(Item(row.sku, row.quantity) for row in rows),
        email=str(form["email"].value() or ""),
        address={"country": value["country"], "region": value["region"]},
        shipping_method=value["method"],
        voucher=str(form["voucher"].value() or "").strip(),
    )
    try:
        return drafts.price_draft(wanted=wanted, now=timezone.now())
    except REFUSALS as refusal:
        sheet.problem = sheet.problem or explain(refusal)
        return None


def _require(request: HttpRequest) -> None:
    if not request.user.has_perms(NEEDED):
        raise PermissionDenied


def _actor(request: HttpRequest) -> str:
    return f"staff:{request.user.pk}"
