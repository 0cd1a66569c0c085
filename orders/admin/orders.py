"""The order as staff see it: lines, money, parcels and the whole story on one page."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Read with the orders what list and page show of their neighbours."""
        found: QuerySet[Order] = super().get_queryset(request)
        return found.select_related("api_client", "draft")

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Order | None = None,
    ) -> HttpResponse:
        """Show the order with what the other apps know of it."""
        if obj is not None:
            prefetch_related_objects(
                [obj], Prefetch("lines", OrderLine.objects.order_by("position"))
            )
            context |= (
                _panels(obj)
                | holds.panel(request, obj.pk)
                | drafts.panel(request, obj)
                | cancelling.panel(request, obj)
                | changing.panel(request, obj)
                | refunds.panel(request, obj)
                | returns.panel(request, obj)
            )
        answer: HttpResponse = super().render_change_form(
            request, context, add, change, form_url, obj
        )
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
    elif not kinds:
        messages.warning(
            request, "No order is known by that. Ids and references are needed in full."
        )
    else:
        words = ", ".join(f"{count} by {kind}" for kind, count in kinds.items())
        messages.info(request, f"Found {words}.")


def _account(order_id: int) -> Any:
    """Return the order's account; a draft has none yet."""
    try:
        return payments.get_account(order_id=order_id)
    except ObjectDoesNotExist:
        return None


def _panels(order: Order) -> dict[str, Any]:
    """Return what the panels of the order page show."""
    account, attempts = _account(order.pk), payments.list_attempts(order_id=order.pk)
    disputes = payments.list_disputes(order_id=order.pk)
    story = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk)
    return {
        "papers": list_papers(order_id=order.pk),
        "lines": order.lines.all(),
        "payment_status": payments.summarize(account, attempts, disputes),
        "fulfillment_status": fulfillment.summaries([order.pk]).get(order.pk, "unfulfilled"),
        "account": account,
        "disputes": disputes,
        "attempts": attempts,
        "requests": fulfillment.list_references(order_id=order.pk),
        "parcels": fulfillment.list_shipments([order.pk]).get(order.pk, []),
        "timeline": list(story.order_by("-id")[:TIMELINE_LENGTH]),
    }
