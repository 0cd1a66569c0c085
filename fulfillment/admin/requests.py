"""Staff pages of requests: which do not get through, why, and what a person can do about it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.timesince import timesince

from fulfillment import models
from fulfillment.admin import actions, repairs
from globalmart.core.admin import HouseAdmin, HouseInline, chip


class AgeFilter(admin.SimpleListFilter):
    """By how long a request has been in its state."""

    title = "time in its state"
    parameter_name = "age"
    AGES = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "1d": timedelta(days=1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [
            ("15m", "more than 15 minutes"),
            ("1h", "more than an hour"),
            ("1d", "more than a day"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that are that old."""
        age = self.AGES.get(self.value() or "")
        if age is None:
            return queryset
        return queryset.filter(state_changed_at__lt=timezone.now() - age)


class FulfillmentLineInline(HouseInline):
    model = models.FulfillmentLine


@admin.register(models.Fulfillment)
class FulfillmentAdmin(HouseAdmin):
    list_display = (
        "reference",
        "warehouse",
        chip(),
        chip("waits_for"),
        "age",
        "tries",
        "last_error",
        "due_at",
        "wms_number",
    )
    list_filter = ("waits_for", "state", "warehouse", AgeFilter)
    list_select_related = ("warehouse",)
    search_fields = ("=reference", "=order_number", "=wms_number")
    search_help_text = "Our reference, the order's number or the warehouse's number, in full"
    ordering = ("-id",)
    hidden = ("lease_token",)
    inlines = (FulfillmentLineInline,)
    actions = ("send_again", "give_up")
    # Its forms stand before the page's own: forms do not nest.
    change_form_outer_before_template = "admin/fulfillment/fulfillment/forms.html"

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Tell whether this person may decide about requests."""
        return actions.may_act(request)

    def get_urls(self) -> list[Any]:
        """Add what the buttons of the pages do."""
        guard = self.admin_site.admin_view
        return [
            path("act/<slug:name>/", guard(actions.confirm), name="fulfillment_fulfillment_act"),
            path(
                "<int:fulfillment_id>/repair/<slug:name>/",
                guard(repairs.repair),
                name="fulfillment_fulfillment_repair",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the request with what can be done about it."""
        context = dict(extra_context or {})
        if object_id.isdigit():
            context |= repairs.panel(request, int(object_id))
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    @admin.display(description="in this state", ordering="state_changed_at")
    def age(self, row: models.Fulfillment) -> str:
        return timesince(row.state_changed_at, depth=1)

    @admin.action(description="Send again", permissions=["repair"])
    def send_again(self, request: HttpRequest, rows: QuerySet[models.Fulfillment]) -> HttpResponse:
        """Show what would happen, and ask why."""
        return actions.show(request, "send-again", rows)

    @admin.action(description="Give up", permissions=["repair"])
    def give_up(self, request: HttpRequest, rows: QuerySet[models.Fulfillment]) -> HttpResponse:
        """Show what would happen, and ask why."""
        return actions.show(request, "give-up", rows)


@admin.register(models.FulfillmentLine)
class FulfillmentLineAdmin(HouseAdmin):
    list_display = ("fulfillment", "sku", "name", "quantity", "shipped", "short", "short_reason")
    list_select_related = ("fulfillment",)
    search_fields = ("=sku", "=fulfillment__order_number")
    ordering = ("-id",)
