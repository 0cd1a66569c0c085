"""Run callers at the same moment, each with a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections


def race(*callers: Callable[[], Any]) -> list[Any]:
    """Return what each caller returned or raised, in their order."""
    barrier = Barrier(len(callers))

    def run(caller: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return caller()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(callers)) as threads:
        return list(threads.map(run, callers))
