"""Tell the shop what became of its messages: late, twice, out of order or never, as switched.

Callbacks that were not made when the process dies are lost, as the vendors' sometimes are.
"""

import heapq
import itertools
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from globalmart.sandbox.faults import Faults

TIMEOUT_SECONDS = 10.0
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0)
REORDER_SECONDS = 2.0
WORKERS = 4


@dataclass(frozen=True, slots=True)
class Call:
    """One callback: its name for faults, and what makes it when its time has come.

    `build` is called just before sending, and returns (address, body, headers); an empty address
    means that nobody asked to be called.
    """

    operation: str
    build: Callable[[], tuple[str, bytes, dict[str, str]]]


@dataclass(order=True, slots=True)
class _Due:
    at: float
    number: int
    call: Call = field(compare=False)
    tries: int = field(compare=False, default=0)


class Callbacks:
    """A queue by time and a few threads that work it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._queue: list[_Due] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def start(self) -> None:
        """Start the threads."""
        for _ in range(WORKERS):
            threading.Thread(target=self._work, daemon=True, name="callback").start()

    def enter(self, call: Call, *, after: float) -> None:
        """Make a callback in `after` seconds, unless a fault has other plans."""
        plan = self._faults.plan(call.operation)
        if plan.has("never"):
            return
        for kind, default in (("delay", 1.0), ("reorder", REORDER_SECONDS)):
            drawn = plan.has(kind)
            if drawn:
                after += default if drawn.seconds is None else drawn.seconds
        for _ in range(2 if plan.has("duplicate") else 1):
            self._push(_Due(time.monotonic() + after, next(self._numbers), call))

    def _push(self, due: _Due) -> None:
        with self._changed:
            heapq.heappush(self._queue, due)
            self._changed.notify()

    def _work(self) -> None:
        while True:
            due = self._next()
            address, body, headers = due.call.build()
            if address and not _post(address, body, headers) and due.tries < len(RETRY_SECONDS):
                at = time.monotonic() + RETRY_SECONDS[due.tries]
                self._push(_Due(at, next(self._numbers), due.call, due.tries + 1))

    def _next(self) -> _Due:
        with self._changed:
            while True:
                wait = self._queue[0].at - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)
                self._changed.wait(wait)


def _post(address: str, body: bytes, headers: dict[str, str]) -> bool:
    request = urllib.request.Request(address, body, headers)  # noqa: S310  from the command line
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, ValueError):
        return False
