"""One correlation id per request or job, carried into logs, timeline and outbox; who asks."""

import ipaddress
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from globalmart.core.ids import uuid7

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
# Ids land in tables that cannot be cleaned: nothing that may be a card or phone number passes.
ACCEPTED = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9._-]{8,64}")


@contextmanager
def correlated(value: str = "") -> Iterator[str]:
    """Give everything inside one correlation id: the given one, or a new one."""
    token = correlation_id.set(value or uuid7().hex)
    try:
        yield correlation_id.get()
    finally:
        correlation_id.reset(token)


class CorrelationMiddleware:
    """Take the caller's X-Request-ID when it is well formed, else make one; answer with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        with correlated(given if ACCEPTED.fullmatch(given) else "") as value:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = value
            return response


class CorrelationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation_id = correlation_id.get() or "-"
        return True


def client_address(request: HttpRequest) -> str:
    """Return the network address of whoever asks, as our own outermost proxy saw it.

    Each of the PROXIES adds the address of its peer at the right; what stands left of theirs is
    the client's own claim. Of an IPv6 address the network (/64) counts: one customer has all of it.
    """
    claimed = request.headers.get("X-Forwarded-For", "") if settings.PROXIES else ""
    hops = [hop.strip() for hop in claimed.split(",") if hop.strip()]
    hops.append(request.META.get("REMOTE_ADDR", ""))
    seen: str = hops[max(0, len(hops) - 1 - settings.PROXIES)]
    try:
        address = ipaddress.ip_address(seen)
    except ValueError:
        return seen
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address.packed, 64), strict=False))
    return seen
