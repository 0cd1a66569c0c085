"""An order that has left, and is paid."""

import pytest

from orders.models import Order
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.returns import story


@pytest.fixture
def shipped(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    """Two mugs and three cups for 36.95 GBP, all of it gone and captured."""
    return story.ship(confirmed, warehouse)
