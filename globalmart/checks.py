"""System checks with hints. Registered when the core app is ready."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from globalmart.core.models import ApiKey

DEMO_DOMAIN = ".example"
DEMO_CLIENT = "demo"


@register(Tags.security, Tags.database)
def no_demo_access_beside_live_keys(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Say what of the demo can still log in or call the API while payments are live.

    It asks the database, so it runs where a database may be asked: `migrate`, and
    `check --database default`.
    """
    if not settings.IS_LIVE or not databases:
        return []
    try:
        return [*_demo_keys(), *_demo_logins()]
    except DatabaseError:
        # Before the first migration there are no tables, and so no demo either.
        return []


def _demo_keys() -> list[CheckMessage]:
    usable = ApiKey.objects.filter(revoked_at__isnull=True, client__is_active=True)
    count = (usable.filter(is_live=False) | usable.filter(client__name=DEMO_CLIENT)).count()
    if not count:
        return []
    return [
        Error(
            f"{count} demo or test API keys exist beside a live STRIPE_SECRET_KEY.",
            hint="Revoke them in the admin (API keys), or use a database without the demo.",
            id="globalmart.E101",
        )
    ]


def _demo_logins() -> list[CheckMessage]:
    logins = get_user_model().objects.filter(is_active=True, email__iendswith=DEMO_DOMAIN)
    if not logins.exists():
        return []
    return [
        Error(
            "A demo staff login (an address ending in .example) exists beside a live"
            " STRIPE_SECRET_KEY.",
            hint="Delete it in the admin (Users), or use a database without the demo.",
            id="globalmart.E102",
        )
    ]
