"""Small worlds for tests: Ada buys mugs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from fulfillment.services.stock import adjust, ensure_warehouse
from globalmart.core.models import ApiClient
from orders.models import (
    Category,
    Order,
    Price,
    Product,
    ShippingMethod,
    ShippingRate,
    TaxRate,
)
from orders.services.checkout import Address, Item, Submission, place_order
from orders.services.price_lists import ensure_default_list
from payments.gateways.intents import Answer, Intent, Outcome

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONDON = Address(
    name="Ada Lovelace",
    line1="12 St James's Square",
    city="London",
    postal_code="SW1Y 4JH",
    country="GB",
)


def open_shop() -> None:
    """Tax, shipping, a warehouse and a category."""
    TaxRate.objects.create(country="GB", tax_class="standard", rate_bp=2000)
    method = ShippingMethod.objects.create(code="standard", name="Standard")
    ShippingRate.objects.create(
        method=method, currency="GBP", amount_minor=395, free_from_minor=5000
    )
    ensure_warehouse(code="main", name="Main warehouse")
    Category.objects.create(slug="mugs", name="Mugs")


def add_product(sku: str = "MUG", *, price_minor: int = 900, on_hand: int = 10) -> Product:
    """A product with a price in GBP and units in the warehouse."""
    product = Product.objects.create(
        sku=sku,
        slug=sku.lower(),
        name=f"{sku.title()} of stoneware",
        category=Category.objects.get(slug="mugs"),
    )
    prices = ensure_default_list(currency="GBP")
    Price.objects.create(product=product, price_list=prices, amount_minor=price_minor)
    adjust(warehouse_code="main", deltas={sku: on_hand}, reason="opening", actor="test")
    return product


def add_client(name: str = "acme") -> ApiClient:
    client, _ = ApiClient.objects.get_or_create(name=name)
    return client


def submission(items: Mapping[str, int] | None = None, **changes: Any) -> Submission:
    """Ada's order of two mugs, paid by a test card that the server confirms."""
    wanted = items or {"MUG": 2}
    base = Submission(
        key_scope="api:1",
        key="key-of-ada",
        request_hash="hash-of-ada",
        currency="GBP",
        email="ada@example.com",
        name="Ada Lovelace",
        shipping_address=LONDON,
        items=tuple(Item(sku, quantity) for sku, quantity in wanted.items()),
        payment_method="pm_card_visa",
    )
    return replace(base, **changes)


def place(items: Mapping[str, int] | None = None, **changes: Any) -> Order:
    """Place an order and return it; each call uses a key of its own unless given one."""
    changes.setdefault("key", f"key-{Order.objects.count()}")
    placed = place_order(submission=submission(items, **changes), now=timezone.now())
    return Order.objects.get(pk=placed.order_id)


def intent(status: str, *, amount_minor: int, received_minor: int = 0, **more: Any) -> Intent:
    """An intent as Stripe would show it."""
    return Intent(
        id=more.pop("id", "pi_ada"),
        status=status,
        amount_minor=amount_minor,
        received_minor=received_minor,
        currency="GBP",
        client_secret="pi_ada_secret",
        **more,
    )


def answer(outcome: Outcome, found: Intent | None = None, code: str = "") -> Answer:
    return Answer(outcome, found, code)
