"""Invoices and credit notes of an order, as people read and fetch them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from orders.models import Document, Order
from orders.states import DocumentKind
from payments import queries as payments

WORDS = {
    DocumentKind.INVOICE: "Invoice",
    DocumentKind.CREDIT_NOTE: "Credit note",
    DocumentKind.REVERSAL: "Credit note taken back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document in a list; its content, which is long, is not read. Minor units."""

    id: int
    number: str
    kind: str
    words: str
    refers_to: str
    currency: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    issued_at: datetime


def list_papers(*, order_id: int) -> list[Paper]:
    """Return the order's documents, first to last."""
    rows = Document.objects.filter(order_id=order_id).select_related("refers_to")
    rows = rows.defer("content", "refers_to__content").order_by("pk")
    return [
        Paper(
            id=row.pk,
            number=row.number,
            kind=row.kind,
            words=WORDS[DocumentKind(row.kind)],
            refers_to=row.refers_to.number if row.refers_to else "",
            currency=row.currency,
            net_minor=row.net_minor,
            tax_minor=row.tax_minor,
            gross_minor=row.gross_minor,
            issued_at=row.issued_at,
        )
        for row in rows
    ]


def list_undocumented(*, batch: int = 2_000) -> Iterator[tuple[int, str]]:
    """Yield key and number of the orders that have fewer documents than bookings, oldest first."""
    last = 0
    while True:
        rows = Order.objects.filter(pk__gt=last).order_by("pk")
        found = list(rows.annotate(written=Count("documents"))[:batch])
        if not found:
            return
        booked = payments.count_moves([order.pk for order in found])
        for order in found:
            if booked.get(order.pk, 0) > order.written:
                yield order.pk, order.number
        last = found[-1].pk


def find_document(*, order: Order, number: str) -> Document | None:
    """Return the order's document with this number, or None."""
    return Document.objects.filter(order=order, number=number).first()


def bodies(papers: Sequence[Paper]) -> list[dict[str, Any]]:
    """Return documents as the API shows them."""
    return [
        {
            "number": each.number,
            "kind": each.kind,
            "refers_to": each.refers_to or None,
            "currency": each.currency,
            "net_minor": each.net_minor,
            "tax_minor": each.tax_minor,
            "gross_minor": each.gross_minor,
            "issued_at": each.issued_at.isoformat(),
        }
        for each in papers
    ]
