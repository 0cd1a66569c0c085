"""What a run did, so that every row of the file is accounted for."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from orders.imports.spool import Spool

REJECTS_HEADER = ("file", "line", "reason", "detail", "invoice", "stock_code", "description")


class RowsLost(AssertionError):
    """The statuses do not add up to the rows read: a fault of the program, never of the file."""


@dataclass(slots=True)
class Rows:
    """Rows of the file: read = used + present + returned + rejected + untried."""

    read: int = 0
    used: int = 0
    present: int = 0
    returned: int = 0
    rejected: int = 0
    untried: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def count_rows(*, spool: Spool, read: int) -> Rows:
    """Return the counts of the spool. Raises RowsLost when they do not add up."""
    by_status = spool.count_by_status()
    rows = Rows(
        read=read,
        used=by_status.get("placed", 0),
        present=by_status.get("present", 0),
        returned=by_status.get("returned", 0),
        rejected=by_status.get("rejected", 0),
        untried=by_status.get("open", 0) + by_status.get("return", 0),
        reasons=spool.count_by_reason(),
    )
    accounted = rows.used + rows.present + rows.returned + rows.rejected + rows.untried
    if rows.read != accounted:
        raise RowsLost(str(rows))
    return rows


def write_rejects(*, spool: Spool, source: Path, target: Path) -> None:
    """Write the rejected rows, in file order, as CSV."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(REJECTS_HEADER)
        for row in spool.list_rejected():
            cells = (row.reason, row.detail, row.invoice, row.sku, row.description)
            writer.writerow((source.name, row.line, *(_harmless(cell) for cell in cells)))


def row_lines(*, rows: Rows, rejects: Path) -> list[str]:
    """Return the lines of the report that account for the rows."""
    used = rows.used + rows.present
    text = f"Rows: {rows.read:,} read = {used:,} used"
    if rows.returned:
        text += f" + {rows.returned:,} returned"
    text += f" + {rows.rejected:,} rejected"
    if rows.untried:
        text += f" + {rows.untried:,} not tried yet"
    lines = [text]
    lines += [f"  {count:>8,}  {reason}" for reason, count in rows.reasons.items()]
    if rows.rejected:
        lines.append(f"Rejected rows are in {rejects}")
    return lines


def _harmless(cell: str | None) -> str:
    """Keep a spreadsheet from running a cell of somebody else's file as a formula."""
    text = cell or ""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text
