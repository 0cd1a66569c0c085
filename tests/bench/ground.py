"""What every workload stands on: a durable stack, a thousand products, bodies to post."""

import csv
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg

from globalmart.sandbox import postgres
from globalmart.sandbox.banner import Reporter
from globalmart.sandbox.stack import Stack
from tests.bench import ceiling, load, meter
from tests.journeys.shop import Shop, order_body

PRODUCTS, STOCK = 1_000, 100_000_000
SKUS = [str(10_000 + number) for number in range(1, PRODUCTS + 1)]
FILE = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate")
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
SETTING = "SELECT current_setting(%s)"
COLUMNS = (*FILE, "UnitPrice", "CustomerID", "Country")


@dataclass
class Ground:
    """A running shop, and what measures it."""

    stack: Stack
    shop: Shop
    binaries: Path
    statements: meter.Statements
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The database, as its owner."""
        return self.shop.environment["DATABASE_URL"]

    @property
    def port(self) -> int:
        """The web server's."""
        return urlsplit(self.shop.base_url).port or 80

    def ask(self, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as the database's owner, and commit it."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query.encode(), params)
            return cursor.fetchall() if cursor.description else []

    def cpu_seconds(self) -> dict[str, float]:
        """Return what each process of the stack has used so far."""
        return dict(meter.cpu_seconds(self.stack.supervisor.pids()))

    def web_mb(self) -> float:
        """Return the memory (PSS) of the web server's processes together."""
        return meter.shared_fairly_mb(meter.family(self.stack.supervisor.pids()["web"]))

    def post_orders(self, *, bodies: list[str], buyers: int, **how: Any) -> load.Outcome:
        """Have buyers post orders through the API."""
        key = self.shop.environment["GM_API_KEY"]
        head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            "Idempotency-Key: KEY\r\n"
        )
        return load.send(load.Plan(self.port, head, bodies, buyers, **how))


@contextmanager
def prepared(*, has_background: bool, **settings: str) -> Iterator[Ground]:
    """Start a shop on a durable database of its own; `settings` go to all of its processes."""
    os.environ.update(settings)
    try:
        with Stack(
            reporter=Reporter(is_quiet=True), is_measured=True, has_background=has_background
        ) as stack:
            shop = Shop(stack.environment)
            refuse_forgetful(shop.environment["DATABASE_URL"])
            _stock(shop)
            ceiling.prepare(shop.environment["DATABASE_URL"])
            yield Ground(
                stack,
                shop,
                postgres.find_binaries(),
                meter.Statements(shop.environment["DATABASE_URL"]),
            )
    finally:
        for name in settings:
            os.environ.pop(name, None)


class NotDurable(Exception):
    """The server does not keep what it has confirmed; figures of it would be worth nothing."""


def refuse_forgetful(url: str) -> None:
    """Raise NotDurable where a commit may be lost with the machine."""
    with psycopg.connect(url) as connection:
        off = [
            name for name in DURABLE if connection.execute(SETTING, [name]).fetchone() != ("on",)
        ]
    if off:
        raise NotDurable(f"{', '.join(off)} must be on at the server that is measured")


def _stock(shop: Shop) -> None:
    """Put a thousand products on sale, more of each than anybody buys."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for number, sku in enumerate(SKUS):
                price = f"{1 + number % 40}.{25 + number % 50}"
                row = (sku, f"MEASURED MUG {sku}", 1, "2011-10-06 12:00:00", price, 1, "France")
                rows.writerow((500_000 + number, *row))
        done = shop.manage("import_catalogue", str(path), "--stock", str(STOCK))
        assert done.returncode == 0, done.stderr[-2000:]


def bodies_of_three(count: int = 500, *, payment_method: str | None = None) -> list[str]:
    """Return orders of three different products each, by different customers."""
    chance = random.Random(20261201)
    return [
        json.dumps(
            order_body(
                [{"sku": sku, "quantity": 1} for sku in chance.sample(SKUS, 3)],
                payment_method=payment_method,
                customer={"email": f"ada{number}@example.com", "name": f"Ada Lovelace {number}"},
            )
        )
        for number in range(count)
    ]
