"""A shop with one scarce and one plentiful product, and a visitor with a basket."""

import pytest
from django.test import Client

from orders.models import Product
from tests.builders import add_product, open_shop

CONTACT = {"email": "ada@example.com", "phone": "020 7946 0000", "wants_sms": "on"}
DELIVERY = {
    "name": "Ada Lovelace",
    "country": "GB",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "sw1y4jh",
    "method": "standard",
}


@pytest.fixture
def mug(db: None) -> Product:
    open_shop()
    return add_product("MUG", price_minor=900, on_hand=10)


@pytest.fixture
def visitor(mug: Product) -> Client:
    """Somebody with two mugs in the basket."""
    client = Client()
    client.post("/basket/add/", {"product": mug.pk, "quantity": "2"})
    return client


@pytest.fixture
def reviewer(visitor: Client) -> Client:
    """Somebody who has come as far as the review page."""
    visitor.post("/checkout/contact/", CONTACT)
    visitor.post("/checkout/delivery/", DELIVERY)
    return visitor
