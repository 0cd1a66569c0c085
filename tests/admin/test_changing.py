"""Staff change a placed order for its customer, with a permission, a reason, and once."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order, OrderCancellation, OrderCorrection
from tests.admin.test_holds import login, page_of
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.changes.test_pages import LEEDS
from tests.orders.conftest import confirmed, placed, shop, stripe, warehouse  # noqa: F401
from tests.orders.house import leave, submit, units

# ruff: noqa: F811 - fixtures of the orders' tests


@pytest.fixture
def client(db: None) -> Client:
    return login("view_order", "cancel_order", "correct_order")


def post(client: Client, order: Order, what: str, **fields: str) -> Any:
    address = reverse(f"admin:orders_order_{what}", args=[order.pk])
    return client.post(address, fields, follow=True)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_what_can_be_changed_is_offered(
    client: Client, confirmed: Order, warehouse: FakeWarehouse
) -> None:
    shown = page_of(client, confirmed)
    for words in ("Change address", "Change contact", "Cancel items"):
        assert words in shown
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
    assert "Cancel items" not in page_of(client, confirmed)


def test_units_are_looked_over_then_cancelled_once(client: Client, confirmed: Order) -> None:
    fields = {"line_1": "2", "seen_1": "0", "seen_2": "0", "reason": "asked by phone"}
    shown = text(post(client, confirmed, "units", step="review", **fields))
    assert "£10.00 less is due: £10.00 held is let go" in shown
    assert not OrderCancellation.objects.exists()
    for _ in range(2):
        shown = text(post(client, confirmed, "units", step="confirm", **fields))
        assert "These units are cancelled" in shown
    assert units(confirmed)[0] == ("CUP", 3, 0, 2)
    assert OrderCancellation.objects.get().requested_by.startswith("staff:")


def test_wears_the_staffs_look(client: Client, confirmed: Order) -> None:
    for what in ("units", "address", "contact"):
        address = reverse(f"admin:orders_order_{what}", args=[confirmed.pk])
        assert "core/staff.css" in text(client.get(address))


def test_nothing_is_done_without_a_reason(client: Client, confirmed: Order) -> None:
    for what, fields in (
        ("units", {"line_1": "2", "step": "confirm"}),
        ("address", LEEDS),
        ("contact", {"email": "new@example.org"}),
    ):
        answer = post(client, confirmed, what, **fields)
        assert (answer.status_code, "Say why" in text(answer)) == (422, True)
    assert not OrderCorrection.objects.exists()


def test_an_address_is_changed_or_asked_for(client: Client, confirmed: Order) -> None:
    submit(confirmed)
    address = reverse("admin:orders_order_address", args=[confirmed.pk])
    assert "asked for 1 of its requests back" in text(client.get(address))
    shown = text(post(client, confirmed, "address", reason="typing error", **LEEDS))
    assert "The warehouse is asked" in shown
    submit(confirmed)
    assert "typing error" in page_of(client, confirmed)
    assert Order.objects.get().shipping_address["city"] == "Leeds"


def test_a_contact_is_changed_once(client: Client, confirmed: Order) -> None:
    fields = {"email": "new@example.org", "reason": "asked by phone"}
    assert "It is changed." in text(post(client, confirmed, "contact", **fields))
    assert "It was so already." in text(post(client, confirmed, "contact", **fields))
    assert OrderCorrection.objects.get().requested_by.startswith("staff:")


@pytest.mark.parametrize("what", ["units", "address", "contact"])
def test_needs_the_permission(confirmed: Order, what: str) -> None:
    assert post(login("view_order"), confirmed, what).status_code == 403
