"""SOAP messages as text: envelopes, faults, and the warehouse's simple lists."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from globalmart.sandbox.book import Book

NAMESPACE = "urn:globalmart:wms:v1"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
)
TAIL = "</soap:Body></soap:Envelope>"


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


def attributes(**values: str) -> str:
    """Return ` name="value"` for each argument, in order."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def instant(at: float) -> str:
    """Return a time in seconds since 1970 as the contract writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def end(cursor: str, *, more: bool) -> str:
    """Return the end of a page."""
    return elements(nextCursor=cursor, hasMore="true" if more else "false")


def stock_items(items: Iterable[tuple[str, int]]) -> str:
    """Return the counted SKUs as XML."""
    counted = (f'<item sku={quoteattr(sku)} onHand="{on_hand}"/>' for sku, on_hand in items)
    return f"<items>{''.join(counted)}</items>"


def deltas(book: Book, *, location: str, after: int, limit: int) -> tuple[str, int, bool]:
    """Return (stock changes as XML, number of the last, whether more follow)."""
    rows = book.query(
        "SELECT * FROM deltas WHERE location = ? AND id > ? ORDER BY id LIMIT ?",
        (location, after, limit + 1),
    )
    pieces = (
        "<delta"
        + attributes(
            deltaId=f"D{row['id']:08d}",
            sku=row["sku"],
            change=str(row["change"]),
            at=instant(row["at"]),
            reason=row["reason"],
        )
        + "/>"
        for row in rows[:limit]
    )
    last = rows[:limit][-1]["id"] if rows else after
    return f"<deltas>{''.join(pieces)}</deltas>", last, len(rows) > limit


def receipts(book: Book, *, location: str, after: int, limit: int) -> tuple[str, int, bool]:
    """Return (returned goods as XML, number of the last, whether more follow)."""
    rows = book.query(
        "SELECT * FROM receipts WHERE location = ? AND id > ? ORDER BY id LIMIT ?",
        (location, after, limit + 1),
    )
    pieces = []
    for row in rows[:limit]:
        papers = {name: row[name] for name in ("rma", "reference") if row[name]}
        about = attributes(
            receiptId=f"R{row['id']:08d}",
            **papers,
            sku=row["sku"],
            quantity=str(row["quantity"]),
            condition=row["condition"],
            receivedAt=instant(row["at"]),
        )
        pieces.append(f"<receipt{about}/>")
    last = rows[:limit][-1]["id"] if rows else after
    return f"<receipts>{''.join(pieces)}</receipts>", last, len(rows) > limit
