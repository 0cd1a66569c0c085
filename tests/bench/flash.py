"""Flash sale: a steady crowd, and one of the three products of every order is the same for all, so
that all of them wait for one row of stock. Beside pgbench doing that in leaner tables.

Web and PostgreSQL alone, as for intake.
"""

import json
import random
from dataclasses import dataclass
from statistics import median

from tests.bench import ceiling
from tests.bench.crowd import Crowd, go
from tests.bench.ground import SKUS, Ground, prepared
from tests.bench.report import Section, Sizes, percentile, spread
from tests.journeys.shop import order_body

BUYERS = (8, 32)
WARM_UP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    """Orders a second of pgbench and of the shop, and milliseconds of each request."""

    ceiling: float
    rate: float
    milliseconds: list[float]


def run(sizes: Sizes) -> Section:
    """Measure the shop beside the ceiling, round by round."""
    rounds: dict[int, list[Round]] = {buyers: [] for buyers in BUYERS}
    with prepared(has_background=False) as ground:
        for turn in range(sizes.rounds):
            for buyers in BUYERS:
                rounds[buyers].append(_round(ground, buyers, sizes.seconds, is_first=turn == 0))
    section = Section("Flash sale", __doc__ or "")
    for buyers, found in rounds.items():
        ratio = median(each.rate / each.ceiling for each in found)
        times = sorted(ms for each in found for ms in each.milliseconds)
        p50, p95, p99 = (percentile(times, share) for share in (0.50, 0.95, 0.99))
        section.table(
            f"{buyers} buyers",
            [
                ("pgbench, one product for all", spread([each.ceiling for each in found])),
                ("the shop, one product for all", spread([each.rate for each in found])),
                ("ratio, median of the rounds", f"{ratio:.3f}"),
                ("p50 / p95 / p99 ms", f"{p50:.1f} / {p95:.1f} / {p99:.1f}"),
            ],
        )
        section.figures[f"ratio_{buyers}"] = ratio
    return section


def _round(ground: Ground, buyers: int, seconds: float, *, is_first: bool) -> Round:
    best = ceiling.measure(
        binaries=ground.binaries, url=ground.url, clients=buyers, seconds=seconds, script="hot"
    )
    crowd = Crowd(
        "place",
        ground.port,
        buyers,
        {"api_key": ground.shop.environment["GM_API_KEY"], "bodies": hot_bodies()},
        seconds=seconds,
        warmup=WARM_UP_SECONDS if is_first else 0.5,
    )
    tally, _, _ = go(crowd, read=lambda: None)
    assert not tally.refusals, tally.refusals
    return Round(best, tally.units_in_time / tally.seconds, tally.requests["place"])


def hot_bodies(count: int = 500) -> list[str]:
    """Return orders of the first product and two others."""
    chance = random.Random(20261201)
    return [
        json.dumps(
            order_body(
                [
                    {"sku": sku, "quantity": 1}
                    for sku in (SKUS[0], *sorted(chance.sample(SKUS[1:], 2)))
                ],
                payment_method=None,
                customer={"email": f"ada{number}@example.com", "name": f"Ada Lovelace {number}"},
            )
        )
        for number in range(count)
    ]
