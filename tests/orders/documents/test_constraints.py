"""What the database refuses of documents and who writes them, whoever asks."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from orders.models import Document, DocumentSeries, LegalEntity
from orders.states import DocumentKind
from tests.orders.documents.test_issuing import add_entity
from tests.orders.documents.test_pages import ada, invoice, order  # noqa: F401 - fixtures


def next_to(invoice: Document, **changes: object) -> Document:  # noqa: F811
    """The document that might follow, but for the changes."""
    fields = {
        name: getattr(invoice, name)
        for name in ("series", "kind", "order", "currency", "content", "sha256", "issued_at")
    }
    amounts = {"net_minor": 1000, "tax_minor": 200, "gross_minor": 1200}
    named = {"sequence": 2, "number": "INV-2026-000002", "source": "capture:next"}
    return Document(**(fields | amounts | named | changes))


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"number": "INV-2026-000001"}, "orders_document_number"),
        ({"sequence": 1}, "document_follows"),
        ({"sequence": 3}, "document_follows"),
        ({"gross_minor": 1201}, "document_amounts_add_up"),
        ({"net_minor": 0, "tax_minor": 0, "gross_minor": 0}, "document_amounts_add_up"),
        ({"net_minor": -10, "tax_minor": -2, "gross_minor": -12}, "document_amounts_add_up"),
        ({"kind": "receipt"}, "document_kind_known"),
        ({"kind": DocumentKind.REVERSAL}, "reversal_says_of_what"),
    ],
)
def test_a_document_is_refused(
    invoice: Document,  # noqa: F811
    changes: dict[str, object],
    constraint: str,
) -> None:
    number = invoice.number
    refused = next_to(invoice, **(changes | ({"number": number} if "number" in changes else {})))
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        refused.save()
    assert broken(caught.value).startswith(constraint)


def test_the_next_document_is_not(invoice: Document) -> None:  # noqa: F811
    next_to(invoice).save()
    assert Document.objects.count() == 2


def test_a_booking_has_one_document(invoice: Document) -> None:  # noqa: F811
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        next_to(invoice, source=invoice.source).save()
    assert broken(caught.value).startswith("orders_document_source")


def test_no_two_have_one_number_of_a_series(invoice: Document) -> None:  # noqa: F811
    """The trigger says so first; two that are written at the same moment do not see each other."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE orders_document DISABLE TRIGGER document_follows")
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        next_to(invoice, sequence=1).save()
    assert broken(caught.value) == "one_document_a_number"


@pytest.mark.parametrize(
    ("make", "constraint"),
    [
        (
            lambda entity: series(entity, year=2030) and series(entity, year=2030),
            "one_series_a_year",
        ),
        (lambda entity: series(entity, kind="receipt"), "series_kind_known"),
        (lambda _: [add_entity(each, is_default=True) for each in ("DE", "FR")], "one_default"),
        (lambda _: add_entity("DE", credit_note_prefix="DEI-"), "entity_prefixes_differ"),
        (lambda _: add_entity("DE", reversal_prefix="DEI-"), "entity_prefixes_differ"),
        (lambda _: add_entity("DE", reversal_prefix="DEC-"), "entity_prefixes_differ"),
        (lambda _: add_entity("DE", reversal_prefix="de/"), "entity_prefixes_plain"),
        (lambda _: add_entity("DE", credit_note_prefix=""), "entity_prefixes_plain"),
        (lambda _: add_entity("DE", invoice_prefix='"-'), "entity_prefixes_plain"),
        (lambda _: add_entity("DE", invoice_prefix="GBI-"), "orders_legalentity_invoice_prefix"),
    ],
)
def test_sellers_and_their_series_are_refused(
    db: None, make: Callable[[LegalEntity], object], constraint: str
) -> None:
    entity = add_entity("GB")
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make(entity)
    assert broken(caught.value).startswith(constraint)


def test_staff_are_told_of_a_prefix_that_is_no_prefix_or_anothers(db: None) -> None:
    add_entity("GB")
    other = add_entity("FR")
    other.full_clean()
    other.credit_note_prefix, other.reversal_prefix = "GBI-", "fr/"
    with pytest.raises(ValidationError) as caught:
        other.full_clean()
    assert caught.value.message_dict["credit_note_prefix"] == [
        "Another legal entity's numbers begin with it."
    ]
    assert caught.value.message_dict["reversal_prefix"] == [
        "Use capitals A to Z, digits and dashes, as INV-."
    ]


def series(entity: LegalEntity, *, kind: str = "invoice", year: int = 2026) -> DocumentSeries:
    return DocumentSeries.objects.create(entity=entity, kind=kind, year=year)


def broken(error: IntegrityError) -> str:
    """The name of the constraint that refused."""
    return error.__cause__.diag.constraint_name or ""  # type: ignore[union-attr]
