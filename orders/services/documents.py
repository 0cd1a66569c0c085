"""Invoices and credit notes: one for each booking that moved an order's money, numbered in turn."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from fulfillment import queries as fulfillment
from globalmart.core import outbox, timeline
from orders import events
from orders.models import Document, DocumentSeries, LegalEntity, Order, ShippingMethod
from orders.queries.positions import Position, for_capture, for_refund
from orders.services.entities import seller_of
from orders.states import DocumentKind
from payments import queries as payments
from payments.queries import Move, MoveKind

KINDS = {
    MoveKind.CAPTURE: DocumentKind.INVOICE,
    MoveKind.REFUND: DocumentKind.CREDIT_NOTE,
    MoveKind.REVERSAL: DocumentKind.REVERSAL,
}
GERMAN = ("DE", "AT")
AMOUNTS = ("net_minor", "tax_minor", "gross_minor")


@transaction.atomic
def issue_due(*, order_id: int, now: datetime) -> list[Document]:
    """Write what the order's bookings ask for and is not there yet; return what was written.

    Under the order's lock, and last of all that of the series, whose number is taken in the same
    transaction: a number that is rolled back is free again. Told again, nothing is written.
    """
    order = Order.objects.locked().get(pk=order_id)
    written = order.documents.select_related("series__entity").order_by("pk")
    made = {each.source: each for each in written}
    issued = []
    for move in payments.list_moves(order_id=order_id):
        if move.key not in made:
            made[move.key] = _issue(order, move, made, now)
            issued.append(made[move.key])
    return issued


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a content, as it is written down."""
    return digest_of_text(write_down(content))


def write_down(content: Mapping[str, Any]) -> str:
    """Return a content as its digest is taken of it: keys sorted, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _issue(order: Order, move: Move, made: Mapping[str, Document], now: datetime) -> Document:
    kind, refers_to = KINDS[move.kind], _refers_to(move, made)
    if kind == DocumentKind.REVERSAL and refers_to is None:
        raise LookupError(f"{move.key} takes back what no document says")
    listed = _positions(order, move, made, refers_to)
    seller = _seller(order, made)
    series = _lock_series(seller, kind, now)
    number = f"{_prefix(seller, kind)}{series.year}-{series.last_number:06d}"
    content = _content(order, move, seller, listed)
    content |= {
        "kind": kind,
        "number": number,
        "issued_at": now.isoformat(),
        "refers_to": refers_to.number if refers_to else "",
    }
    document = Document.objects.create(
        series=series,
        kind=kind,
        sequence=series.last_number,
        number=number,
        order=order,
        source=move.key,
        refers_to=refers_to,
        currency=order.currency,
        net_minor=content["net_minor"],
        tax_minor=content["tax_minor"],
        gross_minor=content["gross_minor"],
        content=content,
        sha256=digest(content),
        issued_at=now,
    )
    _tell(document)
    return document


def _seller(order: Order, made: Mapping[str, Document]) -> LegalEntity:
    """Who wrote the order's first document writes them all, whoever would sell it today."""
    return next((each.series.entity for each in made.values()), None) or seller_of(order)


def _tell(document: Document) -> None:
    timeline.record(
        subject_type="order",
        subject_id=document.order_id,
        kind="document.issued",
        actor="system",
        reason=document.number,
        data={"document": document.pk, "gross_minor": document.gross_minor},
    )
    outbox.publish(events.DocumentIssued(subject_id=document.order_id, document_id=document.pk))


def _refers_to(move: Move, made: Mapping[str, Document]) -> Document | None:
    """A credit note refers to the order's last invoice; what takes it back, to the note."""
    if move.kind == MoveKind.REVERSAL:
        return made.get(move.reverses)
    if move.kind == MoveKind.CAPTURE:
        return None
    invoices = [each for each in made.values() if each.kind == DocumentKind.INVOICE]
    return invoices[-1] if invoices else None


def _positions(
    order: Order, move: Move, made: Mapping[str, Document], refers_to: Document | None
) -> list[dict[str, Any]]:
    if move.kind == MoveKind.REVERSAL and refers_to is not None:
        return list(refers_to.content["lines"])
    lines = list(order.lines.order_by("position"))
    found: Sequence[Position]
    if move.kind == MoveKind.CAPTURE:
        found = for_capture(
            order=order,
            lines=lines,
            parcels=_parcels(order),
            earlier=_contents(made, DocumentKind.INVOICE),
            amount_minor=move.amount_minor,
        )
    else:
        found = for_refund(
            order=order,
            lines=lines,
            parts=move.refund.parts if move.refund else (),
            earlier=_contents(made, DocumentKind.CREDIT_NOTE),
            amount_minor=move.amount_minor,
        )
    return [
        asdict(each) | ({"name": _shipping_name(order)} if each.kind == "shipping" else {})
        for each in found
    ]


def _shipping_name(order: Order) -> str:
    """The method as people know it, or its code where it is gone."""
    names = ShippingMethod.objects.filter(code=order.shipping_method)
    return names.values_list("name", flat=True).first() or order.shipping_method


def _contents(made: Mapping[str, Document], kind: DocumentKind) -> list[Mapping[str, Any]]:
    """The contents of what was written of a kind and was not taken back."""
    gone = {each.refers_to_id for each in made.values() if each.kind == DocumentKind.REVERSAL}
    return [each.content for each in made.values() if each.kind == kind and each.pk not in gone]


def _parcels(order: Order) -> list[dict[int, int]]:
    """Units by line position of each parcel, oldest first."""
    places = dict(order.lines.values_list("sku", "position"))
    return [
        {places[sku]: units for sku, units in parcel.lines if sku in places}
        for parcel in fulfillment.list_shipments([order.pk]).get(order.pk, [])
    ]


def _lock_series(seller: LegalEntity, kind: DocumentKind, now: datetime) -> DocumentSeries:
    """Take the next number of this year's series: who comes later waits for this transaction."""
    key: dict[str, Any] = {"entity": seller, "kind": kind, "year": now.year}
    if not DocumentSeries.objects.filter(**key).exists():
        DocumentSeries.objects.get_or_create(**key)
    series = DocumentSeries.objects.locked().get(**key)
    series.last_number += 1
    series.save(update_fields=["last_number"])
    return series


def _prefix(seller: LegalEntity, kind: DocumentKind) -> str:
    prefixes = {
        DocumentKind.INVOICE: seller.invoice_prefix,
        DocumentKind.CREDIT_NOTE: seller.credit_note_prefix,
        DocumentKind.REVERSAL: seller.reversal_prefix,
    }
    return prefixes[kind]


def _content(
    order: Order, move: Move, seller: LegalEntity, listed: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return all that is printed; its sums are those of its lines."""
    billing = order.billing_address or order.shipping_address
    return {
        "version": 1,
        "language": "de" if billing.get("country") in GERMAN else "en",
        "currency": order.currency,
        "seller": {
            "name": seller.name,
            "address": seller.address,
            "country": seller.country,
            "tax_number": seller.tax_number,
            "email": seller.email,
        },
        "buyer": {"name": order.name, "billing": billing, "shipping": order.shipping_address},
        "order": {"number": order.number, "placed_on": order.created_at.date().isoformat()},
        "is_net": order.tax_added_minor > 0,
        "lines": [dict(each) for each in listed],
        "taxes": _taxes(listed),
        **{name: sum(each[name] for each in listed) for name in AMOUNTS},
        "paid_on": move.at.date().isoformat(),
    }


def _taxes(listed: Sequence[Mapping[str, Any]]) -> list[dict[str, int]]:
    rates = sorted({each["tax_rate_bp"] for each in listed})
    return [
        {"tax_rate_bp": rate}
        | {
            name: sum(each[name] for each in listed if each["tax_rate_bp"] == rate)
            for name in AMOUNTS
        }
        for rate in rates
    ]
