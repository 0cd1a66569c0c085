"""What every call to Stripe passes before it leaves: breaker, bulkhead, rate limit.

All three live in the memory of this process alone. A worker forks for each job, and the job that
begins knows nothing of the one before: it has one call of each endpoint at once and earns the
others, so that jobs in quick succession stay near the limit; and it learns anew that Stripe is
silent, for which five calls without one answer are enough.

Calls with a budget (`globalmart.core.budget`) are those that a person waits for.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from globalmart.core.budget import seconds_left
from globalmart.core.resilience import Breaker, Bucket, Bulkhead

WEB_WAIT_SECONDS, WORKER_WAIT_SECONDS = 2.0, 5.0
PLACE_WAIT_SECONDS = 1.0
# A call that has less than this left would only be an unknown outcome more.
LEAST_SECONDS = 1.0
# How long an endpoint rests after a 429, where Stripe does not say, and at most.
REST_SECONDS, MOST_REST_SECONDS = 1.0, 60.0
# Without a limit a bucket still rests when Stripe asks for it.
UNLIMITED = 1_000_000.0
TOO_MANY, FIRST_SERVER_ERROR = 429, 500
PATH = re.compile(
    r"/v1/(?P<things>[a-z_/]+?)(?:/(?P<id>[^/]*[A-Z0-9][^/]*)(?:/(?P<verb>[a-z_]+))?)?/?"
)
VERBS = {"GET": ("list", "retrieve"), "POST": ("create", "update"), "DELETE": ("delete", "delete")}


class NotSent(Exception):
    """The call did not leave, so it is certainly not done; the same again after `retry_after` s."""

    def __init__(self, code: str, *, retry_after: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Passage:
    """One call on its way. Not told what became of it, it counts as a failure of Stripe's."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after = ""
        self.is_replayed = False

    def answered(self, *, status: int, retry_after: str = "", is_replayed: bool = False) -> None:
        """Stripe answered, to the end, with this HTTP status and header; `is_replayed`: with what
        it had answered to the same key before."""
        self.status, self.retry_after, self.is_replayed = status, retry_after, is_replayed

    @property
    def is_failure(self) -> bool:
        """Tell whether Stripe failed: silence or a 5xx. A refusal of any kind is an answer, and
        so is an old 5xx that it gives again."""
        is_error = self.status is None or self.status >= FIRST_SERVER_ERROR
        return is_error and not self.is_replayed


class Guard:
    """Stands in front of Stripe; one per process, shared by its threads.

    `share(endpoint)` is this process's part of the rate limit in calls per second, 0 for none;
    `places` how many calls that people wait for may be under way at once.
    """

    def __init__(
        self, *, share: Callable[[str], float], places: int, breaker: Breaker | None = None
    ) -> None:
        self._share = share
        self._breaker = breaker or Breaker(name="Stripe")
        self._bulkhead = Bulkhead(places=places)
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._refused: Counter[str] = Counter()

    @contextmanager
    def passage(self, endpoint: str) -> Iterator[Passage]:
        """Let one call pass, after a short wait if need be. Raises NotSent."""
        if (pause := self._breaker.pause()) > 0:
            raise self._refusal("breaker_open", retry_after=pause)
        left = seconds_left()
        if left is None:
            with self._limited(endpoint, wait_seconds=WORKER_WAIT_SECONDS) as passage:
                yield passage
            return
        if not self._bulkhead.enter(wait_seconds=min(PLACE_WAIT_SECONDS, left)):
            raise self._refusal("busy", retry_after=PLACE_WAIT_SECONDS)
        try:
            wait = max(0.0, min(WEB_WAIT_SECONDS, (seconds_left() or 0.0) - LEAST_SECONDS))
            with self._limited(endpoint, wait_seconds=wait) as passage:
                yield passage
        finally:
            self._bulkhead.leave()

    @contextmanager
    def _limited(self, endpoint: str, *, wait_seconds: float) -> Iterator[Passage]:
        bucket = self._bucket(endpoint)
        if (needed := bucket.take(wait_seconds=wait_seconds)) > 0:
            raise self._refusal("rate_limited", retry_after=needed)
        left = seconds_left()
        if left is not None and left < LEAST_SECONDS:
            raise self._refusal("no_time", retry_after=LEAST_SECONDS)
        ticket = self._breaker.admit()
        if ticket is None:
            raise self._refusal("breaker_open", retry_after=self._breaker.pause())
        passage = Passage()
        try:
            yield passage
        finally:
            self._breaker.settle(ticket, is_failure=passage.is_failure)
            if passage.status == TOO_MANY:
                bucket.rest(seconds=_rest_seconds(passage.retry_after))

    def _bucket(self, endpoint: str) -> Bucket:
        with self._lock:
            if endpoint not in self._buckets:
                self._buckets[endpoint] = Bucket(per_second=self._share(endpoint) or UNLIMITED)
            return self._buckets[endpoint]

    def _refusal(self, code: str, *, retry_after: float) -> NotSent:
        with self._lock:
            self._refused[code] += 1
        return NotSent(code, retry_after=retry_after)

    def snapshot(self) -> dict[str, Any]:
        """Return the state of this process's guard, for operators."""
        with self._lock:
            buckets, refused = dict(self._buckets), dict(self._refused)
        return {
            "breaker": self._breaker.snapshot(),
            "bulkhead": self._bulkhead.snapshot(),
            "endpoints": {name: bucket.snapshot() for name, bucket in buckets.items()},
            "refused": refused,
        }


def _rest_seconds(header: str) -> float:
    try:
        seconds = float(header)
    except ValueError:
        return REST_SECONDS
    return min(seconds, MOST_REST_SECONDS) if seconds > 0 else REST_SECONDS


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
    return Guard(share=share_of, places=max(1, settings.WEB_THREADS // 2))
