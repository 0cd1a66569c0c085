"""Hot product: 300 buyers want one unit each of the same product at the same moment, and there are
100. Everything runs: web, workers, relay, stores and the vendors; the card of who gets one is
charged while the others still ask.

Exactly 100 get it, 200 are told that it is sold out, and nobody gets anything else.
"""

import json
from dataclasses import dataclass
from statistics import median

from tests.bench.crowd import Crowd, go
from tests.bench.ground import SKUS, Ground, prepared
from tests.bench.report import Section, Sizes, percentile, spread
from tests.journeys.shop import order_body

BUYERS, UNITS = 300, 100
WITHIN_SECONDS = 3.0
SOLD_OUT = "409 out_of_stock"
SET_STOCK = "UPDATE fulfillment_stock SET on_hand = reserved + %s WHERE sku = %s RETURNING reserved"
SOLD = """
SELECT count(DISTINCT l.order_id), coalesce(sum(l.quantity), 0),
       (SELECT sum(on_hand - reserved) FROM fulfillment_stock WHERE sku = %(sku)s),
       (SELECT count(*) FROM payments_paymentattempt a WHERE a.order_id IN
           (SELECT order_id FROM orders_orderline WHERE sku = %(sku)s))
  FROM orders_orderline l WHERE sku = %(sku)s
"""


@dataclass(frozen=True, slots=True)
class Rush:
    """What became of one rush: seconds until the last answer, milliseconds of each, CPU seconds by
    process until then."""

    seconds: float
    milliseconds: list[float]
    cpu: dict[str, float]


def run(sizes: Sizes) -> Section:
    """Let them rush once for each round, each time for another product."""
    section = Section("Hot product", __doc__ or "")
    with prepared(has_background=True) as ground:
        rush(ground, SKUS[0])  # warm-up: as correct, and not counted
        rushes = [rush(ground, SKUS[place]) for place in range(1, sizes.rounds + 1)]
    times = sorted(ms for each in rushes for ms in each.milliseconds)
    p50, p95, p99 = (percentile(times, share) for share in (0.50, 0.95, 0.99))
    seconds = [each.seconds for each in rushes]
    cpu = {name: median(each.cpu[name] for each in rushes) for name in rushes[0].cpu}
    used = sorted(cpu.items(), key=lambda each: -each[1])
    section.table(
        f"{BUYERS} buyers at once, {UNITS} units",
        [
            ("orders, units sold, attempts to pay: each time", UNITS),
            ("told that it is sold out, each time", BUYERS - UNITS),
            ("other answers", 0),
            ("seconds until the last answer", spread(seconds, digits=2)),
            ("all within 3 s", "yes" if max(seconds) <= WITHIN_SECONDS else "no"),
            ("p50 / p95 / p99 ms", f"{p50:.0f} / {p95:.0f} / {p99:.0f}"),
            ("CPU s until then", ", ".join(f"{k} {s:.2f}" for k, s in used if s >= 0.05)),
        ],
    )
    section.figures |= {"rounds": len(rushes), "most_seconds": max(seconds), "p95_ms": p95}
    return section


def rush(ground: Ground, sku: str) -> Rush:
    """Set the stock, let everybody ask, count. Raises AssertionError where anything is wrong."""
    ((reserved,),) = ground.ask(SET_STOCK, [UNITS, sku])
    assert reserved == 0, f"{sku} was sold before"
    body = order_body([{"sku": sku, "quantity": 1}])
    crowd = Crowd(
        "place",
        ground.port,
        BUYERS,
        {"api_key": ground.shop.environment["GM_API_KEY"], "bodies": [json.dumps(body)]},
    )
    tally, before, after = go(crowd, read=ground.cpu_seconds)
    assert tally.statuses.get("place 201") == UNITS, tally.statuses
    assert tally.refusals == {SOLD_OUT: BUYERS - UNITS}, tally.refusals
    (sold,) = ground.ask(SOLD, {"sku": sku})
    assert sold == (UNITS, UNITS, 0, UNITS), sold
    cpu = {name: after[name] - before.get(name, 0.0) for name in after}
    return Rush(tally.seconds, tally.requests["place"], cpu)
