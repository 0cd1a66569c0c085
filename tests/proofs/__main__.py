"""The issue's full sizes: `python -m globalmart.sandbox exec -- python -m tests.proofs NAME`."""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.journeys import ambiguity, scenarios, warehouse
from tests.journeys.scenarios import Figures
from tests.journeys.shop import Shop
from tests.proofs import (
    independent,
    life,
    machines,
    prices,
    real_data,
    searching,
    stock,
    storming,
    vouchers,
)

PROOFS: dict[str, tuple[Callable[[Shop], Figures], ...]] = {
    "recovery": (
        partial(scenarios.submit_at_once, senders=50),
        partial(scenarios.rush_for_scarce, buyers=150),
        partial(scenarios.lose_redis_and_workers, orders=200),
        partial(scenarios.stop_redis, seconds=60, orders=100),
        partial(scenarios.stop_relay, orders=100),
    ),
    "ambiguity": (partial(ambiguity.ambiguous_stripe, orders=1_000),),
    "refunds": (storming.refund_storm,),
    "localstripe": (independent.many_orders,),
    "machines": (machines.state_machines,),
    "stock": (stock.stock_storm,),
    "hostile": (partial(warehouse.hostile_warehouse, orders=1_000),),
    "outage": (partial(warehouse.warehouse_down, orders=500),),
    "cancel": (partial(warehouse.cancel_against_ship, times=500),),
    "search": (searching.search_orders,),
    "prices": (prices.random_baskets,),
    "voucher": (vouchers.single_use,),
    "life": (life.random_lives,),
    "import": (real_data.import_and_run_to_the_end,),
}
PROOFS["money"] = (
    *PROOFS["ambiguity"],
    *PROOFS["refunds"],
    *PROOFS["machines"],
    *PROOFS["localstripe"],
)
PROOFS["warehouse"] = (
    *PROOFS["hostile"],
    *PROOFS["outage"],
    *PROOFS["stock"],
    *PROOFS["cancel"],
)
PROOFS["orders"] = (
    *PROOFS["prices"],
    *PROOFS["voucher"],
    *PROOFS["life"],
    *PROOFS["search"],
)


def main() -> None:
    """Run the proofs of one name and print their figures. A broken promise is a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PROOFS)
    shop, console = Shop(os.environ), Console(width=100)
    for proof in PROOFS[parser.parse_args().name]:
        function = getattr(proof, "func", proof)
        table = Table(title=f"{function.__name__}: {(function.__doc__ or '').splitlines()[0]}")
        table.add_column("figure")
        table.add_column("value", justify="right")
        started = time.monotonic()
        for name, value in proof(shop).items():
            table.add_row(name, str(value))
        table.add_row("seconds in all", f"{time.monotonic() - started:.1f}")
        console.print(table)


main()
