"""Staff set prices, rates and zones on the page of what they belong to."""

from typing import Any

import pytest
from django.db import models
from django.test import Client

from orders.models import Price, PriceList, Product, ShippingMethod, ShippingRate, ShippingZone
from tests import builders
from tests.admin.test_pages import address, chief, staff  # noqa: F401 - fixtures

# ruff: noqa: F811 - fixtures
pytestmark = pytest.mark.usefixtures("db")


def save(staff: Client, row: models.Model, rows: str, *typed: dict[str, Any], had: int = 0) -> str:
    """Send the page of a row with those of one inline, of which so many were there."""
    page = staff.get(address(type(row), "change", row.pk))
    shown = page.context["adminform"].form.initial.items()
    form = {name: value for name, value in shown if value is not None and value is not False}
    form |= {f"{rows}-TOTAL_FORMS": len(typed), f"{rows}-INITIAL_FORMS": had}
    for place, each in enumerate(typed):
        form |= {f"{rows}-{place}-{name}": value for name, value in each.items()}
    answer = staff.post(address(type(row), "change", row.pk), form)
    return "" if answer.status_code == 302 else answer.content.decode()


def test_a_place_comes_into_a_zone_with_its_country(staff: Client) -> None:
    zone = ShippingZone.objects.create(code="coast", name="Coast")
    assert save(staff, zone, "places", {"country": "US", "region": "CA"}) == ""
    assert list(zone.places.values_list("country", "region")) == [("US", "CA")]

    assert "This field is required" in save(staff, zone, "places", {"region": "OR"})


def test_a_rate_has_its_currency_and_zone_for_good(staff: Client) -> None:
    method = ShippingMethod.objects.create(code="van", name="Van")
    zone = ShippingZone.objects.create(code="coast", name="Coast")
    sums = {"weight_from_grams": 0, "value_from_minor": 0, "amount_minor": 500}
    new = {"zone": zone.pk, "currency": "USD", **sums}
    assert save(staff, method, "rates", new) == ""
    rate = ShippingRate.objects.get()
    assert (rate.zone, rate.currency, rate.amount_minor) == (zone, "USD", 500)

    key = {"id": rate.pk, "method": method.pk}
    assert save(staff, method, "rates", {**new, **key, "currency": "EUR", "zone": ""}, had=1) == ""
    rate.refresh_from_db()
    assert (rate.zone, rate.currency) == (zone, "USD")


def test_a_product_gets_a_price_in_another_list(staff: Client) -> None:
    builders.open_shop()
    builders.add_product("MUG")
    mug, trade = Product.objects.get(), PriceList.objects.create(code="trade", currency="GBP")
    first = Price.objects.get()
    here = {"id": first.pk, "product": mug.pk, "amount_minor": 950}
    new = {"price_list": trade.pk, "amount_minor": 700}
    assert save(staff, mug, "prices", here, new, had=1) == ""
    assert sorted(Price.objects.values_list("price_list__code", "amount_minor")) == [
        (first.price_list.code, 950),
        ("trade", 700),
    ]
