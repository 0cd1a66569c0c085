"""A document opens for its customer, for staff, and for the client that placed the order alone."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from globalmart.core.models import ApiClient
from orders.api import scopes
from orders.links import order_path
from orders.models import Document, Order
from orders.services import documents
from tests.admin.test_refunds import login
from tests.api.conftest import Caller, make_caller
from tests.builders import add_product, open_shop
from tests.concurrency.test_documents import captured
from tests.orders.house import now

UNKNOWN = ["INV-2026-999999", "inv", "%25", "%F0%9F%90%8C"]


@pytest.fixture
def ada(db: None) -> Caller:
    return make_caller("Ada's shop")


@pytest.fixture
def order(ada: Caller) -> Order:
    """One that Ada's shop placed and paid, with its invoice."""
    open_shop()
    add_product("MUG")
    return invoiced(1, client=ApiClient.objects.get())


@pytest.fixture
def other(order: Order) -> Order:
    """Somebody else's."""
    return invoiced(2)


@pytest.fixture
def invoice(order: Order) -> Document:
    return order.documents.get()


def invoiced(place: int, client: ApiClient | None = None) -> Order:
    order = captured(place)
    Order.objects.filter(pk=order.pk).update(api_client=client)
    documents.issue_due(order_id=order.pk, now=now())
    return order


def is_private(answer: HttpResponse) -> bool:
    return answer.status_code == 200 and "no-store" in answer["Cache-Control"]


class TestCustomer:
    def test_opens_what_the_page_of_the_order_lists(
        self, client: Client, order: Order, invoice: Document
    ) -> None:
        address = f"{order_path(order)}documents/{invoice.number}.pdf"
        assert f'href="{address}"' in client.get(order_path(order)).content.decode()

        answer = client.get(address)
        assert is_private(answer)
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
        assert answer.content.startswith(b"%PDF-")
        assert client.post(address).status_code == 405

    def test_opens_nobody_elses(self, client: Client, invoice: Document, other: Order) -> None:
        theirs = f"{order_path(other)}documents/{invoice.number}.pdf"
        assert client.get(theirs).status_code == 404

    def test_needs_the_secret_of_the_order(
        self, client: Client, order: Order, invoice: Document, other: Order
    ) -> None:
        secret = order_path(other).split("/")[-2]
        for wrong in (secret, "x" * 32, "é" * 32):
            address = reverse("orders:document", args=[order.number, wrong, invoice.number])
            assert client.get(address).status_code == 404

    @pytest.mark.parametrize("number", UNKNOWN)
    def test_is_told_of_an_unknown_number(self, client: Client, order: Order, number: str) -> None:
        assert client.get(f"{order_path(order)}documents/{number}.pdf").status_code == 404


class TestStaff:
    def test_opens_what_may_be_viewed(self, invoice: Document) -> None:
        address = reverse("admin:orders_document_pdf", args=[invoice.pk])
        answer = login("reader", "view_document").get(address)
        assert is_private(answer)
        assert answer.content.startswith(b"%PDF-")

    def test_needs_the_permission(self, client: Client, invoice: Document) -> None:
        address = reverse("admin:orders_document_pdf", args=[invoice.pk])
        assert login("packer", "view_shipment").get(address).status_code == 404
        assert client.get(address).status_code == 302

    def test_is_told_of_an_unknown_document(self, db: None) -> None:
        address = reverse("admin:orders_document_pdf", args=[404])
        assert login("reader", "view_document").get(address).status_code == 404

    def test_finds_it_in_the_list_and_changes_nothing(self, invoice: Document) -> None:
        staff = login("reader", "view_document", "change_document", "delete_document")
        listed = staff.get(reverse("admin:orders_document_changelist"), {"q": invoice.number})
        assert f"Open {invoice.number}.pdf" in listed.content.decode()
        address = reverse("admin:orders_document_change", args=[invoice.pk])
        assert staff.get(address).status_code == 200
        assert staff.post(address, {"gross_minor": "1"}).status_code == 403
        assert Document.objects.get(pk=invoice.pk).gross_minor == invoice.gross_minor


class TestClient:
    def test_lists_and_fetches_the_documents_of_its_order(
        self, ada: Caller, order: Order, invoice: Document
    ) -> None:
        (listed,) = ada.get(f"orders/{order.public_id}/documents").json()["data"]
        assert (listed["number"], listed["kind"], listed["refers_to"]) == (
            invoice.number,
            "invoice",
            None,
        )
        assert listed["net_minor"] + listed["tax_minor"] == listed["gross_minor"]
        answer = ada.get(f"orders/{order.public_id}/documents/{invoice.number}.pdf")
        assert is_private(answer)
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")

    def test_sees_nobody_elses(self, ada: Caller, invoice: Document, other: Order) -> None:
        grace, path = make_caller("Grace's shop"), f"orders/{invoice.order.public_id}/documents"
        assert grace.get(path).status_code == 404
        assert grace.get(f"{path}/{invoice.number}.pdf").status_code == 404
        theirs = other.documents.get().number
        assert ada.get(f"{path}/{theirs}.pdf").status_code == 404

    @pytest.mark.parametrize("number", UNKNOWN)
    def test_is_told_of_an_unknown_number(self, ada: Caller, order: Order, number: str) -> None:
        answer = ada.get(f"orders/{order.public_id}/documents/{number}.pdf")
        assert answer.status_code == 404

    def test_needs_the_scope_to_read(self, order: Order, invoice: Document) -> None:
        blind = make_caller("Blind", *(each for each in scopes.ALL if each != scopes.ORDERS_READ))
        path = f"orders/{order.public_id}/documents"
        assert blind.get(path).status_code == 403
        assert blind.get(f"{path}/{invoice.number}.pdf").status_code == 403
