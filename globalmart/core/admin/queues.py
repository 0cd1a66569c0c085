"""RQ's own pages for the queues. Its model has no table, so it has no rows to open, either."""

from typing import Any

from django.contrib import admin
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard

admin.site.unregister(Dashboard)


@admin.register(Dashboard)
class QueuesAdmin(QueueAdmin):
    def get_object(self, *_request_id_and_field: Any) -> None:
        """Find nothing, instead of asking a table that is not there."""
        return
