"""Serve a pretended vendor with gunicorn: one process, many threads, on the loopback address."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from globalmart.sandbox.web import App

PR_SET_PDEATHSIG = 1


class _Server(BaseApplication):
    def __init__(self, build: Callable[[], App], options: dict[str, Any]) -> None:
        self._build = build
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> App:
        return self._build()


def serve(
    build: Callable[[], App], *, port: int, host: str = "127.0.0.1", threads: int = 32
) -> None:
    """Serve until told to stop. `build` runs once, in the serving process: it may start threads."""
    options = {
        "bind": f"{host}:{port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        "keepalive": 30,
        "timeout": 120,
        "graceful_timeout": 1,
        "loglevel": "warning",
        "control_socket_disable": True,
        "post_fork": _die_with_parent,
    }
    _Server(build, options).run()


def _die_with_parent(_server: Any, _worker: Any) -> None:
    # Without this the port would stay taken for a moment after the parent was killed.
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
