"""The folder that holds the state of one stack, and the lock that only one run has."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class InUse(Exception):
    """Another run has this folder."""


@contextmanager
def locked_state(state: Path) -> Iterator[Path]:
    """Make the folder if need be and hold its lock. Raises InUse, naming the holder."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise InUse(
                f"Already running here: process {holder} holds {state}. "
                f"Use that one, or stop it: Ctrl-C in its window, or kill {holder}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield state
        finally:
            lock.truncate(0)


@contextmanager
def throw_away_state() -> Iterator[Path]:
    """Make a folder that is removed at the end; the database's account may enter, not list it."""
    state = Path(tempfile.mkdtemp(prefix="globalmart-oms-"))
    state.chmod(0o711)
    try:
        yield state
    finally:
        shutil.rmtree(state, ignore_errors=True)
