"""Two threads, each with a database connection of its own, statement by statement by a plan.

Before each statement and each call to Stripe a thread waits for its turn. The plan says how many
steps the one may take, then the other, and so on; where one waits for a lock, the other goes on.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections

from globalmart.core.failpoints import Crash
from tests.payments.machines.stripe import Fault

# A statement that takes longer is asked whether it waits for a lock.
PATIENCE_SECONDS = 0.02
MOST_SECONDS = 30.0


@dataclass(slots=True)
class Script:
    """What happens to a thread: the faults of its calls, in order, and before which of its steps
    it dies (0: it lives)."""

    faults: Sequence[Fault] = ()
    dies_at: int = 0


@dataclass(slots=True)
class Side:
    """One of the two threads. It waits at its gate, runs, or has ended."""

    script: Script
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_waiting: bool = False
    has_ended: bool = False
    is_blocked: bool = False
    pid: int = 0
    steps: int = 0
    calls: int = 0
    result: Any = None


class Pair:
    """Runs two callers at once. Close it when both connections are not needed any more."""

    def __init__(self) -> None:
        self._pools = (ThreadPoolExecutor(1), ThreadPoolExecutor(1))
        self._changed = threading.Condition()
        self._mine = threading.local()
        self.lock_waits = 0

    def close(self) -> None:
        """Close the threads' connections."""
        for pool in self._pools:
            pool.submit(connections.close_all).result()
            pool.shutdown()

    def run(
        self,
        callers: tuple[Callable[[], Any], Callable[[], Any]],
        scripts: tuple[Script, Script],
        plan: Sequence[int],
    ) -> tuple[Any, Any]:
        """Return what each caller returned or raised."""
        sides = (Side(scripts[0]), Side(scripts[1]))
        futures = [
            pool.submit(self._work, side, caller)
            for pool, side, caller in zip(self._pools, sides, callers, strict=True)
        ]
        for side in sides:
            self._wait_for(side)
        for number, steps in enumerate(plan):
            for _ in range(steps):
                if not self._step(sides[number % 2]):
                    break
        self._finish(sides)
        _join(futures)
        return sides[0].result, sides[1].result

    def gate(self) -> None:
        """Wait for this thread's turn. Raises Crash where its script says so."""
        side: Side | None = getattr(self._mine, "side", None)
        if side is None:
            return
        with self._changed:
            side.is_waiting, side.is_blocked = True, False
            self._changed.notify_all()
        assert side.turn.acquire(timeout=MOST_SECONDS), "the turn never came"
        side.steps += 1
        if side.steps == side.script.dies_at:
            raise Crash

    def fault(self) -> Fault:
        """Return the fault of this thread's next call to Stripe."""
        side: Side | None = getattr(self._mine, "side", None)
        if side is None or side.calls >= len(side.script.faults):
            return Fault.NONE
        side.calls += 1
        return side.script.faults[side.calls - 1]

    def _work(self, side: Side, caller: Callable[[], Any]) -> None:
        def statement(execute: Any, *arguments: Any) -> Any:
            self.gate()
            return execute(*arguments)

        connection.ensure_connection()
        side.pid = connection.connection.info.backend_pid
        self._mine.side = side
        try:
            with connection.execute_wrapper(statement):
                side.result = caller()
        except (Exception, Crash) as error:
            side.result = error
        finally:
            self._mine.side = None
            with self._changed:
                side.has_ended, side.is_waiting = True, False
                self._changed.notify_all()

    def _step(self, side: Side) -> bool:
        """Let a thread take one step; tell whether it can take the next."""
        if side.has_ended or (side.is_blocked and not side.is_waiting):
            return False
        with self._changed:
            side.is_waiting = False
        side.turn.release()
        return self._wait_for(side)

    def _wait_for(self, side: Side) -> bool:
        """Wait until a thread is at its gate; False where it has ended, or waits for a lock."""
        waited = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: side.is_waiting or side.has_ended, timeout=PATIENCE_SECONDS
                )
                if side.is_waiting or side.has_ended:
                    return side.is_waiting
            waited += PATIENCE_SECONDS
            assert waited < MOST_SECONDS, "a step never ended"
            if side.pid and _is_blocked(side.pid):
                side.is_blocked = True
                self.lock_waits += 1
                return False

    def _finish(self, sides: tuple[Side, Side]) -> None:
        """Let both go to their ends, in turns."""
        while not all(side.has_ended for side in sides):
            moved = [self._step(side) for side in sides]
            if not any(moved):
                for side in sides:
                    if side.is_blocked and not side.has_ended:
                        self._wake(side)

    def _wake(self, side: Side) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: side.is_waiting or side.has_ended, timeout=PATIENCE_SECONDS
            )


def _is_blocked(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
        return bool(cursor.fetchone()[0])


def _join(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        future.result(timeout=MOST_SECONDS)
