"""The real orders of the Online Retail sample, imported and run to the end."""

import os
import sqlite3
from pathlib import Path

from tests.journeys.scenarios import Figures, no_findings
from tests.journeys.shop import Shop

SAMPLE = Path(os.environ.get("GM_SAMPLE") or "online-retail-sample.csv")
STOCK = "1000000"


def import_and_run_to_the_end(shop: Shop) -> Figures:
    """Every invoice becomes an order that completes; the same import again places nothing."""
    if not SAMPLE.exists():
        raise SystemExit(f"{SAMPLE} is not there: set GM_SAMPLE to the sample's path")
    catalogue = shop.manage("import_catalogue", str(SAMPLE.resolve()), "--stock", STOCK)
    assert catalogue.returncode == 0, catalogue.stderr[-2000:]
    print(catalogue.stdout)  # noqa: T201 - the report is what is to be seen
    first = shop.manage("import_orders", str(SAMPLE.resolve()), "--wait", timeout=5_000)
    print(first.stdout[-6000:])  # noqa: T201
    assert first.returncode == 0, first.stderr[-2000:]
    books = _books(shop)
    again = shop.manage("import_orders", str(SAMPLE.resolve()), timeout=1_000)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "Orders: 0 placed" in again.stdout, again.stdout[-2000:]
    return {**books, "placed by the same import again": 0, "audit findings": no_findings(shop)}


def _books(shop: Shop) -> Figures:
    """Compare the sum of totals, our ledger and Stripe's book."""
    ((placed, completed, total),) = shop.query(
        "SELECT count(*), count(*) FILTER (WHERE state = 'completed'), sum(total_minor)"
        " FROM orders_order WHERE external_ref IS NOT NULL"
    )
    ((ledger,),) = shop.query(
        "SELECT sum(l.amount_minor) FROM payments_ledgerentry l"
        " JOIN orders_order o ON o.id = l.order_id"
        " WHERE l.account = 'stripe' AND o.external_ref IS NOT NULL"
    )
    assert placed == completed, (placed, completed)
    assert total == ledger, (total, ledger)
    return {
        "orders placed": placed,
        "orders completed": completed,
        "sum of totals, minor units": total,
        "captured in our ledger": ledger,
        "captured in Stripe's book": _captured_at_stripe(shop),
    }


def _captured_at_stripe(shop: Shop) -> int:

    path = Path(shop.environment["AUDIT_BOOKS"]) / "stripe.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        (sum_,) = book.execute("SELECT sum(captured_minor) FROM book_stripe_intents").fetchone()
    return int(sum_)
