"""The laws of pricing against many random baskets. Deterministic: the same seed, the same baskets.

Without a shop beside it: `python -m tests.proofs.prices [BASKETS]`.
"""

import sys
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import track

from tests.journeys.shop import Shop
from tests.orders.pricing.laws import check, random_order

BASKETS, SEED = 100_000, 5


def random_baskets(
    shop: Shop | None, *, baskets: int = BASKETS, seed: int = SEED
) -> dict[str, Any]:
    """Random baskets: totals are their parts, allocation is exact, the order of lines no matter."""
    rng = Random(seed)
    priced = refused = lines = discounts = net = tens = 0
    console = Console(stderr=True)
    for _ in track(range(baskets), description="baskets", console=console):
        order = random_order(rng)
        amounts = check(order, rng)
        if amounts is None:
            refused += 1
            continue
        priced += 1
        lines += len(amounts.lines)
        discounts += len(amounts.discounts)
        net += not order.tax_included
        tens += order.step_minor == 10
    assert priced > baskets // 2
    return {
        "baskets": baskets,
        "seed": seed,
        "priced": priced,
        "refused, and rightly": refused,
        "lines": lines,
        "discounts": discounts,
        "without tax in their prices": net,
        "in tens of the minor unit": tens,
        "laws broken": 0,
    }


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else BASKETS
    for name, value in random_baskets(None, baskets=size).items():
        Console().print(f"{name}: {value}")
