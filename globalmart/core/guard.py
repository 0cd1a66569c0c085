"""What every call to a vendor passes before it leaves: breaker, bulkhead, rate limit.

All three live in the memory of this process alone. A process that begins knows nothing of the one
before: it has one call of each endpoint at once and earns the others, so that a worker that ends
and begins often stays near the limit; and it learns anew that the vendor is silent, for which five
calls without one answer are enough.

Calls with a budget (`globalmart.core.budget`) are those that a person waits for.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from globalmart.core.budget import seconds_left
from globalmart.core.resilience import Breaker, Bucket, Bulkhead

WEB_WAIT_SECONDS, WORKER_WAIT_SECONDS = 2.0, 5.0
PLACE_WAIT_SECONDS = 1.0
# A call that has less than this left would only be an unknown outcome more.
LEAST_SECONDS = 1.0
# How long an endpoint rests after a 429, where the vendor does not say, and at most.
REST_SECONDS, MOST_REST_SECONDS = 1.0, 60.0
# Without a limit a bucket still rests when the vendor asks for it.
UNLIMITED = 1_000_000.0
TOO_MANY, FIRST_SERVER_ERROR = 429, 500


class NotSent(Exception):
    """The call did not leave, so it is certainly not done; the same again after `retry_after` s."""

    def __init__(self, code: str, *, retry_after: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Passage:
    """One call on its way. Not told what became of it, it counts as a failure of the vendor's."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after = ""
        self.is_replayed = False

    def answered(self, *, status: int, retry_after: str = "", is_replayed: bool = False) -> None:
        """The vendor answered, to the end, with this HTTP status and header; `is_replayed`: with
        what it had answered to the same key before."""
        self.status, self.retry_after, self.is_replayed = status, retry_after, is_replayed

    @property
    def is_failure(self) -> bool:
        """Tell whether the vendor failed: silence or a 5xx. A refusal of any kind is an answer, and
        so is an old 5xx that it gives again."""
        is_error = self.status is None or self.status >= FIRST_SERVER_ERROR
        return is_error and not self.is_replayed


class Guard:
    """Stands in front of one vendor; one per process, shared by its threads.

    `share(endpoint)` is this process's part of the rate limit in calls per second, 0 for none;
    `places` how many calls may be under way at once: of those that people wait for, or of all.
    """

    def __init__(
        self,
        *,
        name: str,
        share: Callable[[str], float],
        places: int,
        places_for: Literal["people", "all"] = "people",
        breaker: Breaker | None = None,
    ) -> None:
        self._share = share
        self._breaker = breaker or Breaker(name=name)
        self._bulkhead = Bulkhead(places=places)
        self._holds_all = places_for == "all"
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._refused: Counter[str] = Counter()

    @contextmanager
    def passage(self, endpoint: str) -> Iterator[Passage]:
        """Let one call pass, after a short wait if need be. Raises NotSent."""
        if (pause := self._breaker.pause()) > 0:
            raise self._refusal("breaker_open", retry_after=pause)
        left = seconds_left()
        if left is None and not self._holds_all:
            with self._limited(endpoint, wait_seconds=_limit_wait()) as passage:
                yield passage
            return
        place_wait = WORKER_WAIT_SECONDS if left is None else min(PLACE_WAIT_SECONDS, left)
        if not self._bulkhead.enter(wait_seconds=place_wait):
            raise self._refusal("busy", retry_after=PLACE_WAIT_SECONDS)
        try:
            with self._limited(endpoint, wait_seconds=_limit_wait()) as passage:
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

    @property
    def is_open(self) -> bool:
        """Tell whether the breaker lets nothing pass now."""
        return self._breaker.pause() > 0

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


def _limit_wait() -> float:
    left = seconds_left()
    if left is None:
        return WORKER_WAIT_SECONDS
    return max(0.0, min(WEB_WAIT_SECONDS, left - LEAST_SECONDS))


def _rest_seconds(header: str) -> float:
    try:
        seconds = float(header)
    except ValueError:
        return REST_SECONDS
    return min(seconds, MOST_REST_SECONDS) if seconds > 0 else REST_SECONDS
