"""Intake: `POST /api/v1/orders` of three products, durable and answered, its payment planned.

Web and PostgreSQL alone, as the peers were measured: no worker, relay or cron beside them.
"""

from dataclasses import dataclass
from statistics import median

from tests.bench import ceiling
from tests.bench.ground import Ground, bodies_of_three, prepared
from tests.bench.load import Outcome
from tests.bench.report import Section, Sizes, percentile, spread

BUYERS = (1, 8, 32)
WARM_UP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Round:
    """One round with so many buyers: orders per second of pgbench into the shop's tables and into
    leaner ones, and what the shop did."""

    ceiling: float
    lean: float
    outcome: Outcome
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        return self.outcome.accepted / self.outcome.seconds


def run(sizes: Sizes) -> Section:
    """Measure intake beside the ceiling, round by round."""
    with prepared(has_background=False) as ground:
        return measure(ground, sizes)


def measure(ground: Ground, sizes: Sizes) -> Section:
    """Measure intake on a ground that stands."""
    bodies = bodies_of_three()
    rounds: dict[int, list[Round]] = {buyers: [] for buyers in BUYERS}
    for buyers in BUYERS:
        warm = ground.post_orders(bodies=bodies, buyers=buyers, seconds=WARM_UP_SECONDS)
        assert set(warm.statuses) == {"201"}, (warm.statuses, warm.samples)
    for _ in range(sizes.rounds):
        for buyers in BUYERS:
            rounds[buyers].append(_round(ground, bodies, buyers, sizes.seconds))
    section = Section("Intake, orders per second", __doc__ or "")
    for buyers, found in rounds.items():
        _describe(section, buyers, found)
    section.table("Memory", [("two web workers and their parent, PSS MB", ground.web_mb())])
    section.figures["web_mb"] = ground.web_mb()
    _count_statements(ground, bodies, section)
    return section


def _round(ground: Ground, bodies: list[str], buyers: int, seconds: float) -> Round:
    best, lean = (
        ceiling.measure(
            binaries=ground.binaries, url=ground.url, clients=buyers, seconds=seconds, script=script
        )
        for script in ("same_tables", "steps")
    )
    before = ground.cpu_seconds()
    outcome = ground.post_orders(bodies=bodies, buyers=buyers, seconds=seconds)
    assert set(outcome.statuses) == {"201"}, (outcome.statuses, outcome.samples)
    after = ground.cpu_seconds()
    return Round(best, lean, outcome, {name: after[name] - before.get(name, 0.0) for name in after})


def _describe(section: Section, buyers: int, rounds: list[Round]) -> None:
    ratio = median(each.rate / each.ceiling for each in rounds)
    lean = median(each.rate / each.lean for each in rounds)
    times = sorted(ms for each in rounds for ms in each.outcome.milliseconds)
    p50, p95, p99 = (percentile(times, share) for share in (0.50, 0.95, 0.99))
    orders = sum(each.outcome.accepted for each in rounds)
    cpu = {
        name: 1000 * sum(each.cpu[name] for each in rounds) / orders for name in ("web", "postgres")
    }
    cpu["buyers"] = 1000 * sum(each.outcome.cpu_seconds for each in rounds) / orders
    section.table(
        f"{buyers} buyers",
        [
            ("pgbench, the same rows", spread([each.ceiling for each in rounds])),
            ("pgbench, leaner tables", spread([each.lean for each in rounds])),
            ("intake", spread([each.rate for each in rounds])),
            ("ratio, median of the rounds", f"{ratio:.3f}"),
            ("ratio to the leaner tables", f"{lean:.3f}"),
            ("p50 / p95 / p99 ms", f"{p50:.1f} / {p95:.1f} / {p99:.1f}"),
            ("p99 / p50", f"{p99 / p50:.2f}"),
            ("CPU ms an order", ", ".join(f"{name} {ms:.2f}" for name, ms in cpu.items())),
        ],
    )
    section.figures[f"ratio_{buyers}"] = ratio
    section.figures[f"p99_over_p50_{buyers}"] = p99 / p50
    section.figures[f"rate_{buyers}"] = median(each.rate for each in rounds)


def _count_statements(ground: Ground, bodies: list[str], section: Section) -> None:
    """Count what 200 orders of one buyer ask, by PostgreSQL's own count."""
    ground.statements.forget()
    outcome = ground.post_orders(bodies=bodies, buyers=1, count=200)
    listed = ground.statements.listed()
    each = sum(calls for _, calls, _ in listed) / outcome.accepted
    took = sum(ms for _, _, ms in listed) / outcome.accepted
    rows = [
        (
            " ".join(text.split())[:90],
            f"{calls / outcome.accepted:.2f} in {ms / outcome.accepted:.3f} ms",
        )
        for text, calls, ms in listed
        if calls / outcome.accepted >= 0.05
    ]
    section.table(
        "Statements an order", [*rows, ("all", f"{each:.2f}"), ("PostgreSQL ms", f"{took:.2f}")]
    )
    section.figures["statements"] = each
