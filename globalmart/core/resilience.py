"""What stands in front of somebody else's server: a rate limit, a bulkhead, a circuit breaker.

Each is safe to share between threads and lives in the memory of one process, which has two
consequences. A limit must be divided by the number of processes. And a process begins with
nothing, however often it is started anew: so a bucket begins with one call instead of a burst, and
a breaker that has not seen one success gives up sooner.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Any, Literal

log = logging.getLogger(__name__)
Clock = Callable[[], float]
State = Literal["closed", "open", "half_open"]


class Bucket:
    """A rate limit: `per_second` calls, and after a rest as many at once as a fifth of that."""

    def __init__(
        self, *, per_second: float, clock: Clock = time.monotonic, sleep: Any = time.sleep
    ) -> None:
        self.per_second = per_second
        self._most = max(1.0, per_second / 5)
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._tokens, self._at, self._rests_until = 1.0, clock(), 0.0

    def take(self, *, wait_seconds: float) -> float:
        """Take one call and return 0, waiting up to `wait_seconds` for it.

        Where that is not enough nothing is taken, and what it would have needed is returned.
        """
        with self._lock:
            now = self._clock()
            self._tokens = min(self._most, self._tokens + (now - self._at) * self.per_second)
            self._at = now
            missing = max(0.0, 1.0 - self._tokens) / self.per_second
            pause = max(missing, self._rests_until - now)
            if pause > wait_seconds:
                return pause
            # Below zero: whoever comes next waits behind this one.
            self._tokens -= 1.0
        if pause > 0:
            self._sleep(pause)
        return 0.0

    def rest(self, *, seconds: float) -> None:
        """Let no call pass for this long: the other side asked for a pause."""
        with self._lock:
            self._rests_until = max(self._rests_until, self._clock() + seconds)

    def snapshot(self) -> dict[str, float]:
        """Return the limit and the seconds of a rest that are left."""
        rest = max(0.0, self._rests_until - self._clock())
        return {"per_second": self.per_second, "rests_seconds": rest}


class Bulkhead:
    """At most `places` threads inside at a time, so that the others can do something else."""

    def __init__(self, *, places: int) -> None:
        self.places = places
        self._free = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._inside = 0

    def enter(self, *, wait_seconds: float) -> bool:
        """Take a place, waiting for one; tell whether there was one. Then `leave` is owed."""
        if not self._free.acquire(timeout=wait_seconds):
            return False
        with self._lock:
            self._inside += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._inside -= 1
        self._free.release()

    def snapshot(self) -> dict[str, int]:
        """Return how many are inside, of how many."""
        return {"inside": self._inside, "places": self.places}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to make one call; `settle` is owed. An old one says nothing about the present."""

    epoch: int


class Breaker:
    """Stops calling a server that does not answer, and asks it now and then whether it does.

    Closed, all calls pass. It opens when `failures` calls of the last `window_seconds` failed,
    all in a row or more than half of all; before the first success, `first_failures` in a row are
    enough. Open, nothing passes for `pause_seconds`, give or take a fifth. Then it is half open:
    one call at a time passes, and decides. A success closes it; a failure opens it for twice as
    long as before, up to `most_pause_seconds`.
    """

    def __init__(
        self,
        *,
        name: str,
        failures: int = 10,
        first_failures: int = 5,
        window_seconds: float = 20.0,
        pause_seconds: float = 10.0,
        most_pause_seconds: float = 60.0,
        clock: Clock = time.monotonic,
        dice: Callable[[float, float], float] = uniform,
    ) -> None:
        self.name = name
        self._failures, self._first_failures = failures, first_failures
        self._window = window_seconds
        self._pause, self._first_pause, self._most_pause = (
            pause_seconds,
            pause_seconds,
            most_pause_seconds,
        )
        self._clock, self._dice = clock, dice
        self._lock = threading.Lock()
        self._state: State = "closed"
        # Calls answered in the window, as (when, whether it failed), and those that failed last.
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed = self._streak = self._opened = self._epoch = 0
        self._has_succeeded = self._is_probing = False
        self._opens_until = 0.0

    def pause(self) -> float:
        """Return the seconds for which nothing passes, 0 where a call might pass now."""
        with self._lock:
            return self._pause_left()

    def admit(self) -> Ticket | None:
        """Return leave to make one call, or None; `settle` is owed for each ticket."""
        with self._lock:
            if self._pause_left() > 0:
                return None
            if self._state == "open":
                self._move("half_open")
            if self._state == "half_open":
                self._is_probing = True
            return Ticket(self._epoch)

    def settle(self, ticket: Ticket, *, is_failure: bool) -> None:
        """Tell what became of the call."""
        with self._lock:
            if ticket.epoch != self._epoch:
                return
            self._is_probing = False
            if self._state == "half_open":
                self._settle_probe(is_failure=is_failure)
                return
            self._count(is_failure=is_failure)
            if is_failure and self._is_too_much():
                self._open()

    def snapshot(self) -> dict[str, Any]:
        """Return the state with its figures, for operators."""
        with self._lock:
            self._forget(self._clock())
            return {
                "state": self._state,
                "calls": len(self._calls),
                "failures": self._failed,
                "opened": self._opened,
                "pause_seconds": self._pause_left(),
            }

    def _pause_left(self) -> float:
        if self._state == "closed":
            return 0.0
        if self._is_probing:
            # The probe decides soon; nobody knows when.
            return 1.0
        return max(0.0, self._opens_until - self._clock())

    def _settle_probe(self, *, is_failure: bool) -> None:
        if is_failure:
            self._pause = min(self._most_pause, 2 * self._pause)
            self._open()
            return
        self._pause = self._first_pause
        self._calls.clear()
        self._failed = self._streak = 0
        self._has_succeeded = True
        self._move("closed")

    def _open(self) -> None:
        pause = self._pause * self._dice(0.8, 1.2)
        self._opens_until = self._clock() + pause
        self._opened += 1
        self._move("open", f"for {pause:.0f} s")

    def _move(self, state: State, detail: str = "") -> None:
        log.warning(
            "the breaker of %s is %s, was %s %s (%d of %d calls failed)",
            *(self.name, state, self._state, detail, self._failed, len(self._calls)),
        )
        self._state = state
        self._epoch += 1

    def _count(self, *, is_failure: bool) -> None:
        now = self._clock()
        self._forget(now)
        self._calls.append((now, is_failure))
        self._failed += is_failure
        self._streak = self._streak + 1 if is_failure else 0
        self._has_succeeded |= not is_failure

    def _forget(self, now: float) -> None:
        while self._calls and self._calls[0][0] < now - self._window:
            self._failed -= self._calls.popleft()[1]
        self._streak = min(self._streak, len(self._calls))

    def _is_too_much(self) -> bool:
        if not self._has_succeeded:
            return self._streak >= self._first_failures
        is_most = 2 * self._failed > len(self._calls)
        return self._streak >= self._failures or (is_most and self._failed >= self._failures)
