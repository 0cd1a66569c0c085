"""What every call to the warehouse passes before it leaves: `globalmart.core.guard`, set for it."""

from functools import lru_cache

from django.conf import settings

from globalmart.core.guard import Guard

# All operations share one limit: behind an old warehouse's one door is one old machine.
DOOR = "all"
# As many as the threads that work the due rows; whoever else comes waits, or tries again later.
PLACES = 8


def share_of(_door: str) -> float:
    """Return the calls per second that this process may make; 0 for no limit.

    The installation's limit is divided by the processes that talk to the warehouse.
    """
    limit: float = settings.WMS_RATE_PER_SECOND
    workers: int = settings.WMS_WORKERS
    return limit / max(1, workers)


@lru_cache
def guard() -> Guard:
    """Return this process's guard."""
    return Guard(name="the warehouse", share=share_of, places=PLACES, places_for="all")
