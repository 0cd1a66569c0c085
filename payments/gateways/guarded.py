"""What every call to Stripe passes before it leaves: `globalmart.core.guard`, set for Stripe."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from globalmart.core.guard import Guard

PATH = re.compile(
    r"/v1/(?P<things>[a-z_/]+?)(?:/(?P<id>[^/]*[A-Z0-9][^/]*)(?:/(?P<verb>[a-z_]+))?)?/?"
)
VERBS = {"GET": ("list", "retrieve"), "POST": ("create", "update"), "DELETE": ("delete", "delete")}


def endpoint_of(*, method: str, url: str) -> str:
    """Return which endpoint of Stripe's a call goes to, as `payment_intents.confirm`."""
    found = PATH.fullmatch(urlsplit(url).path)
    if found is None:
        return "other"
    of_all, of_one = VERBS.get(method.upper(), ("other", "other"))
    verb = found["verb"] or (of_one if found["id"] else of_all)
    return f"{found['things'].replace('/', '.')}.{verb}"


def share_of(endpoint: str) -> float:
    """Return the calls per second that this process may make of an endpoint; 0 for no limit.

    The installation's limit is divided by the processes that call the endpoint at all.
    """
    limit: float = settings.STRIPE_RATE_LIMIT
    web: int = settings.WEB_WORKERS
    workers: int = settings.STRIPE_WORKERS
    callers = {
        # The page creates the intent for the browser, a worker for the API.
        "payment_intents.create": web + workers,
        # The way back from the bank, the queue of payments and that of webhooks.
        "payment_intents.retrieve": web + 2 * workers,
    }
    return limit / max(1, callers.get(endpoint, workers))


@lru_cache
def guard() -> Guard:
    """Return this process's guard."""
    return Guard(name="Stripe", share=share_of, places=max(1, settings.WEB_THREADS // 2))
