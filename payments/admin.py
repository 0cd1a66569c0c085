"""Staff pages of payments: read-only, because money moves through services."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from globalmart.core.admin import HouseAdmin, HouseInline, chip, money
from payments import models
from payments.services.cases import close_case
from payments.states import CaseKind


@admin.register(models.OrderAccount)
class OrderAccountAdmin(HouseAdmin):
    list_display = (
        "order",
        "currency",
        money("due_minor"),
        money("authorized_minor"),
        money("captured_minor"),
        money("refunded_minor"),
    )
    list_select_related = ("order",)
    search_fields = ("=order__number",)
    ordering = ("-id",)


class OperationInline(HouseInline):
    model = models.PaymentOperation
    hidden = ("uuid", "request", "lease_token", "lease_until")


@admin.register(models.PaymentAttempt)
class PaymentAttemptAdmin(HouseAdmin):
    list_display = (
        "order",
        "number",
        chip(),
        money("amount_minor"),
        money("captured_minor"),
        "mode",
        "stripe_intent_id",
        "created_at",
    )
    list_filter = ("state", "mode")
    list_select_related = ("order",)
    search_fields = ("=order__number", "=stripe_intent_id")
    search_help_text = "Order number or Stripe's id of the intent, in full"
    ordering = ("-id",)
    inlines = (OperationInline,)


@admin.register(models.PaymentOperation)
class PaymentOperationAdmin(HouseAdmin):
    hidden = ("request", "lease_token")  # the request holds the order's secret link
    list_display = ("attempt", "kind", "number", chip(), "tries", "due_at", "last_error")
    list_filter = ("state", "kind")
    list_select_related = ("attempt",)
    search_fields = ("=idempotency_key", "=attempt__stripe_intent_id")
    ordering = ("-id",)


class RefundItemInline(HouseInline):
    model = models.RefundItem


class RefundOperationInline(OperationInline):
    fk_name = "refund"


@admin.register(models.Refund)
class RefundAdmin(HouseAdmin):
    """Read-only: refunds are asked for, approved and tried again on the order's page."""

    list_display = (
        "order",
        chip(),
        money("amount_minor"),
        "reason",
        "requested_by",
        "approved_by",
        "failure_code",
        "created_at",
    )
    list_filter = ("state", "reason")
    list_select_related = ("order",)
    search_fields = ("=order__number", "=stripe_refund_id")
    search_help_text = "Order number or Stripe's id of the refund, in full"
    ordering = ("-id",)
    inlines = (RefundItemInline, RefundOperationInline)


@admin.register(models.Dispute)
class DisputeAdmin(HouseAdmin):
    list_display = (
        "stripe_id",
        "order",
        chip(),
        money("amount_minor"),
        "reason",
        "evidence_due_at",
        "opened_at",
    )
    list_filter = ("state", "reason")
    list_select_related = ("order",)
    search_fields = ("=stripe_id", "=order__number")
    search_help_text = "Stripe's id of the dispute or the order's number, in full"
    ordering = ("-id",)


@admin.register(models.FraudWarning)
class FraudWarningAdmin(HouseAdmin):
    list_display = ("stripe_id", "order", "kind", "is_actionable", "warned_at")
    list_filter = ("is_actionable", "kind")
    list_select_related = ("order",)
    search_fields = ("=stripe_id", "=order__number")
    ordering = ("-id",)


@admin.register(models.LedgerEntry)
class LedgerEntryAdmin(HouseAdmin):
    list_display = ("booked_at", "order", "account", money("amount_minor"), "txn")
    list_filter = ("account", "currency")
    list_select_related = ("order",)
    search_fields = ("=order__number", "=txn")
    ordering = ("-id",)


@admin.register(models.StripeEvent)
class StripeEventAdmin(HouseAdmin):
    list_display = ("received_at", "type", "intent_id", "tries", "done_at", "last_error")
    list_filter = ("type", ("done_at", admin.EmptyFieldListFilter))
    search_fields = ("=event_id", "=intent_id")
    ordering = ("-id",)


@admin.register(models.PaymentCase)
class PaymentCaseAdmin(HouseAdmin):
    """A case is closed by saying what was done about it; that closes its alert too."""

    list_display = (
        "opened_at",
        "kind",
        "order",
        "subject",
        money("our_minor"),
        money("their_minor"),
        "detail",
        "closed_at",
    )
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind", "currency")
    list_select_related = ("order",)
    search_fields = ("=order__number", "=subject")
    search_help_text = "Order number or Stripe's id, in full"
    ordering = ("-id",)
    editable = ("resolution",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A closed case stays as it is."""
        is_open = obj is None or obj.closed_at is None
        return is_open and bool(super().has_change_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Close the case, if it is said how."""
        if obj.resolution:
            close_case(
                kind=CaseKind(obj.kind),
                subject=obj.subject,
                closed_by=f"staff:{request.user.pk}",
                resolution=obj.resolution,
                now=timezone.now(),
            )


@admin.register(models.BalanceTransaction)
class BalanceTransactionAdmin(HouseAdmin):
    list_display = (
        "created",
        "type",
        "source",
        money("amount_minor"),
        money("fee_minor"),
        money("net_minor"),
        "payout_id",
    )
    list_filter = ("type", "currency")
    search_fields = ("=stripe_id", "=source", "=payout_id")
    ordering = ("-id",)


@admin.register(models.Cursor)
class CursorAdmin(HouseAdmin):
    list_display = ("name", "read_until")
    ordering = ("name",)
