"""The refund storm on servers of its own: the shop's workers must not send its refunds as well."""

import json
import os
import subprocess
import sys
from typing import Any

import django
from django.core.management import call_command

from tests.journeys.shop import ROOT, Shop

ROWS, ORDERS = 10_000, 40
OWN = ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "GM_ENV")


def refund_storm(shop: Shop, *, rows: int = ROWS, orders: int = ORDERS) -> dict[str, Any]:
    """Refunds from 20 threads at a Stripe that misbehaves: never over the captured amount."""
    environment = {key: value for key, value in os.environ.items() if key not in OWN}
    storm = [sys.executable, "-m", "tests.proofs.storming", str(rows), str(orders)]
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


def _main(rows: int, orders: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.proofs.refund_storm import run_storm  # noqa: PLC0415 - needs Django set up

    print(json.dumps(run_storm(rows=rows, orders=orders)))  # noqa: T201 - the figures


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
