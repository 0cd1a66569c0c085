"""System checks of fulfillment, with hints. Registered when the app is ready."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from fulfillment.calendars import find_zone
from fulfillment.models import Warehouse


@register(Tags.database)
def time_zones_are_known(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Say which warehouse has a time zone that this machine does not know.

    It asks the database, so it runs with `migrate` and `check --database default`.
    """
    if not databases:
        return []
    try:
        zones = list(Warehouse.objects.order_by("pk").values_list("code", "time_zone"))
    except DatabaseError:
        # Before the migrations there are no warehouses either.
        return []
    return [
        Error(
            f"The warehouse {code} is in the time zone {name!r}, which this machine does not know.",
            hint="Correct it in the admin (Warehouses), or install the package tzdata.",
            id="fulfillment.E001",
        )
        for code, name in zones
        if find_zone(name) is None
    ]
