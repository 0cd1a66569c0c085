"""Replay: the busiest day of the sample's real orders, a hundred times as fast, each with its own
lines and quantities, paid by a test card, until all are shipped and captured. Everything runs.
"""

import csv
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.bench.ground import Ground, prepared
from tests.bench.report import Section, Sizes, percentile
from tests.journeys.shop import order_body

SPEED = 100
STOCK = "1000000"
SENDERS = 16
SETTINGS = {"STRIPE_RATE_LIMIT": "0", "WMS_RATE_PER_SECOND": "0"}
WAIT_SECONDS = 600
COMPLETED = """
SELECT extract(epoch FROM completed_at - created_at) FROM orders_order
 WHERE public_id = ANY(%s) AND state = 'completed' ORDER BY 1
"""


@dataclass(slots=True)
class Invoice:
    """When it was written, and how many of which stock codes."""

    at: datetime
    quantities: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def run(sizes: Sizes) -> Section:
    """Replay it, or say that there is no sample."""
    section = Section("Replay of a real day", __doc__ or "")
    if sizes.sample is None:
        section.table("Left out", [("SAMPLE=FILE names the real orders", "no file was named")])
        return section
    with prepared(has_background=True, **SETTINGS) as ground:
        done = ground.shop.manage(
            "import_catalogue", str(sizes.sample.resolve()), "--stock", STOCK, timeout=1200
        )
        assert done.returncode == 0, done.stderr[-2000:]
        invoices = _busiest_day(sizes.sample, _for_sale(ground))
        _describe(section, *_replay(ground, invoices))
    return section


def _for_sale(ground: Ground) -> set[str]:
    return {row[0] for row in ground.ask("SELECT sku FROM orders_product WHERE is_active")}


def _busiest_day(path: Path, skus: set[str]) -> list[Invoice]:
    """Return the invoices of the day that has most, earliest first, without what is no goods."""
    days: Mapping[str, dict[str, Invoice]] = defaultdict(dict)
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            sku, quantity = row["StockCode"].strip().upper(), int(row["Quantity"])
            if quantity > 0 and sku in skus and not row["InvoiceNo"].startswith("C"):
                at = datetime.fromisoformat(row["InvoiceDate"])
                day = days[row["InvoiceDate"][:10]]
                day.setdefault(row["InvoiceNo"], Invoice(at)).quantities[sku] += quantity
    assert days, f"{path} holds no order that can be placed"
    busiest = max(days.values(), key=len)
    return sorted(busiest.values(), key=lambda invoice: invoice.at)


def _replay(ground: Ground, invoices: list[Invoice]) -> tuple[float, list[float], list[float]]:
    """Return seconds until the last completes, ms of each answer, seconds to complete of each."""
    opened, started = invoices[0].at, time.monotonic()
    answers: list[float] = []

    def place(number: int) -> str:
        invoice = invoices[number]
        due = started + (invoice.at - opened).total_seconds() / SPEED
        time.sleep(max(0.0, due - time.monotonic()))
        lines = [{"sku": sku, "quantity": units} for sku, units in invoice.quantities.items()]
        sent_at = time.monotonic()
        placed = ground.shop.place(key=f"replay-{number}", body=order_body(lines))
        answers.append(1000 * (time.monotonic() - sent_at))
        return str(placed["id"])

    with ThreadPoolExecutor(SENDERS) as pool:
        ids = list(pool.map(place, range(len(invoices))))
    left = ground.shop.wait_until_final(ids, seconds=WAIT_SECONDS)
    assert not left, left
    taken = time.monotonic() - started
    return taken, sorted(answers), [float(row[0]) for row in ground.ask(COMPLETED, [ids])]


def _describe(section: Section, taken: float, answers: list[float], completed: list[float]) -> None:
    section.table(
        f"{len(completed)} orders of one day, {SPEED} times as fast",
        [
            ("completed", len(completed)),
            ("seconds until all were completed", f"{taken:.0f}"),
            ("answer to the order, p50 / p95 ms", _two(answers, 0)),
            ("placed to completed, p50 / p95 s", _two(completed, 1)),
        ],
    )
    section.figures |= {"orders": len(completed), "completed_p95": percentile(completed, 0.95)}


def _two(ordered: list[float], digits: int) -> str:
    p50, p95 = (percentile(ordered, share) for share in (0.50, 0.95))
    return f"{p50:.{digits}f} / {p95:.{digits}f}"
