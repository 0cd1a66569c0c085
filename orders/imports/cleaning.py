"""What a row means: trimmed, typed values, or the reason why it cannot be used."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from orders.imports.reading import Record

SALE = re.compile(r"\d{4,12}")
RETURN = re.compile(r"C\d{4,12}")
# Five digits and up to two letters; DCGS... are gifts of one range, PADS are cushion pads.
# POST, DOT, M, D, S, C2, AMAZONFEE, BANK CHARGES, CRUK, gift_0001_... are charges and vouchers.
GOODS = re.compile(r"\d{5}[A-Z]{0,2}|DCGS[0-9A-Z]{1,20}|PADS")
WHOLE = re.compile(r"(-?\d{1,9})(?:\.0+)?")
PRICE = re.compile(r"-?\d{1,9}(?:\.\d{1,6})?")
CUSTOMER = re.compile(r"(\d{1,12})(?:\.0+)?")
DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")
# Notes of the stock room that stand where the name of the goods should.
NOTES = re.compile(
    r"(\W*\b(adjust\w*|check\w*|crushed|damage[sd]?|ebay|faulty|found|incorrect\w*|lost|missing|"
    r"mixed up|mouldy|smashed|thrown( away)?|unsaleable|wet|wrong\w*)\b\W*)+",
    re.IGNORECASE,
)
# Services that carry a number like goods: next day carriage.
SERVICES = frozenset({"23444"})


class Reason(StrEnum):
    """Why a row was not used, in the words of the report."""

    MALFORMED = "malformed"
    RETURN = "return (C invoice)"
    NOT_SALE = "not a sales invoice"
    NOT_GOODS = "stock code is no goods"
    QUANTITY = "quantity zero or negative"
    PRICE = "price zero or negative"
    COUNTRY = "country not mapped"
    NO_DESCRIPTION = "no description"
    UNKNOWN_SKU = "unknown SKU"
    NOT_PRICED = "no price in the currency"
    SOLD_OUT = "sold out"
    REFUSED = "order refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the file: `price_minor` in pence, `invoiced_at` as ISO text without a zone.

    `reason` is None where the row can be used as far as the row itself tells.
    """

    line: int
    invoice: str
    sku: str
    description: str
    quantity: int
    price_minor: int
    customer: str
    country: str
    invoiced_at: str
    reason: Reason | None
    detail: str = ""


class _Bad(ValueError):
    """A field that cannot be read; the text says which and why."""


def clean_record(*, record: Record) -> Line:
    """Return the row with typed values, or with the reason for its rejection; never raises."""
    if record.problem:
        return _rejected(record, Reason.MALFORMED, record.problem)
    try:
        return _typed(record)
    except _Bad as error:
        return _rejected(record, Reason.MALFORMED, str(error))


def clean_text(text: str) -> str:
    """Return text trimmed, in NFC, with runs of blanks and control characters made one blank."""
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_clean_description(*, text: str) -> bool:
    """Tell whether a text names goods: mostly upper case as in this file, not a stock note."""
    letters = [char for char in text if char.isalpha()]
    upper = sum(char.isupper() for char in letters)
    return (
        bool(letters)
        and 2 * upper >= len(letters)
        and "?" not in text
        and not NOTES.fullmatch(text)
    )


def _typed(record: Record) -> Line:
    invoice, code, description, quantity, date, price, customer, country = record.fields
    line = Line(
        line=record.line,
        invoice=clean_text(invoice).upper()[:40],
        sku=clean_text(code).upper()[:40],
        description=clean_text(description)[:200],
        quantity=_whole(quantity),
        price_minor=_minor(price),
        customer=_customer(customer),
        country=clean_text(country),
        invoiced_at=_date(date),
        reason=None,
    )
    reason, detail = _verdict(line)
    return line if reason is None else replace(line, reason=reason, detail=detail)


def _verdict(line: Line) -> tuple[Reason | None, str]:
    if RETURN.fullmatch(line.invoice):
        return Reason.RETURN, _why_no_return(line)
    if not SALE.fullmatch(line.invoice):
        return Reason.NOT_SALE, line.invoice
    if not GOODS.fullmatch(line.sku) or line.sku in SERVICES:
        return Reason.NOT_GOODS, line.description
    if line.quantity <= 0:
        return Reason.QUANTITY, str(line.quantity)
    if line.price_minor <= 0:
        return Reason.PRICE, f"{line.price_minor} pence"
    return None, ""


def _why_no_return(line: Line) -> str:
    """Return why a row of a C-invoice cannot reverse a sale; empty: it may, if one fits."""
    if not GOODS.fullmatch(line.sku) or line.sku in SERVICES:
        return Reason.NOT_GOODS.value
    if line.quantity >= 0:
        return f"quantity {line.quantity} is not below zero"
    return "" if line.customer else "no customer"


def _rejected(record: Record, reason: Reason, detail: str) -> Line:
    invoice, code, description = record.fields[:3] if record.fields else ("", "", "")
    return Line(
        line=record.line,
        invoice=clean_text(invoice).upper()[:40],
        sku=clean_text(code).upper()[:40],
        description=clean_text(description)[:200],
        quantity=0,
        price_minor=0,
        customer="",
        country="",
        invoiced_at="",
        reason=reason,
        detail=detail,
    )


def _whole(text: str) -> int:
    match = WHOLE.fullmatch(text.strip())
    if match is None:
        raise _Bad(f"quantity {text.strip()[:40]!r} is no whole number")
    return int(match.group(1))


def _minor(text: str) -> int:
    if not PRICE.fullmatch(text.strip()):
        raise _Bad(f"price {text.strip()[:40]!r} is no amount")
    pence = Decimal(text.strip()) * 100
    return int(pence.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _customer(text: str) -> str:
    if not text.strip():
        return ""
    match = CUSTOMER.fullmatch(text.strip())
    if match is None:
        raise _Bad(f"customer {text.strip()[:40]!r} is no number")
    return match.group(1)


def _date(text: str) -> str:
    for form in DATES:
        try:
            return datetime.strptime(text.strip(), form).isoformat()  # noqa: DTZ007 - as in the file
        except ValueError:
            continue
    raise _Bad(f"date {text.strip()[:40]!r} is none of {', '.join(DATES)}")
