"""Play cells side by side, wait until each order has come to rest, and ask what was broken."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.crashpoints import stories
from tests.crashpoints.cells import Cell
from tests.crashpoints.stage import Buyer, NotReached, Stage
from tests.journeys.shop import Shop

# How many cells are played side by side: they share the machine, and crash each other's work.
WAVE = 18
# All is settled or explained this long after the last crash: a lease, and the way after it.
SETTLE_SECONDS = 180.0
# The warehouse waits, so that what happens between payment and parcel has the time to happen.
SHIP_AFTER_SECONDS = 4.0
ENDED = ("completed", "cancelled", "expired")
# What a payment or a refund must not be left in when its order is at rest.
RESTLESS = """
    SELECT o.public_id, o.state,
        (SELECT count(*) FROM payments_paymentoperation p
            JOIN payments_paymentattempt a ON a.id = p.attempt_id
            WHERE a.order_id = o.id AND p.finished_at IS NULL)
        + (SELECT count(*) FROM payments_refund r WHERE r.order_id = o.id
            AND r.state NOT IN ('succeeded', 'failed', 'rejected', 'cancelled', 'manual'))
        + (SELECT count(*) FROM payments_paymentattempt a WHERE a.order_id = o.id
            AND (a.state IN ('created', 'requires_action', 'processing', 'unknown')
                OR (o.state IN ('cancelled', 'expired')
                    AND a.state IN ('authorized', 'partially_captured')))),
        (SELECT string_agg(DISTINCT kind, ', ') FROM core_alert
            WHERE subject_type = 'order' AND subject_id = o.id AND closed_at IS NULL)
    FROM orders_order o WHERE o.public_id = ANY(%s)
"""


@dataclass(slots=True)
class Result:
    """What became of one cell; `seconds` from its beginning until its order was at rest."""

    cell: Cell
    buyer: Buyer
    is_hit: bool = False
    outcome: str = ""
    seconds: float = 0.0
    breaches: list[str] = field(default_factory=list)


def play_all(
    shop: Shop, cells: Sequence[Cell], *, seed: int, label: str, wave: int = WAVE
) -> Iterator[list[Result]]:
    """Play the cells in waves, mixed by the seed; give each wave's results when it has settled."""
    stage = Stage(shop, label=label)
    mixed = list(cells)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - a test's order, no secret
    stage.slow_warehouse(seconds=SHIP_AFTER_SECONDS)
    try:
        for start in range(0, len(mixed), wave):
            yield play_wave(stage, mixed[start : start + wave])
    finally:
        stage.disarm()
        stage.slow_warehouse(seconds=0.2)


def play_wave(stage: Stage, cells: Sequence[Cell]) -> list[Result]:
    """Play these cells at once, wait until all is at rest, audit."""
    buyers = [stage.buyer(cell) for cell in cells]
    with ThreadPoolExecutor(len(cells)) as pool:
        results = list(pool.map(lambda pair: _play(stage, *pair), zip(cells, buyers, strict=True)))
    _audit(stage, results)
    return results


def _play(stage: Stage, cell: Cell, buyer: Buyer) -> Result:
    result, started = Result(cell, buyer), time.monotonic()
    try:
        stories.play(stage, cell, buyer)
        result.is_hit = True
    except (NotReached, AssertionError) as error:
        result.breaches.append(str(error))
    if buyer.public_id:
        result.outcome = _await_rest(stage, buyer)
        if result.outcome.startswith("restless"):
            result.breaches.append(f"not settled, not explained: {result.outcome}")
        if not stage.is_replayed(buyer):
            result.breaches.append("I11: the same key gave another answer")
    result.seconds = time.monotonic() - started
    return result


def _await_rest(stage: Stage, buyer: Buyer) -> str:
    """Wait until the order has ended, or an open alert says why not; return which."""
    stop_at = time.monotonic() + SETTLE_SECONDS
    while True:
        ((_, state, under_way, alerts),) = stage.shop.query(RESTLESS, [[buyer.public_id]])
        if not under_way and state in ENDED:
            return f"{state}, {alerts}" if alerts else str(state)
        if not under_way and alerts:
            return f"{state}: {alerts}"
        if time.monotonic() > stop_at:
            return f"restless: {state}, {under_way} under way"
        time.sleep(0.5)


def _audit(stage: Stage, results: Sequence[Result]) -> None:
    """Run the audit, the vendors' books included; what it finds goes to the orders that it names,
    or, where it names none of them, to all of the wave."""
    names = {result.buyer.public_id: result for result in results}
    rows = stage.shop.query(
        "SELECT public_id, id::text, number FROM orders_order WHERE public_id = ANY(%s)",
        [list(names)],
    )
    by_word = {str(word): names[row[0]] for row in rows for word in row}
    for finding in stage.shop.audit():
        text = f"{finding['id']} {finding['name']}"
        blamed = [by_word[word] for word in _words(finding) if word in by_word]
        for result in blamed or results[:1]:
            result.breaches.append(f"{text}: {finding['rows'][:2]}")


def _words(finding: dict[str, Any]) -> Iterator[str]:
    for row in finding["rows"]:
        yield from (str(value) for value in (row.values() if isinstance(row, dict) else row))
