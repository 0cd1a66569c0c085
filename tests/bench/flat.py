"""Flat: intake by eight buyers for MINUTES, and whether it sinks. Each part of the time is measured
beside the ceiling of leaner tables, whose rows are taken away again, as the machine has its moods.
Web and PostgreSQL alone.
"""

from dataclasses import dataclass
from statistics import median

from tests.bench import ceiling
from tests.bench.crowd import Crowd, go
from tests.bench.ground import Ground, bodies_of_three, prepared
from tests.bench.report import Section, Sizes

BUYERS = 8
LEAST_PARTS = 4
CEILING_SHARE = 0.2
WARM_UP_SECONDS = 3.0
EMPTY = "TRUNCATE ceiling.orders, ceiling.keys, ceiling.timeline, ceiling.outbox CASCADE"
SIZE = "SELECT pg_database_size(current_database()) / 1048576, (SELECT count(*) FROM orders_order)"


@dataclass(frozen=True, slots=True)
class Part:
    """Orders a second of pgbench and the shop, its CPU ms for one, its memory, the database."""

    ceiling: float
    rate: float
    web_ms: float
    postgres_ms: float
    web_mb: float
    database_mb: int
    orders: int

    @property
    def ratio(self) -> float:
        return self.rate / self.ceiling

    def one_line(self) -> str:
        """Return it all as one cell of a table."""
        return (
            f"{self.rate:.0f} / {self.ratio:.3f} / {self.web_ms:.1f} / {self.postgres_ms:.1f} / "
            f"{self.web_mb:.0f} / {self.database_mb} / {self.orders:,}"
        )


def run(sizes: Sizes) -> Section:
    """Measure part after part; compare the last quarter of them with the first."""
    count = max(LEAST_PARTS, round(sizes.minutes))
    seconds = 60 * sizes.minutes / count
    section = Section("Flat", __doc__ or "")
    with prepared(has_background=False) as ground:
        _part(ground, WARM_UP_SECONDS)
        parts = [_part(ground, seconds) for _ in range(count)]
    rows = [
        (f"after {number * seconds / 60:.1f} minutes", part.one_line())
        for number, part in enumerate(parts, start=1)
    ]
    section.table(
        "orders a second / ratio / CPU ms web / postgres / web MB / database MB / orders", rows
    )
    changes = _changes(parts)
    section.table("the last quarter to the first", [(k, f"{v:.3f}") for k, v in changes.items()])
    section.figures |= {f"{name}, last to first": value for name, value in changes.items()}
    section.figures |= {f"ratio_{n}": part.ratio for n, part in enumerate(parts, start=1)}
    return section


def _changes(parts: list[Part]) -> dict[str, float]:
    """Return medians of the last quarter divided by those of the first."""
    quarter = max(1, len(parts) // 4)

    def middle(name: str, some: list[Part]) -> float:
        return median(getattr(part, name) for part in some)

    return {
        name: middle(name, parts[-quarter:]) / middle(name, parts[:quarter])
        for name in ("ratio", "web_ms", "postgres_ms", "web_mb")
    }


def _part(ground: Ground, seconds: float) -> Part:
    best = ceiling.measure(
        binaries=ground.binaries,
        url=ground.url,
        clients=BUYERS,
        seconds=CEILING_SHARE * seconds,
        script="steps",
    )
    ground.ask(EMPTY)
    key = ground.shop.environment["GM_API_KEY"]
    parameters = {"api_key": key, "bodies": bodies_of_three()}
    crowd = Crowd("place", ground.port, BUYERS, parameters, seconds=(1 - CEILING_SHARE) * seconds)
    tally, before, after = go(crowd, read=ground.cpu_seconds)
    assert not tally.refusals, tally.refusals
    web, postgres = (
        1000 * (after[name] - before[name]) / len(tally.units) for name in ("web", "postgres")
    )
    ((size, orders),) = ground.ask(SIZE)
    rate = tally.units_in_time / tally.seconds
    return Part(best, rate, web, postgres, ground.web_mb(), int(size), orders)
