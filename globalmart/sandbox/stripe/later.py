"""What happens by itself a moment later: a refund settles, a bank disputes, a payout arrives.

What is still to happen stands in the book, so a killed server goes on where it stopped.
"""

import heapq
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from globalmart.sandbox.book import Book
from globalmart.sandbox.stripe.store import Planned

PENDING = (
    "SELECT seq, object_id, action, due FROM later WHERE NOT EXISTS "
    "(SELECT 1 FROM later_done WHERE later_done.later = later.seq) ORDER BY due, seq"
)


@dataclass(order=True, slots=True)
class Due:
    """One thing that happens at `at`; `number` is its row in the book."""

    at: float
    number: int
    object_id: str = field(compare=False)
    action: str = field(compare=False)


class Later:
    """The queue of what is to come. `perform` carries one out, in a transaction of its own."""

    def __init__(self, book: Book, perform: Callable[[Due], None], *, seconds: float) -> None:
        self._book = book
        self._perform = perform
        self._seconds = seconds
        self._queue: list[Due] = []
        self._changed = threading.Condition()

    def start(self) -> None:
        """Take up what the book says is still to come, and start the thread."""
        self.notify(self.pending())
        threading.Thread(target=self._work, daemon=True, name="later").start()

    def pending(self) -> list[Due]:
        """Return everything that has not happened yet, the next first."""
        rows = self._book.query(PENDING)
        return [Due(row["due"], row["seq"], row["object_id"], row["action"]) for row in rows]

    def enter(self, planned: list[Planned]) -> list[Due]:
        """Write down what is to come, inside the transaction of what caused it."""
        return [self._enter(plan) for plan in planned]

    def notify(self, dues: list[Due]) -> None:
        """Queue what `enter` has returned, once the transaction is committed."""
        if dues:
            with self._changed:
                for due in dues:
                    heapq.heappush(self._queue, due)
                self._changed.notify()

    def take(self, due: Due) -> bool:
        """Mark it as done inside its transaction; False where it has happened already."""
        sql = "SELECT 1 FROM later_done WHERE later = ?"
        if self._book.one(sql, (due.number,)) is not None:
            return False
        self._book.append("later_done", later=due.number)
        return True

    def advance(self, object_id: str | None = None) -> list[Due]:
        """Let everything, or all that concerns one object, happen now; return what was due."""
        done: list[Due] = []
        while found := [d for d in self.pending() if object_id in (None, d.object_id)]:
            for due in found:
                self._perform(due)
            done += found
        return done

    def _enter(self, plan: Planned) -> Due:
        seconds = self._seconds if plan.seconds is None else plan.seconds
        at = time.time() + seconds
        number = self._book.append("later", object_id=plan.object_id, action=plan.action, due=at)
        return Due(at, number, plan.object_id, plan.action)

    def _work(self) -> None:
        while True:
            due = self._next()
            try:
                self._perform(due)
            except Exception:
                traceback.print_exc()

    def _next(self) -> Due:
        with self._changed:
            while True:
                wait = self._queue[0].at - time.time() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)
                self._changed.wait(wait if wait is None else min(wait, 3600))
