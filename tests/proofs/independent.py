"""The run at localstripe on servers of its own: the shop's workers must not send its calls."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from tests.journeys.shop import ROOT, Shop
from tests.sandbox.localstripe_process import find_localstripe, localstripe

ORDERS, THREADS = 100, 4
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV")
Figures = dict[str, Any]


def many_orders(shop: Shop, *, orders: int = ORDERS) -> Figures:
    """At a Stripe that ignores keys, with answers lost: one captured intent for each order."""
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    run = [sys.executable, "-m", "tests.proofs.independent", str(orders)]
    done = subprocess.run(
        [sys.executable, "-m", "globalmart.sandbox", "servers", "--", *run],
        cwd=ROOT,
        env=environment | {"GM_ENV": "test", "STRIPE_RATE_LIMIT": "0"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _main(orders: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    from tests import builders  # noqa: PLC0415 - needs Django set up
    from tests.proofs.localstripe_run import pay  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    builders.open_shop()
    builders.add_product(on_hand=10 * orders)
    program = find_localstripe()
    assert program is not None, "localstripe is not installed"
    with tempfile.TemporaryDirectory() as folder, localstripe(program, Path(folder)) as url:
        print(json.dumps(pay(url=url, orders=orders, threads=THREADS)))  # noqa: T201 - the figures


if __name__ == "__main__":
    _main(int(sys.argv[1]))
