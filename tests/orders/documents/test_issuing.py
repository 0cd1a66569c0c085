"""Every capture has its invoice, every refund its credit note: exact, in turn, and once."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from orders.models import Document, DocumentSeries, LegalEntity, Order, OrderLine
from orders.services import documents, refunds
from orders.services.refunds import Selection
from payments import gateways as payment_gateways
from payments.models import PaymentAttempt, Refund
from payments.services.refund_outcomes import apply_refund
from payments.services.refunds import Reason
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import carry, leave, now, pay, submit
from tests.orders.services.test_cancelling import sound
from tests.payments.fake_refunds import FakeRefunds

STAFF = "staff:1"


@pytest.fixture
def shipped(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    """Two mugs and three cups have left together: 36.95 GBP was captured."""
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
    return confirmed


def add_entity(country: str, **changes: object) -> LegalEntity:
    """A company that sells to one country."""
    fields = {
        "code": country.lower(),
        "name": f"GlobalMart {country}",
        "country": country,
        "countries": [country],
        "invoice_prefix": f"{country}I-",
        "credit_note_prefix": f"{country}C-",
        "reversal_prefix": f"{country}R-",
    }
    return LegalEntity.objects.create(**(fields | changes))


def give_back(order: Order, **selection: object) -> int:
    found = refunds.request_refund(
        order_id=order.pk,
        selection=Selection(**selection),  # type: ignore[arg-type]
        reason=Reason.RETURNED,
        requested_by=STAFF,
        now=now(),
        approve=True,
    )
    pay()
    return found.id


def written() -> list[tuple[str, str, int]]:
    rows = Document.objects.order_by("pk")
    return [(row.kind, row.number[:-12], row.gross_minor) for row in rows]


def rows(document: Document) -> list[tuple[str, str, int, int]]:
    return [
        (row["kind"], row["sku"], row["quantity"], row["gross_minor"])
        for row in document.content["lines"]
    ]


class TestInvoices:
    def test_lists_what_was_captured(self, shipped: Order) -> None:
        (invoice,) = shipped.documents.all()

        assert (invoice.kind, invoice.sequence) == ("invoice", 1)
        assert invoice.number == f"INV-{now().year}-000001"
        assert rows(invoice) == [
            ("goods", "CUP", 3, 1500),
            ("goods", "MUG", 2, 1800),
            ("shipping", "", 1, 395),
        ]
        assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor) == (
            shipped.total_minor - shipped.tax_minor,
            shipped.tax_minor,
            3695,
        )
        assert invoice.sha256 == documents.digest(invoice.content)
        sound()

    def test_names_the_buyer_and_the_seller(self, shipped: Order) -> None:
        content = shipped.documents.get().content

        assert content["seller"]["name"] == "GlobalMart"
        assert content["buyer"]["billing"]["city"] == "London"
        assert content["order"]["number"] == shipped.number
        assert content["language"] == "en"

    def test_follows_each_parcel(self, confirmed: Order, warehouse: FakeWarehouse) -> None:
        PaymentAttempt.objects.update(is_multicapture=True)
        submit(confirmed)
        first, second = parcel("P-1", MUG=1, CUP=1), parcel("P-2", MUG=1, CUP=2)
        leave(warehouse, f"{confirmed.number}-1", first, status="partially_shipped")
        leave(warehouse, f"{confirmed.number}-1", first, second)

        one, two = confirmed.documents.order_by("pk")
        assert rows(one) == [
            ("goods", "CUP", 1, 500),
            ("goods", "MUG", 1, 900),
            ("shipping", "", 1, 395),
        ]
        assert rows(two) == [("goods", "CUP", 2, 1000), ("goods", "MUG", 1, 900)]
        assert one.tax_minor + two.tax_minor == confirmed.tax_minor
        sound()

    def test_told_twice_are_written_once(self, shipped: Order) -> None:
        assert documents.issue_due(order_id=shipped.pk, now=now()) == []
        assert Document.objects.count() == 1

    def test_are_sold_by_the_entity_of_the_country(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        add_entity("GB")
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))

        assert confirmed.documents.get().number.startswith("GBI-")

    def test_are_sold_by_the_oldest_entity_where_none_is_the_default(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        add_entity("DE", invoice_prefix="INV-")
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))

        assert confirmed.documents.get().content["seller"]["name"] == "GlobalMart DE"


class TestCreditNotes:
    def test_are_of_the_entity_that_wrote_the_invoice(self, shipped: Order) -> None:
        add_entity("GB")
        give_back(shipped, quantities={1: 1})

        invoice, note = shipped.documents.order_by("pk")
        assert note.series.entity == invoice.series.entity
        assert note.content["seller"] == invoice.content["seller"]

    def test_lists_what_went_back(self, shipped: Order) -> None:
        give_back(shipped, quantities={1: 1}, shipping_minor=395, amount_minor=100)

        invoice, note = shipped.documents.order_by("pk")
        assert (note.kind, note.refers_to) == ("credit_note", invoice)
        assert note.number.startswith("CN-")
        assert rows(note) == [
            ("goods", "CUP", 1, 500),
            ("shipping", "", 0, 395),
            ("amount", "", 0, 100),
        ]
        assert note.gross_minor == 995
        sound()

    def test_one_by_one_are_the_whole_tax(self, shipped: Order) -> None:
        for _ in range(3):
            give_back(shipped, quantities={1: 1})

        line = OrderLine.objects.get(order=shipped, sku="CUP")
        notes = shipped.documents.filter(kind="credit_note")
        assert sum(note.tax_minor for note in notes) == line.tax_minor
        assert sum(note.gross_minor for note in notes) == line.total_minor

    def test_are_taken_back_when_the_refund_fails_after_all(self, shipped: Order) -> None:
        refund_id = give_back(shipped, quantities={1: 1})
        fail(refund_id)
        carry()

        note, back = shipped.documents.order_by("pk")[1:]
        assert (back.kind, back.refers_to, back.gross_minor) == ("credit_note_reversal", note, 500)
        assert back.content["lines"] == note.content["lines"]
        sound()

        documents.issue_due(order_id=shipped.pk, now=now())
        assert shipped.documents.count() == 3


class TestNumbers:
    def test_rolled_back_leave_no_gap(
        self, confirmed: Order, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submit(confirmed)
        with monkeypatch.context() as patch:
            patch.setattr(documents, "issue_due", lambda **_: [])
            leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        with transaction.atomic():
            (lost,) = documents.issue_due(order_id=confirmed.pk, now=now())
            assert lost.sequence == 1
            transaction.set_rollback(True)

        (kept,) = documents.issue_due(order_id=confirmed.pk, now=now())
        assert (kept.sequence, kept.number) == (1, lost.number)
        assert DocumentSeries.objects.get().last_number == 1

    def test_may_not_leave_one_out(self, shipped: Order) -> None:
        found = Document.objects.get()
        found.pk, found.sequence, found.number, found.source = None, 3, "X-3", "capture:x"

        with pytest.raises(IntegrityError, match="does not follow"), transaction.atomic():
            found.save()

    @pytest.mark.parametrize(
        "change",
        [
            lambda: Document.objects.update(gross_minor=1),
            lambda: Document.objects.all().delete(),
        ],
    )
    def test_never_change(self, shipped: Order, change: object) -> None:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()  # type: ignore[operator]


def fail(refund_id: int) -> None:
    """Have Stripe tell that money which had gone back has come again."""
    stripe_id = Refund.objects.get(pk=refund_id).stripe_refund_id or ""
    fake = payment_gateways.refunds()
    assert isinstance(fake, FakeRefunds)
    shown = fake.set(stripe_id, "failed", "declined")
    apply_refund(answer=shown, actor="webhook", now=now())


def test_what_is_missing_can_be_written_later(
    confirmed: Order, warehouse: FakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(confirmed)
    with monkeypatch.context() as patch:
        patch.setattr(documents, "issue_due", lambda **_: [])
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))

    told = StringIO()
    call_command("issue_documents", "--dry-run", stdout=told)
    assert told.getvalue() == f"{confirmed.number}\n"
    assert not Document.objects.exists()

    call_command("issue_documents", stdout=told)
    assert Document.objects.get().gross_minor == 3695
    call_command("issue_documents", stdout=told)
    assert told.getvalue().endswith("0 written.\n")
