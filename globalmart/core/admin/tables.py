"""Staff pages of core's own tables."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest

from globalmart.core import access
from globalmart.core import models as core
from globalmart.core.admin.house import HouseAdmin, HouseInline, chip


@admin.register(core.ApiClient)
class ApiClientAdmin(HouseAdmin):
    list_display = ("name", "is_active", "created_at")
    search_fields = ("name",)
    editable = ("name", "is_active")
    can_add = True


@admin.register(core.ApiKey)
class ApiKeyAdmin(HouseAdmin):
    """Keys are issued here and shown once; afterwards only their end can be set."""

    list_display = (
        "prefix",
        "client",
        "scopes",
        "is_live",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("is_live", "client")
    list_select_related = ("client",)
    search_fields = ("prefix", "client__name")
    set_once = ("client", "scopes")
    editable = ("expires_at", "revoked_at")
    hidden = ("digest",)
    can_add = True

    def save_model(
        self, request: HttpRequest, obj: core.ApiKey, form: "ModelForm[Any]", change: bool
    ) -> None:
        """Store a change, or issue a key and show it this one time."""
        if not change:
            key = access.new_key(row=obj)
            messages.success(request, f"Copy this key now, it is not shown again: {key}")
        super().save_model(request, obj, form, change)


@admin.register(core.TimelineEntry)
class TimelineEntryAdmin(HouseAdmin):
    list_display = ("created_at", "kind", "subject_type", "subject_id", "before", "after", "actor")
    list_filter = ("subject_type",)
    search_fields = ("=subject_id", "=kind", "=correlation_id")
    ordering = ("-id",)


class DeliveryInline(HouseInline):
    model = core.Delivery
    fk_name = "event"
    hidden = ("lease_token",)


@admin.register(core.OutboxEvent)
class OutboxEventAdmin(HouseAdmin):
    list_display = ("created_at", "name", "subject_type", "subject_id", "published_at", "position")
    list_filter = (("published_at", admin.EmptyFieldListFilter),)
    search_fields = ("=subject_id", "=name", "=correlation_id")
    ordering = ("-id",)
    inlines = (DeliveryInline,)


@admin.register(core.Delivery)
class DeliveryAdmin(HouseAdmin):
    list_display = ("event", "consumer", "queue", chip(), "tries", "due_at", "last_error")
    list_filter = ("state", "queue")
    list_select_related = ("event",)
    search_fields = ("=consumer",)
    ordering = ("-id",)


@admin.register(core.Alert)
class AlertAdmin(HouseAdmin):
    list_display = ("opened_at", "kind", "subject_type", "subject_id", "detail", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind")
    search_fields = ("=subject_id", "=kind", "detail")
    ordering = ("closed_at", "-id")


@admin.register(core.IdempotencyKey)
class IdempotencyKeyAdmin(HouseAdmin):
    list_display = ("created_at", "scope", "key", "response_status", "subject_id")
    search_fields = ("=scope", "=key", "=subject_id")
    ordering = ("-id",)
    # The answer holds a name and addresses; the order's page shows them to those who may see it.
    hidden = ("response_body",)


@admin.register(core.Heartbeat)
class HeartbeatAdmin(HouseAdmin):
    list_display = ("process", "kind", "beat_at")
    ordering = ("-beat_at",)


@admin.register(core.TryCount)
class TryCountAdmin(HouseAdmin):
    list_display = ("scope", "tries", "began_at")
    list_filter = ("scope",)
    ordering = ("-began_at",)


@admin.register(core.FeedCounter)
class FeedCounterAdmin(HouseAdmin):
    list_display = ("name", "position")
