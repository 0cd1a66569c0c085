"""What a person sees while the stack starts: a line per step, in colour on a terminal."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

NOTE_EVERY_SECONDS = 10.0


class Step:
    """A step under way; `detail` is shown beside its name when it ends."""

    def __init__(self) -> None:
        self.detail = ""


class Reporter:
    """Prints progress. `is_quiet` keeps everything but warnings to itself."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        # To stderr: the output of a command run by `exec` stays its own. rich heeds NO_COLOR.
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._is_quiet = is_quiet
        self._started_at = time.monotonic()

    def line(self, text: str = "", *, style: str = "") -> None:
        """Print one line."""
        if not self._is_quiet:
            self._console.print(Text(text, style=style))

    def warn(self, text: str) -> None:
        """Print a warning, quiet or not."""
        self._console.print(Text(f" !!  {text}", style="yellow"))

    def fail(self, text: str) -> None:
        """Print why it ends here, quiet or not."""
        self._console.print(Text(f"FAILED  {text}", style="red"))

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that a step is under way, then that it is done and how long it took."""
        step = Step()
        began_at = time.monotonic()
        if self._is_quiet:
            yield step
            return
        if self._console.is_terminal:
            with self._console.status(f"{name} ..."):
                yield step
        else:
            with self._notes(name):
                yield step
        taken = time.monotonic() - began_at
        done = Text.assemble((" ok  ", "green"), f"{name:<14} {taken:6.1f} s   {step.detail}")
        self._console.print(done)

    @contextmanager
    def _notes(self, name: str) -> Iterator[None]:
        """Where nothing can spin, say now and then that a long step is still under way."""
        done = threading.Event()
        began_at = time.monotonic()

        def note() -> None:
            while not done.wait(NOTE_EVERY_SECONDS):
                self.line(f" ..  {name:<14} {time.monotonic() - began_at:6.1f} s so far")

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @property
    def seconds(self) -> float:
        """Seconds since the first line."""
        return time.monotonic() - self._started_at
