"""Growth: intake, and the pages that look among orders, in shops that have so many orders already.

Each shop has a PostgreSQL of its own; they are measured in turns by eight buyers, and compared with
the empty one of the same round. Web and PostgreSQL alone.
"""

from contextlib import ExitStack
from statistics import median

import psycopg

from tests.bench import reads
from tests.bench.crowd import Crowd, go
from tests.bench.ground import Ground, bodies_of_three, prepared
from tests.bench.report import Section, Sizes, percentile, spread

BUYERS = 8
WARM_UP_SECONDS = 2.0
LOOKING = ("order page", "staff: list of orders", "staff: search")


def run(sizes: Sizes) -> Section:
    """Fill the shops, then measure round by round."""
    section = Section("Growth", __doc__ or "")
    with ExitStack() as closing:
        grounds = {0: closing.enter_context(prepared(has_background=False))}
        for orders in sizes.seeded:
            grounds[orders] = closing.enter_context(prepared(has_background=False))
            _fill(grounds[orders], orders)
        for ground in grounds.values():
            _place(ground, WARM_UP_SECONDS)
        rates: dict[int, list[float]] = {orders: [] for orders in grounds}
        for _ in range(sizes.rounds):
            for orders, ground in grounds.items():
                rates[orders].append(_place(ground, sizes.seconds))
        for orders, found in rates.items():
            against = zip(found, rates[0], strict=True)
            ratio = median(rate / empty for rate, empty in against)
            pages = _look(grounds[orders], sizes)
            section.table(
                f"{orders:,} orders before",
                [("intake", spread(found)), ("ratio to the empty shop", f"{ratio:.3f}"), *pages],
            )
            section.figures[f"ratio_{orders}"] = ratio
    return section


def _fill(ground: Ground, orders: int) -> None:
    """Seed, and leave nothing for PostgreSQL to tidy up while we measure."""
    done = ground.shop.manage("seed", "--orders", str(orders), timeout=7200)
    assert done.returncode == 0, done.stderr[-2000:]
    with psycopg.connect(ground.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _place(ground: Ground, seconds: float) -> float:
    """Return orders a second."""
    key = ground.shop.environment["GM_API_KEY"]
    parameters = {"api_key": key, "bodies": bodies_of_three()}
    crowd = Crowd("place", ground.port, BUYERS, parameters, seconds=seconds, warmup=0.5)
    tally, _, _ = go(crowd, read=lambda: None)
    assert not tally.refusals, tally.refusals
    return tally.units_in_time / tally.seconds


def _look(ground: Ground, sizes: Sizes) -> list[tuple[str, str]]:
    """Return how long one reader waits for the pages that look among orders."""
    rows = []
    for page in reads.list_pages(ground):
        if page.name in LOOKING:
            tally = reads.read_page(ground, page, readers=1, seconds=sizes.seconds / 2)
            times = sorted(tally.requests["get"])
            p50, p95 = percentile(times, 0.50), percentile(times, 0.95)
            rows.append((f"{page.name}, p50 / p95 ms", f"{p50:.0f} / {p95:.0f}"))
    return rows
