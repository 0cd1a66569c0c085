"""How long the work at hand may still take, for calls deep below it that wait for others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("budget_ends_at", default=None)


@contextmanager
def budget(*, seconds: float) -> Iterator[None]:
    """Give all that is called inside this long together; an outer, shorter budget stays.

    Usable as a decorator. A page that a person waits for has a budget; a worker's job has none.
    """
    ends_at, outer = time.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(outer, ends_at))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """Return what is left, 0 where nothing is, and None where nobody has set a budget."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())
