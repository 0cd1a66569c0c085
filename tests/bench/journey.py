"""Journey: a guest buys three products through the pages, in eight requests: three times into the
basket, contact, delivery, review, the button (which opens the payment at Stripe), the order's page.

Everything runs. The card is typed into Stripe's own frame, so it ends there, unpaid; redirects are
not followed and pictures not loaded.
"""

from collections.abc import Sequence
from statistics import median

from tests.bench.client import Tally
from tests.bench.crowd import Crowd, go
from tests.bench.ground import SKUS, Ground, prepared
from tests.bench.report import Section, Sizes, percentile, spread

BUYERS = (1, 8, 32)
STEPS = ("add", "contact", "delivery", "review", "place", "order")
REQUESTS = 8
WARM_UP_SECONDS = 3.0
SETTINGS = {"STRIPE_RATE_LIMIT": "0"}
Found = list[tuple[Tally, dict[str, float]]]


def run(sizes: Sizes) -> Section:
    """Measure round by round."""
    section = Section("Journey through the pages", __doc__ or "")
    with prepared(has_background=True, **SETTINGS) as ground:
        rows = ground.ask("SELECT id FROM orders_product WHERE sku = ANY(%s)", [SKUS])
        products = [row[0] for row in rows]
        rounds: dict[int, Found] = {buyers: [] for buyers in BUYERS}
        _buy(ground, products, max(BUYERS), WARM_UP_SECONDS)
        for _ in range(sizes.rounds):
            for buyers in BUYERS:
                rounds[buyers].append(_buy(ground, products, buyers, sizes.seconds))
        memory = ground.web_mb()
    for buyers, found in rounds.items():
        _describe(section, buyers, found)
    section.table("Memory", [("two web workers and their parent, PSS MB", memory)])
    section.figures["web_mb"] = memory
    return section


def _buy(
    ground: Ground, products: Sequence[int], buyers: int, seconds: float
) -> tuple[Tally, dict[str, float]]:
    crowd = Crowd("buy", ground.port, buyers, {"products": list(products)}, seconds=seconds)
    tally, before, after = go(crowd, read=ground.cpu_seconds)
    assert not tally.refusals, tally.refusals
    journeys = len(tally.units)
    cpu = {name: 1000 * (after[name] - before.get(name, 0.0)) / journeys for name in after}
    return tally, {**cpu, "buyers": 1000 * tally.cpu_seconds / journeys}


def _rate(tally: Tally) -> float:
    """Return whole journeys a second, by requests: at the end some are half way."""
    return tally.requests_in_time / REQUESTS / tally.seconds


def _describe(section: Section, buyers: int, found: Found) -> None:
    tallies = [tally for tally, _ in found]
    rates = [_rate(tally) for tally in tallies]
    whole = sorted(ms for tally in tallies for ms in tally.units)
    rows = [
        ("whole journeys a second", spread(rates, digits=1)),
        ("a journey, p50 / p95 / p99 ms", _three(whole)),
    ]
    for step in STEPS:
        times = sorted(ms for tally in tallies for ms in tally.requests[step])
        rows.append((f"{step}, p50 / p95 / p99 ms", _three(times)))
    cpu = {name: median(each[name] for _, each in found) for name in found[0][1]}
    used = sorted(cpu.items(), key=lambda each: -each[1])
    rows.append(
        ("CPU ms a journey", ", ".join(f"{name} {ms:.1f}" for name, ms in used if ms >= 0.5))
    )
    section.table(f"{buyers} buyers", rows)
    section.figures[f"rate_{buyers}"] = median(rates)
    section.figures[f"p95_ms_{buyers}"] = percentile(whole, 0.95)


def _three(ordered: Sequence[float]) -> str:
    return " / ".join(f"{percentile(ordered, share):.0f}" for share in (0.50, 0.95, 0.99))
