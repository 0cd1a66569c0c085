"""Stock at its full sizes, on servers of its own: the shop's workers must not poll beside it."""

import json
import os
import subprocess
import sys
from typing import Any

import django
from django.core.management import call_command

from tests.journeys.shop import ROOT, Shop

BUYERS, SECONDS = 200, 60
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV")


def stock_storm(shop: Shop, *, buyers: int = BUYERS, seconds: int = SECONDS) -> dict[str, Any]:
    """Many buyers of one unit; sales, counts, deltas, releases and parcels at once: no breach."""
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    storm = [sys.executable, "-m", "tests.proofs.stock", str(buyers), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", "globalmart.sandbox", "servers", "--", *storm],
        cwd=ROOT,
        env=environment | {"GM_ENV": "test"},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _main(buyers: int, seconds: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.proofs.stock_storm import run_storm, sell_last_unit  # noqa: PLC0415 - as set up

    seed = int(os.environ.get("SEED") or 1)
    storm = run_storm(seconds=seconds, seed=seed)
    print(json.dumps(storm | sell_last_unit(buyers)))  # noqa: T201 - the figures


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
