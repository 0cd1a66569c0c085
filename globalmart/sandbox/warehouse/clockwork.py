"""When things move on: computed from when they began, so that a kill forgets nothing."""

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Plan = tuple[tuple[float, str], ...]
# Less than this, and two times would be written alike.
TICK = 2e-6


class Ticker:
    """The time, which never stands and never runs backwards, even when the machine's clock does."""

    def __init__(self, *, now: Callable[[], float] = time.time, after: float = 0.0) -> None:
        self._now, self._last = now, after

    def look(self) -> float:
        """Return about what time it is."""
        return max(self._now(), self._last)

    def tick(self) -> float:
        """Return a time that is later than all that were returned before. Not safe between
        threads: its owner takes turns."""
        self._last = max(self._now(), self._last + TICK)
        return self._last


@dataclass(slots=True)
class Waiting:
    """Something on its way; `plan` gives each step's share of the whole way and its name, `step`
    is the index of the one that comes next."""

    key: str
    start: float
    plan: Plan
    step: int = 0


class Clockwork:
    """Things by the time of their next step. Not safe between threads: its owner takes turns."""

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[str, Waiting] = {}
        self._queue: list[tuple[float, str, int]] = []

    def add(self, one: Waiting) -> None:
        """Let it run, unless it has arrived."""
        if one.step < len(one.plan):
            self._waiting[one.key] = one
            self._enqueue(one)

    def remove(self, key: str) -> None:
        """Stop it where it is; unknown ones are ignored."""
        self._waiting.pop(key, None)

    def clear(self) -> None:
        """Stop all."""
        self._waiting.clear()
        self._queue.clear()

    def set_speed(self, seconds: float) -> None:
        """Take so many seconds for the whole way from now on, for those under way too."""
        self.seconds = seconds
        self._queue.clear()
        for one in self._waiting.values():
            self._enqueue(one)

    def is_due(self, now: float) -> bool:
        """Tell, at the price of one comparison, whether any step is due."""
        queue = self._queue
        return bool(queue) and queue[0][0] <= now

    def due(self, now: float) -> Iterator[tuple[float, str, str]]:
        """Give (time, key, name) of every step due by `now`, in the order of time."""
        while self._queue and self._queue[0][0] <= now:
            at, key, step = heapq.heappop(self._queue)
            one = self._waiting.get(key)
            if one is None or one.step != step:
                continue
            one.step += 1
            if one.step == len(one.plan):
                del self._waiting[key]
            else:
                self._enqueue(one)
            yield at, key, one.plan[step][1]

    def _enqueue(self, one: Waiting) -> None:
        at = one.start + self.seconds * one.plan[one.step][0]
        heapq.heappush(self._queue, (at, one.key, one.step))
