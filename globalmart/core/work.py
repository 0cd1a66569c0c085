"""Work due rows in a bounded pool of threads, for a bounded time."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from random import uniform
from threading import Barrier
from typing import TypeVar

from django.db import close_old_connections, connections

from globalmart.core.requests import correlated

log = logging.getLogger(__name__)
# What a claim gives out, and the work is told: a key, or a key with the token of its lease.
Claimed = TypeVar("Claimed")

BUDGET_SECONDS = 30.0
# A job stays this long after its last row: cheaper than a new job for a row 100 ms later.
LINGER_SECONDS = 0.5
NAP_SECONDS = 0.03
BATCH_PER_THREAD = 5
# How long after a claim that found less than it asked for the next one is made.
CLAIM_SECONDS = 0.1
_pools: dict[int, ThreadPoolExecutor] = {}


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
    ends.
    """
    count = 0
    running: set[Future[None]] = set()
    started = idle_since = time.monotonic()
    next_claim = 0.0
    pool = _pool(threads)
    try:
        while (now := time.monotonic()) - started < budget_seconds:
            if len(running) <= threads and now >= next_claim:
                wanted = BATCH_PER_THREAD * threads - len(running)
                keys = claim(wanted)
                running |= {pool.submit(_guarded, work, key) for key in keys}
                count += len(keys)
                # A claim costs as much as several rows' own statements: not too often.
                next_claim = now if len(keys) == wanted else now + CLAIM_SECONDS
            if running:
                idle_since = now
                running = wait(running, timeout=NAP_SECONDS, return_when=FIRST_COMPLETED).not_done
            elif now - idle_since > linger_seconds:
                break
            else:
                time.sleep(NAP_SECONDS)
    finally:
        wait(running)
    return count


def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that outlive the job: each keeps its connection, and what is prepared on it."""
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads, thread_name_prefix=f"work-{threads}")
    return _pools[threads]


def close_pools() -> None:
    """End the threads with their connections. For tests: a worker's end with it."""
    while _pools:
        threads, pool = _pools.popitem()
        barrier = Barrier(threads)  # makes every thread take one task
        wait([pool.submit(_close_connection, barrier) for _ in range(threads)])
        pool.shutdown()


def _close_connection(barrier: Barrier) -> None:
    barrier.wait(timeout=30)
    connections.close_all()


def _guarded(work: Callable[[Claimed], None], claimed: Claimed) -> None:
    # What the last row left broken, or what has grown old, is not used again.
    close_old_connections()
    with correlated():
        try:
            work(claimed)
        except Exception:
            log.exception("work on row %s failed; its lease will end", claimed)
