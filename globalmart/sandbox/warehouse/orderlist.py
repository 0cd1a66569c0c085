"""Orders of the book as XML: one, a page of those that changed, and what they looked like before.

Written as text, not through an XML library: a page of 200 orders is written many times a second.
"""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse.answers import elements, instant

# A client reads at most a megabyte; a page ends early rather than be refused.
MAX_PAGE_CHARACTERS = 600_000


@dataclass(frozen=True, slots=True)
class Page:
    """Orders as XML, their references, the position of the last, and whether more follow."""

    pieces: list[str]
    references: list[str]
    last: int
    more: bool


def page(
    book: Book, *, location: str, after: int, limit: int, hidden_since: float = math.inf
) -> Page:
    """Return the orders of a location that changed after a position.

    An order that changed several times since comes once, at its last change. The page ends before
    the first order that was accepted after `hidden_since`.
    """
    rows = book.query(
        "SELECT c.position, c.reference, c.status, o.wms_number, o.lines, o.accepted_at"
        " FROM changes c JOIN orders o ON o.reference = c.reference"
        " WHERE c.position > ? AND o.location = ? AND NOT EXISTS (SELECT 1 FROM changes later"
        " WHERE later.reference = c.reference AND later.position > c.position)"
        " ORDER BY c.position LIMIT ?",
        (after, location, limit + 1),
    )
    more = len(rows) > limit
    parcels = _parcels(book, [row["reference"] for row in rows[:limit]])
    found = Page([], [], after, more)
    size, last = 0, after
    for row in rows[:limit]:
        if row["accepted_at"] > hidden_since:
            return Page(found.pieces, found.references, last, more=False)
        piece = _order(book, row, parcels.get(row["reference"], ""))
        if found.pieces and size + len(piece) > MAX_PAGE_CHARACTERS:
            more = True
            break
        found.pieces.append(piece)
        found.references.append(row["reference"])
        size += len(piece)
        last = row["position"]
    return Page(found.pieces, found.references, last, more)


def history(book: Book, references: Iterable[str]) -> list[str]:
    """Return each order as it looked at its last changes but one, oldest first."""
    pieces = []
    for reference in references:
        rows = book.query(
            "SELECT c.reference, c.status, c.at, o.wms_number, o.lines FROM changes c"
            " JOIN orders o ON o.reference = c.reference WHERE c.reference = ?"
            " ORDER BY c.position DESC LIMIT 4",
            (reference,),
        )
        for row in reversed(rows[1:]):
            parcels = _parcels(book, [reference], until=row["at"])
            pieces.append(_order(book, row, parcels.get(reference, "")))
    return pieces


def order(book: Book, reference: str, *, hidden_since: float = math.inf) -> str | None:
    """Return one order as XML with its lines; None if there is none, or it came too lately."""
    row = book.one(
        "SELECT o.reference, o.wms_number, o.lines, c.status FROM orders o JOIN changes c"
        " ON c.position = (SELECT max(position) FROM changes WHERE reference = o.reference)"
        " WHERE o.reference = ? AND o.accepted_at <= ?",
        (reference, min(hidden_since, 1e12)),
    )
    if row is None:
        return None
    parcels = _parcels(book, [reference])
    return _order(book, row, parcels.get(reference, ""), has_lines=True)


def _order(book: Book, row: sqlite3.Row, parcels: str, *, has_lines: bool = False) -> str:
    names = elements(reference=row["reference"], wmsNumber=row["wms_number"], status=row["status"])
    lines = _lines(book, row) if has_lines or row["status"] == "closed_short" else ""
    return f"<order>{names}{lines}<shipments>{parcels}</shipments></order>"


def _lines(book: Book, row: sqlite3.Row) -> str:
    reference = (row["reference"],)
    shipped: Counter[str] = Counter()
    for item in book.query(
        "SELECT sku, quantity FROM book_warehouse_shipments WHERE reference = ?", reference
    ):
        shipped[item["sku"]] += item["quantity"]
    short: Counter[int] = Counter()
    reasons: dict[int, str] = {}
    for one in book.query(
        "SELECT line_no, pieces, reason FROM shorts WHERE reference = ?", reference
    ):
        short[one["line_no"]] += one["pieces"]
        reasons[one["line_no"]] = one["reason"]
    pieces = []
    for line in json.loads(row["lines"]):
        number, sku, ordered = line["lineNo"], line["sku"], line["quantity"]
        gone = min(shipped[sku], ordered - short[number])
        shipped[sku] -= gone
        lack = ""
        if short[number]:
            lack = f' short="{short[number]}" shortReason={quoteattr(reasons[number])}'
        pieces.append(
            f'<line lineNo="{number}" sku={quoteattr(sku)} ordered="{ordered}"'
            f' shipped="{gone}"{lack}/>'
        )
    return f"<lines>{''.join(pieces)}</lines>"


def _parcels(book: Book, references: list[str], *, until: float = 1e12) -> dict[str, str]:
    rows = book.query(
        "SELECT s.*, i.sku, i.quantity FROM shipments s JOIN shipment_items i USING (shipment_id)"
        " WHERE s.reference IN (SELECT value FROM json_each(?)) AND s.shipped_at <= ?"
        " ORDER BY s.shipment_id, i.id",
        (json.dumps(references), until),
    )
    items: dict[str, list[str]] = {}
    parcels: dict[str, sqlite3.Row] = {}
    for row in rows:
        parcels.setdefault(row["shipment_id"], row)
        items.setdefault(row["shipment_id"], []).append(
            f'<item sku={quoteattr(row["sku"])} quantity="{row["quantity"]}"/>'
        )
    events = _events(book, list(parcels), until=until)
    found: dict[str, str] = {}
    for shipment_id, row in parcels.items():
        about = elements(
            shipmentId=shipment_id,
            carrier=row["carrier"],
            trackingNumber=row["tracking_number"],
            trackingUrl=row["tracking_url"],
            shippedAt=instant(row["shipped_at"]),
        )
        inside = f"<items>{''.join(items[shipment_id])}</items>{events.get(shipment_id, '')}"
        one = f"<shipment>{about}{inside}</shipment>"
        found[row["reference"]] = found.get(row["reference"], "") + one
    return found


def _events(book: Book, shipment_ids: list[str], *, until: float) -> dict[str, str]:
    if not shipment_ids:
        return {}
    rows = book.query(
        "SELECT * FROM carrier_events WHERE shipment_id IN (SELECT value FROM json_each(?))"
        " AND at <= ? ORDER BY id",
        (json.dumps(shipment_ids), until),
    )
    told: dict[str, str] = {}
    for row in rows:
        about = f" description={quoteattr(row['description'])}" if row["description"] else ""
        told[row["shipment_id"]] = told.get(row["shipment_id"], "") + (
            f'<event eventId="E{row["id"]:08d}" state="{row["state"]}"'
            f' at="{instant(row["at"])}"{about}/>'
        )
    return {shipment_id: f"<events>{events}</events>" for shipment_id, events in told.items()}
