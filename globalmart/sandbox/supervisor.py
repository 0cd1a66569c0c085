"""Start processes in order, keep them running, stop them in reverse.

It ends only what it started. Children are started by one thread that lives as long as the
supervisor: the kernel ties a child's parent-death signal to the thread, not to the process.
"""

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from globalmart.sandbox.processes import (
    Process,
    ProcessFailed,
    describe_end,
    finish,
    has_ended,
    spawn,
    stop_together,
    tail,
)

POLL_SECONDS = 0.05
RESTARTS_ALLOWED = 8
RESTARTS_COUNTED_OVER_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class _Running:
    process: Process
    child: subprocess.Popen[bytes]
    restart_at: float | None = None
    restarts: deque[float] = field(default_factory=deque)


class Supervisor:
    """Runs processes with logs in `logs`; tells `say` what a person should know."""

    def __init__(self, *, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._groups: list[list[_Running]] = []
        self._lock = threading.RLock()
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()
        self.failure: str | None = None
        self.failed = threading.Event()

    def start(self, *processes: Process) -> None:
        """Start processes side by side and return when all are ready. Raises ProcessFailed."""
        started: list[_Running] = []
        with self._lock:
            self._groups.append(started)
            for process in processes:
                started.append(_Running(process, self._spawn(process)))
        for running in started:
            self._await_ready(running)

    def run(self, process: Process, *, wait_seconds: float = 600) -> None:
        """Run a process to its end. Raises ProcessFailed if it fails or takes too long."""
        child = self._spawn(process)
        ends_at = time.monotonic() + wait_seconds
        try:
            while not has_ended(child):
                if time.monotonic() > ends_at:
                    raise self._failed(process, f"did not end within {wait_seconds:.0f} s")
                time.sleep(POLL_SECONDS)
        finally:
            code = finish(child)
        if code != 0:
            raise self._failed(process, describe_end(code))

    def watch(self) -> None:
        """From now on restart what ends, with growing pauses; give up on what keeps ending."""
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Stop everything in reverse order. May be called twice."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            while self._groups:
                group = self._groups.pop()
                stop_together([(running.process, running.child) for running in group])
        self._starter.shutdown()

    def pids(self) -> dict[str, int]:
        """Return the process ids now, by name; what is waiting for its restart is left out."""
        with self._lock:
            return {
                running.process.name: running.child.pid
                for group in self._groups
                for running in group
                if not has_ended(running.child)
            }

    def log_of(self, name: str) -> Path:
        """Return the file that holds the output of a process."""
        return self._logs / f"{name}.log"

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        log = self.log_of(process.name)
        try:
            return self._starter.submit(spawn, process, log=log).result()
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failed(process, f"could not be started: {error}") from error

    def _await_ready(self, running: _Running) -> None:
        process = running.process
        ends_at = time.monotonic() + process.ready_within
        while True:
            if has_ended(running.child):
                code = finish(running.child)
                raise self._failed(process, f"{describe_end(code)} before it was ready")
            if process.ready is None or process.ready():
                return
            if time.monotonic() > ends_at:
                raise self._failed(process, f"was not ready within {process.ready_within:.0f} s")
            time.sleep(POLL_SECONDS)

    def _failed(self, process: Process, how: str) -> ProcessFailed:
        log = self.log_of(process.name)
        advice = f"\n{process.fix}" if process.fix else ""
        return ProcessFailed(f"{process.name} {how}. The end of {log}:\n{tail(log)}{advice}")

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            with self._lock:
                for group in self._groups:
                    for running in group:
                        self._look_after(running)

    def _look_after(self, running: _Running) -> None:
        now = time.monotonic()
        if running.restart_at is not None:
            if now >= running.restart_at:
                self._restart(running)
            return
        if not has_ended(running.child):
            return
        how = describe_end(finish(running.child))
        while running.restarts and now - running.restarts[0] > RESTARTS_COUNTED_OVER_SECONDS:
            running.restarts.popleft()
        if len(running.restarts) >= RESTARTS_ALLOWED:
            self._give_up(running.process, how)
            running.restart_at = float("inf")
            return
        pause = min(0.2 * 2 ** len(running.restarts), LONGEST_PAUSE_SECONDS)
        running.restarts.append(now)
        running.restart_at = now + pause
        self._say(f"{running.process.name} {how}; it starts again in {pause:.1f} s")

    def _restart(self, running: _Running) -> None:
        try:
            running.child = self._spawn(running.process)
            running.restart_at = None
        except ProcessFailed as error:
            running.restart_at = float("inf")
            self._fail(str(error))

    def _give_up(self, process: Process, how: str) -> None:
        times = f"{RESTARTS_ALLOWED + 1} times within a minute"
        self._fail(str(self._failed(process, f"{how} too often: {times}")))

    def _fail(self, message: str) -> None:
        self.failure = message
        self.failed.set()
