"""Whole lives of orders at full size: Hypothesis on PostgreSQL, in two processes with their own.

`SEED` repeats a run. Without a shop beside it: `python -m tests.proofs.life STEPS`.
"""

import gc
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.core.management import call_command
from rich.console import Console

from tests.journeys.shop import ROOT, Shop

STEPS, PROCESSES = 100_000, 2
# Examples of one go of Hypothesis, whose memory grows with them; steps of one example.
EXAMPLES, LENGTH = 8, 100
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV")
Figures = dict[str, Any]


def random_lives(shop: Shop | None, *, steps: int = STEPS) -> Figures:
    """Random events of all sides over random orders: no promise broken, no order forgotten."""
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    console = Console(stderr=True)
    console.print(f"SEED={seed}")
    share, started = steps // PROCESSES, time.monotonic()
    with TemporaryDirectory() as folder:
        runs = [Run(share, seed + number, Path(folder)) for number in range(PROCESSES)]
        try:
            while any(run.is_going() for run in runs) and not any(run.has_failed() for run in runs):
                done = sum(run.steps for run in runs)
                console.print(f"{done} steps, {done / (time.monotonic() - started):.0f} a second")
                time.sleep(10)
            # What has failed has the most to say.
            runs.sort(key=Run.has_failed, reverse=True)
            counts = sum((run.finish() for run in runs), Counter[str]())
        finally:
            for run in runs:
                run.stop()
    return {
        "seed": seed,
        "steps": count_steps(counts),
        "steps a second": round(count_steps(counts) / (time.monotonic() - started)),
        "orders": counts.pop("orders"),
        "examples": counts.pop("examples"),
        "broken promises": 0,
        **dict(sorted(counts.items())),
    }


class Run:
    """One process with servers of its own; `steps` is how far it has come."""

    def __init__(self, steps: int, seed: int, folder: Path) -> None:
        self.steps, self.seed, self.counts = 0, seed, Counter[str]()
        self.log = folder / str(seed)
        environment = {key: value for key, value in os.environ.items() if key not in OWN}
        command = [sys.executable, "-m", "tests.proofs.life", str(steps), str(seed)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "globalmart.sandbox", "servers", "--", *command],
                cwd=ROOT,
                env=environment | {"GM_ENV": "test"},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def is_going(self) -> bool:
        """Tell whether it has not ended."""
        return self.process.poll() is None

    def has_failed(self) -> bool:
        """Tell whether it has ended too early."""
        return self.process.poll() not in (None, 0)

    def stop(self) -> None:
        """End it, if it has not ended."""
        self.process.terminate()

    def finish(self) -> Counter[str]:
        """Wait for its end and return what it has counted. Raises AssertionError with its words
        where it has failed."""
        self.reader.join()
        assert self.process.wait() == 0, f"SEED={self.seed}\n{self.log.read_text()[-12_000:]}"
        return self.counts

    def _read(self) -> None:
        for line in self.process.stdout or ():
            if line.startswith("{"):
                self.counts = Counter(json.loads(line))
                self.steps = count_steps(self.counts)


def count_steps(counts: Counter[str]) -> int:
    """Return how many events there were: acts of a side, done or refused."""
    return sum(count for name, count in counts.items() if "." in name.split(":", 1)[0])


def _main(steps: int, seed: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    from tests.orders.life import machine  # noqa: PLC0415 - needs Django set up

    call_command("migrate", verbosity=0)
    machine.open_once()
    # What is loaded by now stays: it need not be looked through for garbage again and again.
    gc.freeze()
    counts: Counter[str] = Counter()
    number = 0
    while count_steps(counts) < steps:
        counts += machine.run(examples=EXAMPLES, steps=LENGTH, chance=seed * 1_000 + number)
        number += 1
        print(json.dumps(counts), flush=True)  # noqa: T201 - the figures so far


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _main(int(sys.argv[1]), int(sys.argv[2]))
    else:
        Console().print(random_lives(None, steps=int(sys.argv[1])))
