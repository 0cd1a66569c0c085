"""The real orders of the Online Retail sample with its C-invoices, run to the end."""

import csv
import os
import sqlite3
from pathlib import Path

from tests.journeys.scenarios import Figures, no_findings
from tests.journeys.shop import ROOT, Shop

SAMPLE = Path(os.environ.get("GM_SAMPLE") or "online-retail-sample.csv")
STOCK = "1000000"


def import_and_run_to_the_end(shop: Shop) -> Figures:
    """Every invoice becomes an order that completes, every C-invoice that reverses one a return
    that is paid back; the same import again does neither."""
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
    assert "Returns: 0 rows of C-invoices booked" in again.stdout, again.stdout[-2000:]
    return {
        **books,
        **_returns(shop),
        "placed by the same import again": 0,
        "audit findings": no_findings(shop),
    }


def _books(shop: Shop) -> Figures:
    """Compare the sum of totals, our ledger and Stripe's book."""
    ((placed, completed, total),) = shop.query(
        "SELECT count(*), count(*) FILTER (WHERE state = 'completed'), sum(total_minor)"
        " FROM orders_order WHERE external_ref IS NOT NULL"
    )
    ((ledger,),) = shop.query(
        "SELECT sum(l.amount_minor) FROM payments_ledgerentry l"
        " JOIN orders_order o ON o.id = l.order_id"
        " WHERE l.account = 'stripe' AND l.amount_minor > 0 AND o.external_ref IS NOT NULL"
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


def _returns(shop: Shop) -> Figures:
    """Compare what came back, what it cost, our ledger and Stripe's book; all of it adds up."""
    ((closed, open_),) = shop.query(
        "SELECT count(*) FILTER (WHERE state = 'closed'), count(*) FILTER (WHERE state <> 'closed')"
        " FROM orders_return"
    )
    ((asked, succeeded, refunded),) = shop.query(
        "SELECT count(*), count(*) FILTER (WHERE state = 'succeeded'), coalesce(sum(amount_minor),"
        " 0) FROM payments_refund WHERE reason = 'returned'"
    )
    ((balance, back),) = shop.query(
        "SELECT sum(amount_minor), -coalesce(sum(amount_minor) FILTER (WHERE account = 'stripe'"
        " AND amount_minor < 0), 0) FROM payments_ledgerentry"
    )
    assert open_ == 0, f"{open_} returns are not closed"
    assert asked == succeeded, (asked, succeeded)
    assert (balance, back) == (0, refunded), (balance, back, refunded)
    theirs = _stripe_book(shop, "SELECT sum(refunded_minor) FROM book_stripe_intents")
    assert theirs == refunded, (theirs, refunded)
    return {
        "returns booked and closed": closed,
        "refunded by our ledger and in Stripe's book": refunded,
        "sum of the whole ledger": balance,
        "rows of C-invoices without a sale, listed": _count_unmatched(),
    }


def _count_unmatched() -> int:
    with (ROOT / "var" / f"rejects-{SAMPLE.stem}.csv").open(newline="", encoding="utf-8") as file:
        return sum(row["reason"] == "return (C invoice)" for row in csv.DictReader(file))


def _captured_at_stripe(shop: Shop) -> int:
    return _stripe_book(shop, "SELECT sum(captured_minor) FROM book_stripe_intents")


def _stripe_book(shop: Shop, sql: str) -> int:
    path = Path(shop.environment["AUDIT_BOOKS"]) / "stripe.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        (sum_,) = book.execute(sql).fetchone()
    return int(sum_)
