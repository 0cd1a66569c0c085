"""Run a pretended vendor as its own process on a free port."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """Return a port of the loopback address that is free right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(happened: Callable[[], Any], *, seconds: float = 8.0) -> Any:
    """Return the first true answer of `happened`; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = happened()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class VendorProcess:
    """`python -m globalmart.sandbox.<name>` with its book in `folder`."""

    def __init__(self, name: str, folder: Path, *options: str) -> None:
        self.book = folder / f"{name}.sqlite"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", f"globalmart.sandbox.{name}"]
        self._command += ["--port", str(self.port), "--book", str(self.book), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT)
        wait_for(self._is_up, seconds=20)

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None
            wait_for(lambda: not self._is_up())

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; `body` goes as it is, or as JSON if it is no bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = headers or {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Use the control API; AssertionError for a refusal."""
        status, _, answer = self.call(method, f"/_control/{path}", body)
        assert status < 300, answer
        return json.loads(answer)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Set a fault switch."""
        self.control("faults", {"operation": operation, "fault": kind, **more})

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Read the book, as the audit does."""
        with sqlite3.connect(f"file:{self.book}?mode=ro", uri=True) as book:
            return book.execute(sql, params).fetchall()

    def _is_up(self) -> bool:
        try:
            return self.call("GET", "/_control/health")[0] == 200
        except OSError:
            return False
