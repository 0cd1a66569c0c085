"""Read the book into SOAP messages.

Written as text, not through an XML library: a page of 200 orders is written many times a second.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from globalmart.sandbox.book import Book

NAMESPACE = "urn:globalmart:wms:v1"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
)
TAIL = "</soap:Body></soap:Envelope>"
# A client reads at most a megabyte; a page ends early rather than be refused.
MAX_PAGE_CHARACTERS = 600_000


def message(operation: str, content: str) -> bytes:
    """Return the envelope of an answer; `content` is its inner XML."""
    name = f"{operation}Response"
    return f'{HEAD}<{name} xmlns="{NAMESPACE}">{content}</{name}>{TAIL}'.encode()


def fault(party: str, code: str, text: str) -> bytes:
    """Return a SOAP 1.1 fault; `party` is Client or Server."""
    return (
        f"{HEAD}<soap:Fault><faultcode>soap:{party}</faultcode>"
        f"<faultstring>{escape(text)}</faultstring><detail>"
        f'<WmsFault xmlns="{NAMESPACE}"><code>{escape(code)}</code>'
        f"<message>{escape(text)}</message></WmsFault></detail></soap:Fault>{TAIL}"
    ).encode()


def elements(**values: str) -> str:
    """Return `<name>value</name>` for each argument, in order."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def instant(at: float) -> str:
    """Return a time in seconds since 1970 as the contract writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def page(book: Book, *, after: int, limit: int) -> tuple[str, int, bool]:
    """Return (orders as XML, position of the last one, whether more follow).

    An order that changed several times since `after` comes once, at its last change.
    """
    rows = book.query(
        "SELECT c.position, c.reference, c.status, o.wms_number"
        " FROM changes c JOIN orders o ON o.reference = c.reference"
        " WHERE c.position > ? AND NOT EXISTS (SELECT 1 FROM changes later"
        " WHERE later.reference = c.reference AND later.position > c.position)"
        " ORDER BY c.position LIMIT ?",
        (after, limit + 1),
    )
    more = len(rows) > limit
    parcels = _parcels(book, [row["reference"] for row in rows[:limit]])
    pieces: list[str] = []
    size, last = 0, after
    for row in rows[:limit]:
        piece = _order(row, "", parcels.get(row["reference"], ""))
        if pieces and size + len(piece) > MAX_PAGE_CHARACTERS:
            more = True
            break
        pieces.append(piece)
        size += len(piece)
        last = row["position"]
    return "".join(pieces), last, more


def order(book: Book, reference: str) -> str | None:
    """Return one order as XML with its lines, or None."""
    row = book.one(
        "SELECT o.reference, o.wms_number, o.lines, c.status FROM orders o JOIN changes c"
        " ON c.position = (SELECT max(position) FROM changes WHERE reference = o.reference)"
        " WHERE o.reference = ?",
        (reference,),
    )
    if row is None:
        return None
    is_shipped = row["status"] == "shipped"
    lines = "".join(_line(line, is_shipped=is_shipped) for line in json.loads(row["lines"]))
    parcels = _parcels(book, [reference])
    return _order(row, f"<lines>{lines}</lines>", parcels.get(reference, ""))


def stock_items(items: Iterable[tuple[str, int]]) -> str:
    """Return the counted SKUs as XML."""
    counted = (f'<item sku={quoteattr(sku)} onHand="{on_hand}"/>' for sku, on_hand in items)
    return f"<items>{''.join(counted)}</items>"


def _order(row: sqlite3.Row, lines: str, parcels: str) -> str:
    names = elements(reference=row["reference"], wmsNumber=row["wms_number"], status=row["status"])
    return f"<order>{names}{lines}<shipments>{parcels}</shipments></order>"


def _line(line: Mapping[str, str | int], *, is_shipped: bool) -> str:
    quantity = line["quantity"]
    return (
        f'<line lineNo="{line["lineNo"]}" sku={quoteattr(str(line["sku"]))}'
        f' ordered="{quantity}" shipped="{quantity if is_shipped else 0}"/>'
    )


def _parcels(book: Book, references: list[str]) -> dict[str, str]:
    rows = book.query(
        "SELECT s.*, i.sku, i.quantity FROM shipments s JOIN shipment_items i USING (shipment_id)"
        " WHERE s.reference IN (SELECT value FROM json_each(?)) ORDER BY s.shipment_id, i.id",
        (json.dumps(references),),
    )
    items: dict[str, list[str]] = {}
    parcels: dict[str, sqlite3.Row] = {}
    for row in rows:
        parcels.setdefault(row["shipment_id"], row)
        items.setdefault(row["shipment_id"], []).append(
            f'<item sku={quoteattr(row["sku"])} quantity="{row["quantity"]}"/>'
        )
    found: dict[str, str] = {}
    for shipment_id, row in parcels.items():
        about = elements(
            shipmentId=shipment_id,
            carrier=row["carrier"],
            trackingNumber=row["tracking_number"],
            trackingUrl=row["tracking_url"],
            shippedAt=instant(row["shipped_at"]),
        )
        one = f"<shipment>{about}<items>{''.join(items[shipment_id])}</items></shipment>"
        found[row["reference"]] = found.get(row["reference"], "") + one
    return found
