"""A shop with mugs in two sizes of price and cups, and vendors that live in memory."""

import pytest

from fulfillment import gateways as warehouses
from orders.models import Order
from orders.services import lifecycle
from payments import gateways as payments
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.house import now, pay
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(payments, "current", lambda: fake)
    refunds = FakeRefunds(captured_minor=100_000)
    monkeypatch.setattr(payments, "refunds", lambda: refunds)
    return fake


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> FakeWarehouse:
    fake = FakeWarehouse()
    monkeypatch.setattr(warehouses, "current", lambda: fake)
    return fake


@pytest.fixture
def shop(db: None, stripe: FakeStripe, warehouse: FakeWarehouse) -> None:
    builders.open_shop()
    builders.add_product("MUG", price_minor=900)
    builders.add_product("CUP", price_minor=500, on_hand=6)


@pytest.fixture
def placed(shop: None) -> Order:
    """Two mugs and three cups with standard delivery: 18.00 + 15.00 + 3.95 = 36.95 GBP."""
    return builders.place({"MUG": 2, "CUP": 3})


@pytest.fixture
def confirmed(placed: Order) -> Order:
    """The same, its money held."""
    pay()
    lifecycle.confirm_order(order_id=placed.pk, actor="stripe", now=now())
    return placed
