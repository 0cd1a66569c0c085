"""Search among a million seeded orders, on a server of its own, warm and after its restart.

PROOF_ORDERS makes it smaller. The operating system's cache is not emptied by the restart.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from globalmart.sandbox import postgres
from globalmart.sandbox.folders import throw_away_state
from globalmart.sandbox.supervisor import Supervisor
from tests.journeys.shop import ROOT, Shop

ORDERS = int(os.environ.get("PROOF_ORDERS", "1000000"))
MOST_MS = 200
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV", "AUDIT_BOOKS")
# A checkpoint in the middle of a COPY is the disk's time, not ours.
TUNED = ("-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=30min")
MEASURE = ("-m", "tests.proofs.searching_run")
Figures = dict[str, Any]


def search_orders(shop: Shop, *, orders: int = ORDERS) -> Figures:
    """Seed by COPY, audit, then search 200 values of each kind: p95 of at most 200 ms."""
    figures: Figures = {"orders": f"{orders:,}"}
    with throw_away_state() as state, tempfile.TemporaryDirectory() as logs:
        with _server(state, Path(logs)) as run:
            run("manage.py", "migrate", "--verbosity", "0")
            started = time.monotonic()
            run("manage.py", "seed", "--orders", str(orders), "--seed", "1")
            figures["seconds to seed"] = f"{time.monotonic() - started:.0f}"
            # What is open has grown old while the rest was written: a shop's watchdog alarms.
            run(*MEASURE, "watch")
            started = time.monotonic()
            run("manage.py", "audit")
            figures["seconds to audit, nothing found"] = f"{time.monotonic() - started:.0f}"
            run(*MEASURE, "vacuum")
            figures |= _read(run(*MEASURE, f"{logs}/values.json"))
        with _server(state, Path(logs)) as run:
            again = _read(run(*MEASURE, f"{logs}/values.json"))
            figures |= {f"{name}, restarted": value for name, value in again.items()}
    for name, value in figures.items():
        if " ms" in str(value):
            p95 = float(str(value).split(" / ")[1])
            assert p95 <= MOST_MS, f"{name}: {value}"
    return figures


@contextmanager
def _server(state: Path, logs: Path) -> Iterator[Callable[..., str]]:
    """Run PostgreSQL on the data of `state`; give what runs a program of ours beside it."""
    supervisor = Supervisor(logs=logs, say=lambda words: None)
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    server = postgres.prepare(state=state, is_throw_away=True)
    process = server.process(environment=environment)
    supervisor.start(replace(process, command=(*process.command, *TUNED)))
    try:
        server.create_database()
        environment |= {"GM_ENV": "test", "DATABASE_URL": server.url()}
        environment |= {"REDIS_URL": "redis://localhost:1"}
        yield lambda *words: _run(words, environment)
    finally:
        supervisor.stop()
        server.forget_sockets()


def _run(words: tuple[str, ...], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def _read(output: str) -> Figures:
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures
