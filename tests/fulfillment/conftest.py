"""Ada's confirmed order, and a warehouse that lives in memory."""

import pytest
from django.utils import timezone

from fulfillment import gateways
from fulfillment.models import Fulfillment, Stock
from fulfillment.services import requests, stock
from orders.models import Order
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> FakeWarehouse:
    fake = FakeWarehouse()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def shop(db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG")
    builders.add_product("CUP", on_hand=5)


@pytest.fixture
def request_row(shop: None, warehouse: FakeWarehouse) -> Fulfillment:
    """The request to ship two mugs and a cup of an order whose money is held."""
    order = builders.place({"MUG": 2, "CUP": 1})
    stock.commit_reservations(order_id=order.pk)
    return open_request(order)


def open_request(order: Order, *, is_held: bool = False) -> Fulfillment:
    """Open the request of an order that one warehouse serves, and return it."""
    open_requests(order, is_held=is_held)
    return Fulfillment.objects.get(order=order)


def open_requests(order: Order, *, is_held: bool = False) -> int:
    """Open an order's requests and return how many were opened."""
    return requests.open_fulfillment(
        order_id=order.pk,
        order_number=order.number,
        service="standard",
        ship_to={
            **{part: "" for part in ("line2", "region", "phone")},
            "name": "Ada Lovelace",
            "line1": "12 St James's Square",
            "city": "London",
            "postal_code": "SW1Y 4JH",
            "country": "GB",
        },
        lines=[
            requests.Wanted(sku=line.sku, name=line.name, quantity=line.quantity)
            for line in order.lines.order_by("position")
        ],
        now=timezone.now(),
        is_held=is_held,
    )


def levels() -> dict[str, tuple[int, int]]:
    """On hand and reserved, per SKU."""
    return {row.sku: (row.on_hand, row.reserved) for row in Stock.objects.all()}
