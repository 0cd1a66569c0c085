"""What the shop's tables say for an address, a day and a list."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from orders.models import (
    Price,
    PriceList,
    Product,
    Promotion,
    ShippingMethod,
    ShippingRate,
    ShippingZone,
    TaxRate,
    ZonePlace,
)
from orders.queries.pricing import (
    NotPriced,
    Quote,
    UnknownPriceList,
    UnknownShippingMethod,
    quote,
)
from orders.queries.rates import list_shipping_prices
from orders.queries.terms import tax_rates
from tests import builders
from tests.builders import place

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def mug(db: None) -> Product:
    builders.open_shop()
    return builders.add_product("MUG")


def ask(**changes: Any) -> Quote:
    asked: dict[str, Any] = {
        "quantities": {"MUG": 2},
        "currency": "GBP",
        "country": "GB",
        "shipping_method": "standard",
        "now": NOON,
        **changes,
    }
    return quote(**asked)


class TestTax:
    def test_begins_and_ends_with_the_days_of_the_rows(self) -> None:
        TaxRate.objects.create(
            country="GB", tax_class="standard", rate_bp=1500, valid_from=date(2026, 3, 2)
        )
        TaxRate.objects.create(
            country="GB", tax_class="standard", rate_bp=0, valid_from=date(2026, 3, 4)
        )
        rates = [ask(now=NOON + timedelta(days=days)).lines[0].tax_rate_bp for days in range(4)]
        assert rates == [2000, 1500, 1500, 0]

    def test_of_a_region_goes_before_that_of_its_country(self) -> None:
        for region, rate in (("", 500), ("CA", 825)):
            TaxRate.objects.create(country="US", region=region, tax_class="standard", rate_bp=rate)
        for region, rate in (("", 500), ("NY", 500), (" ca ", 825)):
            found = tax_rates(country="US", region=region, day=NOON.date())
            assert found == {"standard": rate}

    def test_is_none_without_a_row(self) -> None:
        assert ask(country="CH").tax_minor == 0

    def test_has_one_row_a_day(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            TaxRate.objects.create(country="GB", tax_class="standard", rate_bp=1)


class TestPriceLists:
    @pytest.fixture
    def trade(self, mug: Product) -> PriceList:
        trade = PriceList.objects.create(
            code="trade", name="Trade", currency="GBP", tax_included=False
        )
        Price.objects.create(product=mug, price_list=trade, amount_minor=600)
        return trade

    def test_without_tax_have_it_put_on_top(self, trade: PriceList) -> None:
        order = place(price_list="trade")
        line = order.lines.get()
        # 1200 x 20 %, and 395 x 20 % for shipping.
        assert (line.tax_added_minor, line.total_minor) == (240, 1440)
        assert (order.subtotal_minor, order.tax_added_minor) == (1200, 240 + 79)
        assert order.total_minor == 1200 + 395 + 240 + 79
        assert order.shipping_total_minor == 395 + 79

    def test_are_not_used_unless_asked_for(self, trade: PriceList) -> None:
        assert ask().subtotal_minor == 1800
        assert ask(price_list="trade").subtotal_minor == 1200

    def test_are_unknown_in_another_currency_or_when_switched_off(self, trade: PriceList) -> None:
        with pytest.raises(UnknownPriceList):
            ask(price_list="trade", currency="EUR")
        PriceList.objects.filter(pk=trade.pk).update(is_active=False)
        with pytest.raises(UnknownPriceList):
            ask(price_list="trade")

    def test_a_currency_has_one_default_list(self, trade: PriceList) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            PriceList.objects.filter(pk=trade.pk).update(is_default=True)

    def test_customers_are_not_shown_prices_without_tax(self, trade: PriceList) -> None:
        euros = {"code": "eur", "currency": "EUR", "is_default": True, "tax_included": False}
        with pytest.raises(IntegrityError, match="default_list_includes_tax"), transaction.atomic():
            PriceList.objects.create(**euros)

    def test_a_product_without_a_price_there_is_named(self, trade: PriceList) -> None:
        builders.add_product("CUP")
        with pytest.raises(NotPriced) as caught:
            ask(quantities={"MUG": 1, "CUP": 1}, price_list="trade")
        assert caught.value.skus == ("CUP",)


class TestDinars:
    @pytest.fixture
    def price(self, mug: Product) -> Price:
        dinars = PriceList.objects.create(
            code="kwd", name="Dinars", currency="KWD", is_default=True
        )
        method = ShippingMethod.objects.get()
        ShippingRate.objects.create(method=method, currency="KWD", amount_minor=2000)
        return Price.objects.create(product=mug, price_list=dinars, amount_minor=1250)

    def test_are_charged_in_tens_of_fils(self, price: Price) -> None:
        Promotion.objects.create(name="Sale", kind="percent", rate_bp=333)
        order = place({"MUG": 3}, currency="KWD")
        # 3.33 % of 3750 is 124.875.
        assert (order.discount_minor, order.total_minor) == (120, 3750 - 120 + 2000)

    def test_are_not_priced_to_a_single_fils(self, price: Price) -> None:
        price.amount_minor = 1255
        with pytest.raises(ValidationError, match="multiple of 10"):
            price.full_clean()
        price.save()
        with pytest.raises(NotPriced):
            ask(currency="KWD")

    def test_refuse_other_totals_and_rates_in_the_database(self, price: Price) -> None:
        order = place({"MUG": 1}, currency="KWD")
        order.shipping_minor += 5
        order.total_minor += 5
        with pytest.raises(IntegrityError, match="order_total_chargeable"), transaction.atomic():
            order.save()
        with pytest.raises(IntegrityError, match="shipping_chargeable"), transaction.atomic():
            ShippingRate.objects.filter(currency="KWD").update(amount_minor=2005)


class TestShipping:
    @pytest.fixture
    def highlands(self) -> None:
        method = ShippingMethod.objects.get()
        for code, country, region, amount in (
            ("uk", "GB", "", 500),
            ("far", "GB", "Highland", 900),
            ("eu", "FR", "", 1200),
        ):
            zone = ShippingZone.objects.create(code=code, name=code)
            ZonePlace.objects.create(zone=zone, country=country, region=region)
            ShippingRate.objects.create(
                method=method, zone=zone, currency="GBP", amount_minor=amount
            )

    @pytest.mark.parametrize(
        ("country", "region", "costs"),
        [("GB", "", 500), ("GB", "HIGHLAND", 900), ("GB", "Kent", 500), ("FR", "", 1200),
         ("JP", "", 395)],
    )  # fmt: skip
    def test_goes_by_the_nearest_zone(self, highlands, country, region, costs) -> None:
        assert ask(country=country, region=region).shipping_minor == costs

    def test_offers_what_takes_the_weight(self, mug: Product) -> None:
        Product.objects.update(weight_grams=600)
        ShippingRate.objects.update(weight_below_grams=1200)
        assert ask(quantities={"MUG": 1}).shipping_minor == 395
        with pytest.raises(UnknownShippingMethod):
            ask(quantities={"MUG": 2})
        found = list_shipping_prices(
            currency="GBP", country="GB", weight_grams=1200, goods_minor=1800
        )
        assert found == []

    def test_a_place_is_in_one_zone(self, highlands: None) -> None:
        zone = ShippingZone.objects.get(code="eu")
        with pytest.raises(IntegrityError, match="one_zone_per_place"), transaction.atomic():
            ZonePlace.objects.create(zone=zone, country="GB", region="Highland")

    @pytest.mark.parametrize(
        "band",
        [
            {"weight_from_grams": 5, "weight_below_grams": 5},
            {"value_from_minor": 5, "value_below_minor": 5},
            {"amount_minor": -1},
        ],
    )
    def test_refuses_bands_that_hold_nothing(self, band: dict[str, int]) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            ShippingRate.objects.update(**band)


class TestPromotions:
    def test_hold_in_their_time_for_their_goods(self, mug: Product) -> None:
        builders.add_product("CUP", price_minor=500)
        sale = Promotion.objects.create(
            name="Mug week",
            kind="amount",
            amount_minor=300,
            currency="GBP",
            product=mug,
            valid_from=NOON,
            valid_until=NOON + timedelta(days=7),
        )
        quantities = {"MUG": 1, "CUP": 1}
        found = ask(quantities=quantities)
        assert {line.sku: line.discount_minor for line in found.lines} == {"MUG": 300, "CUP": 0}
        assert ask(quantities={"CUP": 1}).discounts == ()
        assert ask(quantities=quantities, now=NOON + timedelta(days=7)).discounts == ()
        assert ask(quantities=quantities, now=NOON - timedelta(seconds=1)).discounts == ()
        Promotion.objects.filter(pk=sale.pk).update(is_active=False)
        assert ask(quantities=quantities).discounts == ()
