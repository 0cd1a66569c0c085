"""A small shop with mugs, and a client that speaks to its API."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from fulfillment.models import Stock, Warehouse
from globalmart.core import access
from globalmart.core.models import ApiClient
from orders.api import scopes
from orders.models import Category, Price, Product, ShippingMethod, ShippingRate, TaxRate
from orders.services.price_lists import ensure_default_list


class Caller:
    """An integrator's HTTP client."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.client = Client(raise_request_exception=False)

    def headers(self, more: dict[str, str | None] | None = None) -> dict[str, str]:
        wanted = {"Authorization": f"Bearer {self.key}", **(more or {})}
        return {name: value for name, value in wanted.items() if value is not None}

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", headers=self.headers(headers))

    def place(
        self, body: Any, *, key: str | None = '"key-1"', content_type: str = "application/json"
    ) -> HttpResponse:
        """POST an order; bytes and text are sent as they are."""
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.client.post(
            "/api/v1/orders",
            data=data,
            content_type=content_type,
            headers=self.headers({"Idempotency-Key": key}),
        )


def add_product(sku: str, *, price_minor: int = 900, on_hand: int = 10) -> Product:
    category, _ = Category.objects.get_or_create(slug="mugs", defaults={"name": "Mugs"})
    product = Product.objects.create(
        sku=sku, slug=sku.lower(), name=f"Mug {sku}", category=category, description="Stoneware"
    )
    prices = ensure_default_list(currency="GBP")
    Price.objects.create(product=product, price_list=prices, amount_minor=price_minor)
    warehouse, _ = Warehouse.objects.get_or_create(code="main", defaults={"name": "Main"})
    Stock.objects.create(warehouse=warehouse, sku=sku, on_hand=on_hand)
    return product


@pytest.fixture
def shop(db: None) -> None:
    """Two products of ten, one sold out, one method to ship."""
    add_product("MUG")
    add_product("CUP", price_minor=450)
    add_product("GONE", on_hand=0)
    TaxRate.objects.create(country="GB", tax_class="standard", rate_bp=2000)
    method, _ = ShippingMethod.objects.get_or_create(code="standard", defaults={"name": "Standard"})
    ShippingRate.objects.get_or_create(
        method=method, currency="GBP", defaults={"amount_minor": 395}
    )


def make_caller(name: str, *granted: str) -> Caller:
    client = ApiClient.objects.create(name=name)
    return Caller(access.issue_key(client=client, scopes=granted or scopes.ALL))


@pytest.fixture
def ada(shop: None) -> Caller:
    return make_caller("Ada's shop")


@pytest.fixture
def grace(shop: None) -> Caller:
    return make_caller("Grace's shop")


def order_of(*lines: tuple[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a valid body with these (sku, quantity) lines."""
    address = {
        "name": "Ada Lovelace",
        "line1": "12 St James's Square",
        "city": "London",
        "postal_code": "SW1Y 4JH",
        "country": "GB",
    }
    body = {
        "currency": "GBP",
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "shipping_address": address,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines or [("MUG", 2)]],
        "payment_method": "pm_card_visa",
    }
    return body | changes
