"""When an order moves on: computed from when it was accepted, so that a kill forgets nothing."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

STEPS = ("picking", "packed", "shipped")
# How much of the way from acceptance to shipping has gone by when each step is reached.
SHARES = (0.3, 0.7, 1.0)


@dataclass(slots=True)
class Waiting:
    """An order on its way through the house; `step` is the index of the step that comes next."""

    reference: str
    accepted_at: float
    step: int


class Clockwork:
    """Orders by the time of their next step. Not safe between threads: its owner takes turns."""

    def __init__(self, *, ship_after: float) -> None:
        self.ship_after = ship_after
        self._waiting: dict[str, Waiting] = {}
        self._queue: list[tuple[float, str, int]] = []

    def add(self, order: Waiting) -> None:
        """Let an order run."""
        self._waiting[order.reference] = order
        self._enqueue(order)

    def remove(self, reference: str) -> None:
        """Stop an order where it is; unknown ones are ignored."""
        self._waiting.pop(reference, None)

    def set_speed(self, ship_after: float) -> None:
        """Take `ship_after` seconds per order from now on, for the orders under way too."""
        self.ship_after = ship_after
        self._queue.clear()
        for order in self._waiting.values():
            self._enqueue(order)

    def is_due(self, now: float) -> bool:
        """Tell, at the price of one comparison, whether any step is due."""
        queue = self._queue
        return bool(queue) and queue[0][0] <= now

    def due(self, now: float) -> Iterator[tuple[float, str, str]]:
        """Give (time, reference, new status) of every step due by `now`, in the order of time."""
        while self._queue and self._queue[0][0] <= now:
            at, reference, step = heapq.heappop(self._queue)
            order = self._waiting.get(reference)
            if order is None or order.step != step:
                continue
            order.step += 1
            if order.step == len(STEPS):
                del self._waiting[reference]
            else:
                self._enqueue(order)
            yield at, reference, STEPS[step]

    def _enqueue(self, order: Waiting) -> None:
        at = order.accepted_at + self.ship_after * SHARES[order.step]
        heapq.heappush(self._queue, (at, order.reference, order.step))
