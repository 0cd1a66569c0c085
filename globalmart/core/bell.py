"""The doorbell: Redis wakes workers, and nothing is lost when it does not (rule R4).

At most one job of a name waits in its queue: `ring` sets a mark, the job wipes it before it looks
for due rows, so a row committed before the ring is always seen by a job that starts after it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from globalmart.core.choreography import wiring
from globalmart.core.db import forbid_transaction

MARK_SECONDS = 15
DELIVER = "globalmart.core.jobs.deliver"
# What this worker's job was rung for. One per process: a worker has one job at a time.
_at_work = ""


@lru_cache
def connection() -> Redis:
    """Return this process's connection pool: one try, one second, never longer."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )


def deliveries(queue: str) -> str:
    """Return the name to ring for the deliveries of a queue."""
    return f"deliveries.{queue}"


def _mark(name: str) -> str:
    return f"oms:rung:{name}"


def _job(name: str) -> tuple[str, str, tuple[str, ...]]:
    if name.startswith("deliveries."):
        queue = name.removeprefix("deliveries.")
        return queue, DELIVER, (queue,)
    kind = wiring().work[name]
    return kind.queue, kind.job, ()


def ring(names: Iterable[str]) -> bool:
    """Wake the workers of these kinds of work. False when Redis did not answer: the sweeper
    rings again. Raises NetworkInTransaction."""
    forbid_transaction()
    wanted = sorted(set(names))
    if not wanted:
        return True
    try:
        marks = connection().pipeline(transaction=False)
        for name in wanted:
            marks.set(_mark(name), 1, nx=True, ex=MARK_SECONDS)
        fresh = [name for name, is_new in zip(wanted, marks.execute(), strict=True) if is_new]
        jobs = connection().pipeline(transaction=False)
        for name in fresh:
            queue, function, args = _job(name)
            Queue(queue, connection=connection(), serializer=JSONSerializer).enqueue_call(
                function,
                args=args,
                timeout=180,
                # Where no worker comes, rings must not pile up; the sweeper rings anew.
                ttl=60,
                result_ttl=0,
                failure_ttl=86_400,
                description=name,
                pipeline=jobs,
            )
        jobs.execute()
    except RedisError:
        return False
    return True


def answer(name: str) -> None:
    """Wipe the mark; a job's first act, so that later rings make a new job."""
    try:
        connection().delete(_mark(name))
    except RedisError:
        return


@contextmanager
def at_work(name: str) -> Iterator[None]:
    """Know within the block that this process works on what was rung for by this name."""
    global _at_work  # noqa: PLW0603 - see there
    _at_work = name
    try:
        yield
    finally:
        _at_work = ""


def others_wait() -> bool:
    """Tell whether this process was rung for anything else, while it works on something."""
    others = [_mark(name) for name in _names_of_queue(_at_work) if name != _at_work]
    try:
        return bool(others and connection().exists(*others))
    except RedisError:
        return False


def ring_again() -> None:
    """Ring for what this process works on: not all of it may be done."""
    if _at_work:
        ring({_at_work})


@lru_cache
def _names_of_queue(name: str) -> tuple[str, ...]:
    """Return what the worker that works on `name` can be rung for; nothing where that is empty."""
    if not name or (name not in wiring().work and not name.startswith("deliveries.")):
        return ()
    queue = _job(name)[0]
    kinds = [each for each, kind in wiring().work.items() if kind.queue == queue]
    return (deliveries(queue), *kinds)
