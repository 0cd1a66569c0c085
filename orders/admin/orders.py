"""The order as staff see it: lines, money, parcels and the whole story on one page."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path

from fulfillment import queries as fulfillment
from globalmart.core.admin import HouseAdmin, chip, money
from globalmart.core.models import TimelineEntry
from orders.admin import cancelling, changing, drafts, holds, refunds, returns
from orders.links import order_path
from orders.models import Order, OrderLine
from orders.queries.documents import list_papers
from orders.queries.search import Found, find_orders
from payments import queries as payments

TIMELINE_LENGTH = 200
# What the panels above the fields show already.
SHOWN_ABOVE = (
    "number",
    "state",
    "currency",
    "subtotal_minor",
    "shipping_minor",
    "discount_minor",
    "tax_minor",
    "total_minor",
    "email",
    "name",
    "phone",
    "shipping_address",
    "billing_address",
    "shipping_method",
    "payment_due_at",
)


@admin.register(OrderLine)
class OrderLineAdmin(HouseAdmin):
    list_display = ("order", "sku", "name", "quantity", "shipped", "cancelled")
    list_select_related = ("order",)
    search_fields = ("=sku", "=order__number")
    ordering = ("-id",)


@admin.register(Order)
class OrderAdmin(HouseAdmin):
    list_display = ("number", "created_at", chip(), "name", money("total_minor"), "external_ref")
    list_filter = ("state", "shipping_method", "api_client", "created_at")
    list_select_related = ("api_client",)
    # The box is shown for them; get_search_results does the work.
    search_fields = ("=number",)
    search_help_text = (
        "Number, name, e-mail address or its beginning, telephone number, tracking number, "
        "invoice, return, or an id of Stripe's, the warehouse's or the client's"
    )
    ordering = ("-id",)
    hidden = SHOWN_ABOVE
    list_before_template = "admin/orders/order/list_top.html"
    change_form_before_template = "admin/orders/order/page.html"
    # Its forms stand before the page's own: forms do not nest.
    change_form_outer_before_template = "admin/orders/order/forms.html"

    def get_urls(self) -> list[Any]:
        """Add what the buttons of the page do."""
        guard = self.admin_site.admin_view
        return [
            path("phone/", guard(drafts.start), name="orders_order_phone_new"),
            path("phone/<uuid:key>/", guard(drafts.page), name="orders_order_phone"),
            path(
                "phone/<uuid:key>/discard/",
                guard(drafts.discard),
                name="orders_order_phone_discard",
            ),
            path("<int:order_id>/hold/", guard(holds.place), name="orders_order_hold"),
            path("<int:order_id>/release/", guard(holds.release), name="orders_order_release"),
            path("<int:order_id>/cancel/", guard(cancelling.cancel), name="orders_order_cancel"),
            path("<int:order_id>/units/", guard(changing.units), name="orders_order_units"),
            path("<int:order_id>/address/", guard(changing.address), name="orders_order_address"),
            path("<int:order_id>/contact/", guard(changing.contact), name="orders_order_contact"),
            path(
                "<int:order_id>/shortage/<int:shortage_id>/",
                guard(cancelling.choose),
                name="orders_order_shortage",
            ),
            path("<int:order_id>/return/", guard(returns.open_return), name="orders_order_return"),
            path("<int:order_id>/refund/", guard(refunds.ask), name="orders_order_refund"),
            path(
                "<int:order_id>/refund/<int:refund_id>/<slug:action>/",
                guard(refunds.act),
                name="orders_order_refund_act",
            ),
            *super().get_urls(),
        ]

    def view_on_site(self, order: Order) -> str:
        """Return the path of the customer's own page of the order."""
        return order_path(order)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Find orders by whatever others call them, and say what they were found by."""
        if not search_term.strip():
            return queryset, False
        found = find_orders(text=search_term)
        _tell(request, found)
        return queryset.filter(pk__in=list(found.matches)), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the order with what the other apps know of it."""
        context = dict(extra_context or {})
        if object_id.isdigit():
            order_id = int(object_id)
            context |= _panels(order_id) | holds.panel(request, order_id)
            order = Order.objects.filter(pk=order_id).first()
            if order is not None:
                context |= (
                    drafts.panel(request, order)
                    | cancelling.panel(request, order)
                    | changing.panel(request, order)
                    | refunds.panel(request, order)
                    | returns.panel(request, order)
                )
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer


def _tell(request: HttpRequest, found: Found) -> None:
    """Say above the list what was found by what; once, however often the list is built."""
    if getattr(request, "_search_is_told", False):
        return
    request._search_is_told = True  # type: ignore[attr-defined]
    kinds = Counter(found.matches.values())
    if found.is_more:
        messages.warning(
            request,
            f"More than {len(found.matches)} orders match. Narrow it down: add a first name, more "
            "of the address or number.",
        )
    elif kinds:
        words = ", ".join(f"{count} by {kind}" for kind, count in kinds.items())
        messages.info(request, f"Found {words}.")


def _account(order_id: int) -> Any:
    """Return the order's account, or None for an order that is not there."""
    try:
        return payments.get_account(order_id=order_id)
    except ObjectDoesNotExist:
        return None


def _panels(order_id: int) -> dict[str, Any]:
    """Return what the panels of the order page show; an unknown order gives empty ones."""
    story = TimelineEntry.objects.filter(subject_type="order", subject_id=order_id)
    return {
        "papers": list_papers(order_id=order_id),
        "lines": list(OrderLine.objects.filter(order_id=order_id).order_by("position")),
        "payment_status": payments.summaries([order_id]).get(order_id, "unpaid"),
        "fulfillment_status": fulfillment.summaries([order_id]).get(order_id, "unfulfilled"),
        "account": _account(order_id),
        "disputes": payments.list_disputes(order_id=order_id),
        "attempts": payments.list_attempts(order_id=order_id),
        "requests": fulfillment.list_references(order_id=order_id),
        "parcels": fulfillment.list_shipments([order_id]).get(order_id, []),
        "timeline": list(story.order_by("-id")[:TIMELINE_LENGTH]),
    }
