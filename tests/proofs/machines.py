"""The state machines of the money core at their full sizes, on servers of their own."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import django
from django.core.management import call_command

from tests.journeys.shop import ROOT, Shop

WALKED, EXAMPLES, PAIRED = 250_000, 6_200, 250
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV")


def state_machines(
    shop: Shop, *, walked: int = WALKED, examples: int = EXAMPLES, paired: int = PAIRED
) -> dict[str, Any]:
    """Decisions about money in memory, and PostgreSQL under two connections: no promise broken."""
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    sizes = [str(size) for size in (walked, examples, paired)]
    machines = [sys.executable, "-m", "tests.proofs.machines", *sizes]
    done = subprocess.run(
        [sys.executable, "-m", "globalmart.sandbox", "servers", "--", *machines],
        cwd=ROOT,
        env=environment | {"GM_ENV": "test"},
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _main(walked: int, examples: int, paired: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000))
    figures = {"seed": seed, **_walk(seed, walked), **_run(seed, examples), **_pair(seed, paired)}
    print(json.dumps(figures))  # noqa: T201 - the figures


def _walk(seed: int, steps: int) -> dict[str, Any]:
    from tests.payments.machines.walker import walk  # noqa: PLC0415 - needs Django set up

    done: Counter[str] = Counter()
    number, started = 0, time.monotonic()
    while done.total() < steps:
        try:
            done += walk(seed=seed, number=number)
        except Exception as error:
            raise AssertionError(f"walk(seed={seed}, number={number}): {error}") from error
        number += 1
    return _figures("walker", number, done.total(), started) | {
        f"walker: {act}": count for act, count in sorted(done.items())
    }


def _run(seed: int, examples: int) -> dict[str, Any]:
    from tests.payments.machines import machine  # noqa: PLC0415 - as above

    started = time.monotonic()
    done = machine.run(examples=examples, steps=80, chance=seed)
    return _figures("Hypothesis", machine.MoneyMachine.examples, done.total(), started)


def _pair(seed: int, examples: int) -> dict[str, Any]:
    from tests.payments.machines import contention  # noqa: PLC0415 - as above

    started = time.monotonic()
    found = contention.run(examples=examples, steps=20, chance=seed)
    acts, waits = found.pop("acts"), found.pop("lock waits")
    return _figures("PostgreSQL", examples, acts, started) | {
        "PostgreSQL: waits for a lock": waits,
        **{f"PostgreSQL: {act}": count for act, count in found.items()},
    }


def _figures(name: str, orders: int, steps: int, started: float) -> dict[str, Any]:
    return {
        f"{name}: orders": orders,
        f"{name}: steps": steps,
        f"{name}: seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:4]))
