"""One child process: how it is started so that it never outlives us, and how it is stopped."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from globalmart.sandbox.accounts import Account

PR_SET_PDEATHSIG = 1
TAIL_LINES = 15


class ProcessFailed(Exception):
    """A process did not start, or ended when it should not; the message names it and its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What to run and how to tell that it is ready.

    `ready` is polled until it returns True; None means ready at once. `fix` tells what a person
    can do when it fails. Times are seconds.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    ready: Callable[[], bool] | None = None
    ready_within: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 5
    account: Account | None = None
    fix: str = ""


def spawn(process: Process, *, log: Path) -> subprocess.Popen[bytes]:
    """Start the process in a group of its own, output to `log`, bound to die with us."""
    account = process.account
    with log.open("ab") as output:
        return subprocess.Popen(
            process.command,
            cwd=process.folder,
            env=dict(process.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(process.stop_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def die_with_parent(wanted: signal.Signals) -> Callable[[], None] | None:
    """Return a hook for the child: the kernel signals it when the thread that started it ends.

    Only Linux can do that; elsewhere None, and stopping relies on `stop` alone.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: nothing may be loaded after
    parent = os.getpid()
    number = int(wanted)

    def hook() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)

    return hook


def has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Tell whether the child is over, without reaping it: its group number stays reserved."""
    if child.returncode is not None:
        return True
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return child.poll() is not None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def finish(child: subprocess.Popen[bytes]) -> int:
    """End what is left of the child's group at once, reap the child, return its exit code."""
    if child.returncode is None:
        # Until it is reaped no other group can carry this number, so only ours is hit.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def stop_together(children: list[tuple[Process, subprocess.Popen[bytes]]]) -> None:
    """Ask all of them to stop, wait for the slowest, end by force what does not listen."""
    for process, child in children:
        if not has_ended(child):
            os.kill(child.pid, process.stop_signal)
    asked_at = time.monotonic()
    for process, child in children:
        while not has_ended(child) and time.monotonic() - asked_at < process.stop_within:
            time.sleep(0.02)
        finish(child)


def describe_end(code: int) -> str:
    """Say in words how a process ended."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def tail(log: Path) -> str:
    """Return the last lines of a log, indented for quoting."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        lines = []
    return "\n".join(f"    | {line}" for line in lines) or "    | (its log is empty)"
