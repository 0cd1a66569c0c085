"""A temporary SQLite file between the reading and the doing.

Invoice rows lie scattered over the file, so they must be brought together before an order can be
placed. On disk that takes constant memory, and every row keeps one status, so that the report
cannot lose one: open, placed, present (the order was there before), return (it waits for its turn),
returned or rejected.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from orders.imports.cleaning import Line, Reason

SCHEMA = """
CREATE TABLE line (line INTEGER PRIMARY KEY, invoice TEXT, sku TEXT, description TEXT,
    quantity INTEGER, price_minor INTEGER, customer TEXT, country TEXT, invoiced_at TEXT,
    status TEXT, reason TEXT, detail TEXT);
CREATE TABLE awaited (invoice TEXT PRIMARY KEY, number TEXT, state TEXT NOT NULL DEFAULT '');
"""
INDEXES = """
CREATE INDEX line_invoice ON line (invoice, line);
CREATE INDEX line_sku ON line (sku, price_minor);
"""
BATCH = 2_000


class SpooledLine(NamedTuple):
    """A usable row; `price_minor` in pence."""

    line: int
    invoice: str
    sku: str
    description: str
    quantity: int
    price_minor: int
    customer: str
    country: str
    invoiced_at: str


class RejectedLine(NamedTuple):
    line: int
    reason: str
    detail: str
    invoice: str
    sku: str
    description: str


class Spool:
    """The rows of one file. Used by one thread."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        # It is thrown away after the run, so nothing of it needs to survive a crash.
        self.database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + SCHEMA)

    def load(self, lines: Iterable[Line]) -> int:
        """Store all rows and index them; return how many there were."""
        total = 0
        stream = iter(lines)
        while batch := list(islice(stream, BATCH)):
            self.database.execute("BEGIN")
            self.database.executemany(
                "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_values(line) for line in batch],
            )
            self.database.execute("COMMIT")
            total += len(batch)
        self.database.executescript(INDEXES)
        return total

    def reject(self, lines: Iterable[int], reason: Reason, detail: str = "") -> None:
        """Mark rows as not usable."""
        self.database.executemany(
            "UPDATE line SET status = 'rejected', reason = ?, detail = ? WHERE line = ?",
            [(reason.value, detail, line) for line in lines],
        )

    def mark(self, lines: Iterable[int], status: str) -> None:
        """Mark rows as used: placed, or present."""
        self.database.executemany(
            "UPDATE line SET status = ? WHERE line = ?", [(status, line) for line in lines]
        )

    def list_invoices(self, *, after: str, limit: int) -> list[str]:
        """Return the next invoice numbers that have open rows, in their order."""
        rows = self.database.execute(
            "SELECT DISTINCT invoice FROM line WHERE status = 'open' AND invoice > ?"
            " ORDER BY invoice LIMIT ?",
            (after, limit),
        )
        return [invoice for (invoice,) in rows]

    def list_open(self, *, invoice: str) -> list[SpooledLine]:
        """Return the usable rows of an invoice in file order."""
        rows = self.database.execute(
            "SELECT line, invoice, sku, description, quantity, price_minor, customer, country,"
            " invoiced_at FROM line WHERE invoice = ? AND status = 'open' ORDER BY line",
            (invoice,),
        )
        return [SpooledLine(*row) for row in rows]

    def await_order(self, invoice: str, number: str) -> None:
        """Remember an order whose end may be waited for."""
        self.database.execute(
            "INSERT OR IGNORE INTO awaited (invoice, number) VALUES (?, ?)", (invoice, number)
        )

    def invoice_total(self, *, invoice: str) -> int:
        """Return the invoice's own total in pence: all of its rows, rejected ones too."""
        (total,) = self.database.execute(
            "SELECT coalesce(sum(quantity * price_minor), 0) FROM line WHERE invoice = ?",
            (invoice,),
        ).fetchone()
        return int(total)

    def used_total(self) -> int:
        """Return the pence of all rows that orders were made of."""
        (total,) = self.database.execute(
            "SELECT coalesce(sum(quantity * price_minor), 0) FROM line"
            " WHERE status IN ('placed', 'present')"
        ).fetchone()
        return int(total)

    def open_returns(self) -> None:
        """Let the rows of C-invoices that may reverse a sale wait for their turn."""
        self.database.execute(
            "UPDATE line SET status = 'return' WHERE reason = ? AND detail = ''",
            (Reason.RETURN.value,),
        )

    def list_returns(self) -> list[SpooledLine]:
        """Return the rows of C-invoices that wait, by date and line; few, beside the sales."""
        rows = self.database.execute(
            "SELECT line, invoice, sku, description, quantity, price_minor, customer, country,"
            " invoiced_at FROM line WHERE status = 'return' ORDER BY invoiced_at, line"
        )
        return [SpooledLine(*row) for row in rows]

    def count(self, sql: str) -> int:
        """Return the number that a query of the spool gives."""
        return int(self.database.execute(sql).fetchone()[0])

    def count_by_status(self) -> dict[str, int]:
        return dict(self.database.execute("SELECT status, count(*) FROM line GROUP BY status"))

    def count_by_reason(self) -> dict[str, int]:
        return dict(
            self.database.execute(
                "SELECT reason, count(*) FROM line WHERE status = 'rejected'"
                " GROUP BY reason ORDER BY count(*) DESC, reason"
            )
        )

    def list_rejected(self) -> Iterator[RejectedLine]:
        """Yield the rejected rows in file order."""
        rows = self.database.execute(
            "SELECT line, reason, detail, invoice, sku, description FROM line"
            " WHERE status = 'rejected' ORDER BY line"
        )
        return (RejectedLine(*row) for row in rows)


@contextmanager
def open_spool() -> Iterator[Spool]:
    """Give a spool on disk that is gone afterwards."""
    with TemporaryDirectory(prefix="import-") as folder:
        spool = Spool(Path(folder) / "rows.sqlite")
        try:
            yield spool
        finally:
            spool.database.close()


def _values(line: Line) -> tuple[object, ...]:
    return (
        line.line,
        line.invoice,
        line.sku,
        line.description,
        line.quantity,
        line.price_minor,
        line.customer,
        line.country,
        line.invoiced_at,
        "open" if line.reason is None else "rejected",
        None if line.reason is None else line.reason.value,
        line.detail,
    )
