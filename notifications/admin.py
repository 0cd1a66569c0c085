"""Staff pages of messages to customers."""

from django.contrib import admin

from globalmart.core.admin import HouseAdmin, chip
from notifications import models


@admin.register(models.Message)
class MessageAdmin(HouseAdmin):
    list_display = ("created_at", "order", "kind", "channel", "recipient", chip(), "last_error")
    list_filter = ("state", "channel", "kind")
    list_select_related = ("order",)
    search_fields = ("=recipient", "=order__number", "=provider_id")
    ordering = ("-id",)
    hidden = ("lease_token",)
