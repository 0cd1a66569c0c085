"""Work due rows in a bounded pool of threads, for a bounded time."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from random import uniform
from threading import Barrier
from typing import TypeVar

from django.db import connections

from globalmart.core import bell
from globalmart.core.db import renew_connection
from globalmart.core.requests import correlated

log = logging.getLogger(__name__)
# What a claim gives out, and the work is told: a key, or a key with the token of its lease.
Claimed = TypeVar("Claimed")

BUDGET_SECONDS = 30.0
# A job stays this long after its last row: cheaper than a new job for a row 100 ms later.
LINGER_SECONDS = 0.5
# After this long it makes room for other kinds of work that its worker was rung for.
TURN_SECONDS = 0.3
NAP_SECONDS = 0.03
BATCH_PER_THREAD = 5
# How long after a claim that found less than half of what it asked for the next one is made.
CLAIM_SECONDS = 0.1


class Pool:
    """Threads that outlive the job: each keeps its connection, and what is prepared on it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=f"work-{threads}")
        self._running: set[Future[None]] = set()

    def running(self) -> int:
        """Return how many rows are being worked or wait for a thread, of this job or an earlier
        one that has made room."""
        self._running = {each for each in self._running if not each.done()}
        return len(self._running)

    def submit(self, work: Callable[[Claimed], None], claimed: Claimed) -> Future[None]:
        """Have a row worked."""
        future = self.executor.submit(_guarded, work, claimed)
        self._running.add(future)
        return future

    def close(self) -> None:
        """End the threads with their connections."""
        barrier = Barrier(self.threads)  # makes every thread take one task
        closing = [self.executor.submit(_close_connection, barrier) for _ in range(self.threads)]
        wait(closing)
        self.executor.shutdown()


_pools: dict[int, Pool] = {}


def backoff(tries: int, *, first: float = 1.0, most: float = 300.0) -> float:
    """Return seconds to wait after the n-th try: doubling from `first` to `most`, full jitter
    above half (so that a crowd spreads out, and nobody comes back at once)."""
    ceiling = min(most, first * 2 ** min(tries, 20))
    return uniform(ceiling / 2, ceiling)  # noqa: S311 - not a secret


def drain(
    *,
    claim: Callable[[int], list[Claimed]],
    work: Callable[[Claimed], None],
    threads: int = 8,
    budget_seconds: float = BUDGET_SECONDS,
    linger_seconds: float = LINGER_SECONDS,
) -> int:
    """Claim and work rows until none has come for a while; return how many were worked.

    `claim(limit)` leases due rows and returns their keys or leases; `work(each)` must leave its
    row either finished or due later. An exception is logged and its row comes back when the lease
    ends. Where the worker was rung for something else too, this makes room soon, rings for what it
    leaves, and does not wait for rows that are being worked.
    """
    count = 0
    own: set[Future[None]] = set()
    started = idle_since = time.monotonic()
    next_claim = next_look = 0.0
    pool = _pool(threads)
    while (now := time.monotonic()) - started < budget_seconds:
        is_turn_over = now - started > TURN_SECONDS or (next_claim > 0 and not own)
        if is_turn_over and now >= next_look:
            if bell.others_wait():
                break
            next_look = now + CLAIM_SECONDS
        if now >= next_claim and pool.running() <= threads:
            wanted = BATCH_PER_THREAD * threads - pool.running()
            found = claim(wanted)
            own |= {pool.submit(work, each) for each in found}
            count += len(found)
            # A claim costs as much as several rows' own statements: not too often.
            next_claim = now if 2 * len(found) >= wanted else now + CLAIM_SECONDS
        if own:
            idle_since = now
            own = wait(own, timeout=NAP_SECONDS, return_when=FIRST_COMPLETED).not_done
        elif now - idle_since > linger_seconds:
            return count
        else:
            time.sleep(NAP_SECONDS)
    if own:
        bell.ring_again()
    return count


def _pool(threads: int) -> Pool:
    if threads not in _pools:
        _pools[threads] = Pool(threads)
    return _pools[threads]


def close_pools() -> None:
    """End all threads with their connections. For tests: a worker's end with it."""
    while _pools:
        _pools.popitem()[1].close()


def _close_connection(barrier: Barrier) -> None:
    barrier.wait(timeout=30)
    connections.close_all()


def _guarded(work: Callable[[Claimed], None], claimed: Claimed) -> None:
    renew_connection()
    with correlated():
        try:
            work(claimed)
        except Exception:
            log.exception("work on row %s failed; its lease will end", claimed)
