"""Run localstripe, a Stripe server that nobody here wrote, as a process of its own."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.sandbox.vendor_process import free_port, wait_for

# It keeps all it knows in one file for the whole machine, which another user's run may own.
START = """
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
server.start()
"""


def find_localstripe() -> str | None:
    """Return the Python that has it, or None where it is not installed."""
    return sys.executable if find_spec("localstripe") else None


@contextmanager
def localstripe(program: str, folder: Path) -> Iterator[str]:
    """Start it with nothing in it and yield its address; stop it in the end."""
    port = free_port()
    process = subprocess.Popen(
        [program, "-c", START, "--from-scratch", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url), seconds=15)
        yield url
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/js.stripe.com/v3/", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
