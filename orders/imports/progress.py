"""Progress of long steps: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 5.0


class Meter(Protocol):
    """What a long step tells how far it is."""

    def __call__(self, done: int, /) -> None: ...


@contextmanager
def show_progress(*, title: str, unit: str, total: int | None) -> Iterator[Meter]:
    """Give a function that takes how many are done so far; shown on standard error.

    The display carries the rate per second and, where the total is known, the time left.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainMeter(title, unit, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, rate="")
        started = time.monotonic()

        def meter(done: int, /) -> None:
            rate = done / max(time.monotonic() - started, 0.001)
            progress.update(task, completed=done, rate=f"{rate:,.0f} {unit}/s")

        yield meter


class _PlainMeter:
    def __init__(self, title: str, unit: str, total: int | None) -> None:
        self.title, self.unit, self.total = title, unit, total
        self.started = self.shown_at = time.monotonic()

    def __call__(self, done: int, /) -> None:
        now = time.monotonic()
        if now - self.shown_at < SECONDS_BETWEEN_LINES and done != self.total:
            return
        self.shown_at = now
        rate = done / max(now - self.started, 0.001)
        text = f"{self.title}: {done:,}"
        if self.total is not None:
            text += f" of {self.total:,}"
        text += f" {self.unit}, {rate:,.0f}/s"
        if self.total is not None and rate > 0 and done < self.total:
            text += f", {(self.total - done) / rate:,.0f} s left"
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
