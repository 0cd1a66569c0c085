"""End to end: orders placed by the API and paid by a test card, until they are shipped, captured,
completed and told. Everything shares the machine: web, workers, relay, stores and the vendors.

`sustained` is how many orders a second were completed from the first one placed to the last one
completed; what was offered is placed evenly. Vendors answer at once, then slowly.
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from tests.bench.ground import Ground, bodies_of_three, prepared
from tests.bench.report import Section, Sizes, percentile

SETTINGS = {"STRIPE_RATE_LIMIT": "0", "WMS_RATE_PER_SECOND": "0"}
WAIT_SECONDS = 600
TIMES = """
SELECT extract(epoch FROM min(p.finished_at) - o.created_at),
       extract(epoch FROM o.completed_at - o.created_at)
  FROM orders_order o
  JOIN payments_paymentattempt a ON a.order_id = o.id
  JOIN payments_paymentoperation p ON p.attempt_id = a.id AND p.kind = 'capture'
 WHERE o.id > %s AND o.state = 'completed'
 GROUP BY o.id
"""
LEFT = "SELECT count(*) FROM orders_order WHERE id > %s AND state <> 'completed'"


@dataclass(frozen=True, slots=True)
class Pace:
    """Orders a second that are offered, and how slow the vendors are, in seconds."""

    per_second: float
    stripe: float = 0.0
    warehouse: float = 0.0


PACES = (Pace(30), Pace(15), Pace(15, stripe=0.3, warehouse=0.5))


def run(sizes: Sizes) -> Section:
    """Measure each pace on one shop."""
    section = Section("End to end", __doc__ or "")
    with prepared(has_background=True, **SETTINGS) as ground:
        _go(ground, Pace(5), seconds=5)  # warm-up
        for pace in PACES:
            _slow_down(ground, pace)
            _describe(section, pace, *_go(ground, pace, seconds=60 * sizes.minutes))
    return section


def _go(ground: Ground, pace: Pace, *, seconds: float) -> tuple[dict[str, Any], dict[str, float]]:
    ((first,),) = ground.shop.query("SELECT coalesce(max(id), 0) FROM orders_order")
    before, started = ground.cpu_seconds(), time.monotonic()
    outcome = ground.post_orders(
        bodies=bodies_of_three(payment_method="pm_card_visa"),
        buyers=16,
        count=round(pace.per_second * seconds),
        per_second=pace.per_second,
    )
    assert set(outcome.statuses) == {"201"}, (outcome.statuses, outcome.samples)
    placed_in = time.monotonic() - started
    ((behind,),) = ground.shop.query(LEFT, [first])
    while ground.shop.query(LEFT, [first])[0][0]:
        assert time.monotonic() - started < placed_in + WAIT_SECONDS, "they do not end"
        time.sleep(0.25)
    took = time.monotonic() - started
    after = ground.cpu_seconds()
    times = ground.shop.query(TIMES, [first])
    captured, completed = (sorted(float(row[place]) for row in times) for place in (0, 1))
    cpu = {name: 1000 * (after[name] - before.get(name, 0)) / outcome.accepted for name in after}
    return {
        "orders": outcome.accepted,
        "sustained, orders a second": f"{outcome.accepted / took:.1f}",
        "not completed when the last was placed": behind,
        "placed to captured, p50 / p95 s": _two(captured),
        "placed to completed, p50 / p95 s": _two(completed),
        "answer to the order, p50 / p95 ms": _two(sorted(outcome.milliseconds)),
        "rate": outcome.accepted / took,
        "captured_p95": percentile(captured, 0.95),
    }, cpu


def _two(ordered: list[float]) -> str:
    return f"{percentile(ordered, 0.5):.2f} / {percentile(ordered, 0.95):.2f}"


def _slow_down(ground: Ground, pace: Pace) -> None:
    for vendor, operation, seconds in (
        ("STRIPE", "payment_intents", pace.stripe),
        ("WAREHOUSE", "*", pace.warehouse),
    ):
        url = f"{ground.shop.environment[f'SANDBOX_{vendor}_URL']}/_control/faults"
        fault = {"operation": operation, "fault": "delay", "seconds": seconds}
        headers = {"Content-Type": "application/json"}
        if seconds:
            data = json.dumps(fault).encode()
            urlopen(Request(url, data, headers), timeout=10).close()  # noqa: S310 - of the stack
        else:
            urlopen(Request(url, method="DELETE"), timeout=10).close()  # noqa: S310


def _describe(section: Section, pace: Pace, found: dict[str, Any], cpu: dict[str, float]) -> None:
    name = f"{pace.per_second:.0f} a second offered"
    if pace.stripe:
        name += f", Stripe {1000 * pace.stripe:.0f} ms, warehouse {1000 * pace.warehouse:.0f} ms"
    figures = {key: found.pop(key) for key in ("rate", "captured_p95")}
    section.figures |= {f"{name}: {key}": value for key, value in figures.items()}
    section.table(name, list(found.items()))
    used = sorted(cpu.items(), key=lambda each: -each[1])
    rows = [(process, f"{ms:.1f}") for process, ms in used if ms >= 0.05]
    section.table("CPU ms an order", [*rows, ("all", f"{sum(cpu.values()):.1f}")])
