"""How many calls a second each endpoint takes; by default as many as come."""

import threading
import time
from collections import deque

from globalmart.sandbox.stripe import errors


class Rate:
    """The calls of the last second, by operation."""

    def __init__(self) -> None:
        self.per_second = 0
        self._taken: dict[str, deque[float]] = {}
        self._turn = threading.Lock()

    def check(self, operation: str) -> None:
        """Count one call. Raises StripeError (429), and then does not count it."""
        if not self.per_second:
            return
        at = time.monotonic()
        with self._turn:
            taken = self._taken.setdefault(operation, deque())
            while taken and taken[0] <= at - 1:
                taken.popleft()
            if len(taken) >= self.per_second:
                raise errors.rate_limited()
            taken.append(at)
