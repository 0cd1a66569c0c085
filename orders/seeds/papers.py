"""Invoices and credit notes of seeded orders: numbered without gaps, as orders.services.documents
writes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.models import DocumentSeries
from orders.seeds.rates import METHODS
from orders.seeds.stories import Story, StoryLine
from orders.services.documents import AMOUNTS, GERMAN, digest_of_text, write_down
from orders.services.entities import default_seller
from orders.states import DocumentKind

DOCUMENT = "orders_document"
COLUMNS = {
    DOCUMENT: (
        *("id", "series_id", "kind", "sequence", "number", "order_id", "source", "refers_to_id"),
        *("currency", "net_minor", "tax_minor", "gross_minor", "content", "sha256", "issued_at"),
        "created_at",
    )
}
PER_ORDER = {DOCUMENT: 4}
METHOD_NAMES = {method.code: method.name for method in METHODS}

Sink = dict[str, list[tuple[Any, ...]]]
Move = tuple[str, datetime, int]


class Papers:
    """The counters of this run. All that it writes is sold by the house's default entity."""

    def __init__(self) -> None:
        self.seller = default_seller()
        self.series: dict[tuple[str, int], DocumentSeries] = {}
        self.taken: Counter[int] = Counter()

    def write(
        self, *, story: Story, moves: Sequence[Move], sink: Sink, ids: Mapping[str, int]
    ) -> None:
        """Append a document for each move of an order's money."""
        parcels = story.parcels()
        invoice: tuple[int, str] | None = None
        for place, (source, at, _) in enumerate(moves):
            key = ids[DOCUMENT] + place + 1
            if source.startswith("capture:"):
                lines = _positions(story, parcels[place], has_shipping=not place)
                kind, refers_to = DocumentKind.INVOICE, None
            else:
                lines = _positions(story, story.lines[:1], has_shipping=False)
                kind, refers_to = DocumentKind.CREDIT_NOTE, invoice
            series = self._next(kind, at.year)
            sequence = series.last_number
            number = f"{self._prefix(kind)}{series.year}-{sequence:06d}"
            content = self._content(story, lines, at)
            content |= {
                "kind": kind,
                "number": number,
                "issued_at": at.isoformat(),
                "refers_to": refers_to[1] if refers_to else "",
            }
            if kind == DocumentKind.INVOICE:
                invoice = key, number
            row = [key, series.pk, kind, sequence, number, story.order_id, source]
            row += [refers_to[0] if refers_to else None, story.currency]
            row += [content[name] for name in AMOUNTS]
            text = write_down(content)
            row += [text, digest_of_text(text), at.isoformat(), at.isoformat()]
            sink[DOCUMENT].append(tuple(row))

    def close(self) -> None:
        """Write how far each series was counted."""
        DocumentSeries.objects.bulk_update(self.series.values(), ["last_number"])

    def _next(self, kind: DocumentKind, year: int) -> DocumentSeries:
        series = self.series.get((kind, year))
        if series is None:
            DocumentSeries.objects.get_or_create(entity=self.seller, kind=kind, year=year)
            series = DocumentSeries.objects.locked().get(entity=self.seller, kind=kind, year=year)
            self.series[kind, year] = series
        series.last_number += 1
        return series

    def _prefix(self, kind: DocumentKind) -> str:
        is_invoice = kind == DocumentKind.INVOICE
        return self.seller.invoice_prefix if is_invoice else self.seller.credit_note_prefix

    def _content(
        self, story: Story, lines: Sequence[Mapping[str, Any]], at: datetime
    ) -> dict[str, Any]:
        buyer, seller = story.buyer, self.seller
        return {
            "version": 1,
            "language": "de" if buyer.address["country"] in GERMAN else "en",
            "currency": story.currency,
            "seller": {
                "name": seller.name,
                "address": seller.address,
                "country": seller.country,
                "tax_number": seller.tax_number,
                "email": seller.email,
            },
            "buyer": {"name": buyer.name, "billing": buyer.address, "shipping": buyer.address},
            "order": {"number": story.number, "placed_on": story.placed_at.date().isoformat()},
            "is_net": False,
            "lines": list(lines),
            "taxes": _taxes(lines),
            **{name: sum(each[name] for each in lines) for name in AMOUNTS},
            "paid_on": at.date().isoformat(),
        }


def _positions(
    story: Story, lines: Sequence[StoryLine], *, has_shipping: bool
) -> list[dict[str, Any]]:
    """Return whole lines, and shipping, as orders.queries.positions lists them."""
    places = {line.goods.sku: place for place, line in enumerate(story.lines, start=1)}
    found = [
        {
            "kind": "goods",
            "line": places[line.goods.sku],
            "sku": line.goods.sku,
            "name": line.goods.name,
            "quantity": line.quantity,
            "unit_price_minor": line.goods.prices[story.currency],
            "discount_minor": line.discount_minor,
            "tax_rate_bp": line.tax_rate_bp,
            "net_minor": line.total_minor - line.tax_minor,
            "tax_minor": line.tax_minor,
            "gross_minor": line.total_minor,
        }
        for line in lines
    ]
    if has_shipping and story.shipping_minor:
        found.append(
            {
                "kind": "shipping",
                "line": 0,
                "sku": "",
                "name": METHOD_NAMES[story.method],
                "quantity": 1,
                "unit_price_minor": story.shipping_minor,
                "discount_minor": 0,
                "tax_rate_bp": story.shipping_tax_rate_bp,
                "net_minor": story.shipping_minor - story.shipping_tax_minor,
                "tax_minor": story.shipping_tax_minor,
                "gross_minor": story.shipping_minor,
            }
        )
    return found


def _taxes(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, int]]:
    sums: dict[int, Counter[str]] = {}
    for line in lines:
        for name in AMOUNTS:
            sums.setdefault(line["tax_rate_bp"], Counter())[name] += line[name]
    return [{"tax_rate_bp": rate, **sums[rate]} for rate in sorted(sums)]
