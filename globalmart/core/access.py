"""Who may call the API: bearer keys of clients, scopes, and nothing in the query string."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from globalmart.core import rows
from globalmart.core.models import ApiClient, ApiKey
from globalmart.core.problems import Problem

TEST_PREFIX, LIVE_PREFIX = "gm_test_", "gm_live_"
PREFIXES = (TEST_PREFIX, LIVE_PREFIX)
SHOWN_CHARACTERS = 12
MAX_KEY_LENGTH = 200
USE_RESOLUTION = timedelta(minutes=1)
# Asked by every call of the API: without the ORM, which would take longer than PostgreSQL.
FIND_KEY = """
SELECT k.id, k.scopes, k.is_live, k.expires_at, k.revoked_at, k.last_used_at,
       c.id, c.name, c.is_active
  FROM core_apikey k JOIN core_apiclient c ON c.id = k.client_id
 WHERE k.digest = %s
"""


class KeyOfWrongMode(ImproperlyConfigured):
    """A test key beside live payment keys, or a live key beside test ones."""


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key in hex. A key has 256 random bits, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def register_key(
    *, client_name: str, key: str, scopes: Collection[str], is_live: bool = False
) -> ApiKey:
    """Store a given key for a client of this name, making both where they are absent.

    Raises KeyOfWrongMode when the key does not fit the payment keys of these settings.
    """
    prefix = LIVE_PREFIX if is_live else TEST_PREFIX
    if not key.startswith(prefix) or is_live != settings.IS_LIVE:
        raise KeyOfWrongMode(
            f"A key {key[: len(prefix)]}… cannot exist beside "
            f"{'live' if settings.IS_LIVE else 'test'} Stripe keys."
        )
    client, _ = ApiClient.objects.get_or_create(name=client_name)
    row, _ = ApiKey.objects.update_or_create(
        digest=hash_key(key),
        defaults={
            "client": client,
            "prefix": key[:SHOWN_CHARACTERS],
            "scopes": sorted(scopes),
            "is_live": is_live,
        },
    )
    return row


def new_key(*, row: ApiKey) -> str:
    """Make a key of this installation's mode, note it on an unsaved row, and return it.

    The caller shows it once: only its digest is kept.
    """
    key = (LIVE_PREFIX if settings.IS_LIVE else TEST_PREFIX) + secrets.token_urlsafe(32)
    row.prefix, row.digest, row.is_live = key[:SHOWN_CHARACTERS], hash_key(key), settings.IS_LIVE
    return key


def issue_key(
    *, client: ApiClient, scopes: Collection[str], expires_at: datetime | None = None
) -> str:
    """Store a new key for a client and return it."""
    row = ApiKey(client=client, scopes=sorted(scopes), expires_at=expires_at)
    key = new_key(row=row)
    row.save()
    return key


def find_key(*, key: str, now: datetime) -> ApiKey | None:
    """Return the key's row; None when unknown, revoked, expired or of the other mode."""
    row = _read_key(hash_key(key))
    if row is None or row.revoked_at is not None or not row.client.is_active:
        return None
    if row.is_live != settings.IS_LIVE or (row.expires_at is not None and row.expires_at <= now):
        return None
    return row


def _read_key(digest: str) -> ApiKey | None:
    for found in rows.fetch(FIND_KEY, [digest]):
        key_id, scopes, is_live, expires_at, revoked_at, last_used_at, *client = found
        return ApiKey(
            pk=key_id,
            client=ApiClient(pk=client[0], name=client[1], is_active=client[2]),
            digest=digest,
            scopes=scopes,
            is_live=is_live,
            expires_at=expires_at,
            revoked_at=revoked_at,
            last_used_at=last_used_at,
        )
    return None


def note_use(*, row: ApiKey, now: datetime) -> None:
    """Remember that the key was used, at most once a minute: a hot key must not be a hot row."""
    before = now - USE_RESOLUTION
    if row.last_used_at is None or row.last_used_at <= before:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def is_key(text: str) -> bool:
    """Tell whether a text looks like one of our keys."""
    return text.startswith(PREFIXES)


def caller_of(request: Request) -> tuple[ApiClient, ApiKey]:
    """Return who calls and with which key, after authentication. Raises TypeError without one."""
    client, key = request.user, request.auth
    if not isinstance(client, ApiClient) or not isinstance(key, ApiKey):
        raise TypeError("the request was not authenticated by an API key")
    return client, key


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. A key in the address is refused: addresses are logged."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        if any(is_key(value) for values in request.GET.lists() for value in values[1]):
            raise AuthenticationFailed(
                "An API key was sent in the address. Send it in the Authorization header, and "
                "revoke this one: addresses are logged."
            )
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, key = header.partition(" ")
        key = key.strip()
        now = timezone.now()
        row = None
        # Non-ASCII and over-long texts cannot be ours; they never reach the database.
        if scheme.lower() == "bearer" and is_key(key) and key.isascii():
            row = find_key(key=key, now=now) if len(key) <= MAX_KEY_LENGTH else None
        if row is None:
            # One sentence for unknown, revoked and expired: nothing to learn by guessing.
            raise AuthenticationFailed("The API key is not valid.")
        note_use(row=row, now=now)
        return row.client, row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class HasScope(BasePermission):
    """The view names the scope of each method in `scopes`; methods that it leaves out are shut."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            return False
        method = "GET" if request.method == "HEAD" else request.method
        wanted = getattr(view, "scopes", {}).get(method)
        name = str(method).lower()
        has_handler = name in view.http_method_names and hasattr(view, name)
        if wanted in caller_of(request)[1].scopes or not has_handler:  # no handler: 405 follows
            return True
        raise Problem(code="forbidden", detail=f"The key lacks the scope {wanted}.")
