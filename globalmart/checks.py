"""System checks with hints. Registered when the core app is ready."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string

from globalmart.core import choreography
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


@register()
def dotted_names_resolve(
    *, app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Say which dotted name of the settings, the addresses or the wiring leads nowhere.

    These files name the apps by strings, so that no import points up; a typing error in one
    would else be found by the first order that needs it.
    """
    return [
        Error(
            f"{where} names {dotted}, which cannot be imported: {error}",
            hint="Correct the name, or write what it names.",
            id="globalmart.E001",
        )
        for where, dotted in _dotted_names()
        if (error := _error_of(dotted))
    ]


def _dotted_names() -> list[tuple[str, str]]:
    framework: Mapping[str, Any] = settings.REST_FRAMEWORK
    spectacular: Mapping[str, Any] = settings.SPECTACULAR_SETTINGS
    unfold: Mapping[str, Any] = settings.UNFOLD
    named = [
        *settings.MIDDLEWARE,
        *settings.PASSWORD_HASHERS,
        *(entry["BACKEND"] for entry in settings.TEMPLATES),
        *(name for entry in settings.TEMPLATES for name in _processors(entry)),
        *(entry["NAME"] for entry in settings.AUTH_PASSWORD_VALIDATORS),
        *(entry["BACKEND"] for entry in settings.STORAGES.values()),
        *framework["DEFAULT_AUTHENTICATION_CLASSES"],
        *framework["DEFAULT_PERMISSION_CLASSES"],
        *framework["DEFAULT_RENDERER_CLASSES"],
        *framework["DEFAULT_PARSER_CLASSES"],
        framework["DEFAULT_SCHEMA_CLASS"],
        framework["EXCEPTION_HANDLER"],
        *spectacular["POSTPROCESSING_HOOKS"],
        unfold["ENVIRONMENT"],
        unfold["SIDEBAR"]["navigation"],
        settings.EMAIL_BACKEND,
        settings.WSGI_APPLICATION,
        f"{settings.ROOT_URLCONF}.urlpatterns",
        f"{settings.WIRING}.WIRING",
    ]
    wired = choreography.dotted_names()
    return [("A setting", name) for name in named] + [("The wiring", name) for name in wired]


def _processors(entry: Mapping[str, Any]) -> list[str]:
    found: list[str] = entry.get("OPTIONS", {}).get("context_processors", [])
    return found


def _error_of(dotted: str) -> str:
    try:
        import_string(dotted)
    except ImportError as error:
        return str(error)
    return ""


# What a process of the kind may wait for a lock, for a statement, and idle in a transaction.
LIMITS = {
    "lock_timeout": {"web": "2s", "worker": "5s"},
    "statement_timeout": {"web": "5s", "worker": "30s"},
    "idle_in_transaction_session_timeout": {"web": "10s", "worker": "30s"},
}


@register(Tags.database)
def connection_has_time_limits(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of a connection that may wait for ever: contention must end as "busy, try again".

    It asks the database, so it runs with `check --database default`.
    """
    return [
        Warning(
            f"The database role {user} waits without limit: {', '.join(missing)}.",
            hint="As the owner of the database, for the web process's role: "
            + " ".join(f"ALTER ROLE {user} SET {n} = '{LIMITS[n]['web']}';" for n in missing)
            + " For the role of workers, relay and cron: "
            + " ".join(f"ALTER ROLE {user} SET {n} = '{LIMITS[n]['worker']}';" for n in missing),
            id="globalmart.W001",
        )
        for alias in databases or ()
        for user, missing in [_unlimited(alias)]
        if missing
    ]


def _unlimited(alias: str) -> tuple[str, list[str]]:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_user")
            user = cursor.fetchone()[0]
            cursor.execute(
                "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = '0'",
                [list(LIMITS)],
            )
            found = {row[0] for row in cursor.fetchall()}
    except DatabaseError:
        return "", []
    return user, [name for name in LIMITS if name in found]
