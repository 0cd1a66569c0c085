"""The demo shop: enough of it, the same every time, never beside live keys."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from fulfillment.models import Carrier
from fulfillment.queries import available
from globalmart.checks import no_demo_access_beside_live_keys
from globalmart.core.models import ApiKey
from globalmart.sandbox.warehouse import ramp
from orders.api import scopes
from orders.models import Category, Price, Product, ShippingRate, TaxClass, TaxRate
from orders.seeds.catalogue import list_products, stock_of

KEY = "gm_test_" + "a" * 43


@pytest.fixture
def seed(monkeypatch):
    monkeypatch.setenv("GM_DEMO_API_KEY", KEY)
    monkeypatch.setenv("GM_DEMO_STAFF_PASSWORD", "correct horse battery")

    def run() -> str:
        out = StringIO()
        call_command("seed_demo", stdout=out)
        return out.getvalue()

    return run


class TestCatalogue:
    def test_has_at_least_two_hundred_products_each_of_its_own_kind(self):
        products = list_products()
        assert len(products) >= 200
        for part in ("sku", "slug", "name"):
            assert len({getattr(product, part) for product in products}) == len(products)
        assert 8 <= len({product.category for product in products}) <= 10

    def test_is_priced_in_pounds_and_euros_and_described(self):
        for product in list_products():
            assert 100 < product.gbp_minor < 30_000
            assert product.gbp_minor < product.eur_minor < product.gbp_minor * 2
            assert len(product.description) > 40
            assert product.tax_class in TaxClass.values

    def test_has_ten_scarce_and_five_sold_out(self):
        units = stock_of()
        assert sorted(n for n in units.values() if 0 < n <= 100) == list(range(10, 101, 10))
        assert sum(n == 0 for n in units.values()) == 5
        assert min(n for n in units.values() if n > 100) >= 100_000


@pytest.mark.django_db
class TestSeedDemo:
    def test_knows_the_carriers_of_the_sandbox_and_leaves_what_staff_changed(self, seed):
        seed()
        Carrier.objects.filter(name="Royal Parcel").update(tracking_url_template="")
        seed()

        known = dict(Carrier.objects.values_list("name", "tracking_url_template"))
        assert known.pop("Royal Parcel") == ""
        carriers = {name: base for name, _, base in ramp.CARRIERS.values()}
        assert set(carriers) == {"Royal Parcel", *known}
        for name, template in known.items():
            assert template == carriers[name] + "{number}"

    def test_fills_the_shop(self, seed):
        seed()
        assert Product.objects.count() == len(list_products())
        assert Price.objects.filter(price_list__code="eur").count() == len(list_products())
        assert Category.objects.count() >= 8
        assert TaxRate.objects.get(country="GB", tax_class="standard").rate_bp == 2000
        assert ShippingRate.objects.filter(method__code="express", zone=None).count() == 2
        assert available(list(stock_of())) == dict(stock_of())

    def test_has_plenty_of_one_product_that_ships_in_a_month(self, seed):
        seed()
        coming = Product.objects.get(ships_from__isnull=False)
        assert coming.ships_from == timezone.localdate() + timedelta(days=30)
        assert stock_of()[coming.sku] >= 100_000

    def test_changes_nothing_when_run_again(self, seed):
        seed()
        Price.objects.filter(product__sku="MUG-01", price_list__code="gbp").update(amount_minor=1)
        staff = get_user_model().objects.get()
        assert "Added 0 products, stock of 0, 0 tax rates, 0 shipping rates" in seed()
        assert Price.objects.get(product__sku="MUG-01", price_list__code="gbp").amount_minor == 1
        assert available(list(stock_of())) == dict(stock_of())
        assert get_user_model().objects.get().password == staff.password
        assert ApiKey.objects.count() == 1

    def test_makes_a_key_with_all_scopes_and_a_staff_login(self, seed):
        seed()
        key = ApiKey.objects.get()
        assert (key.client.name, key.is_live) == ("demo", False)
        assert set(key.scopes) == set(scopes.ALL)
        staff = get_user_model().objects.get(username="ops@demo.example")
        assert staff.is_staff
        assert staff.check_password("correct horse battery")

    def test_makes_neither_without_its_variable(self, monkeypatch, seed):
        monkeypatch.delenv("GM_DEMO_API_KEY")
        monkeypatch.delenv("GM_DEMO_STAFF_PASSWORD")
        report = seed()
        assert "GM_DEMO_API_KEY is not set" in report
        assert not ApiKey.objects.exists()
        assert not get_user_model().objects.exists()

    def test_refuses_beside_live_keys_and_leaves_nothing(self, seed, settings):
        settings.IS_LIVE = True
        with pytest.raises(CommandError, match="refuse to exist beside live keys"):
            seed()
        assert not Product.objects.exists()
        assert not get_user_model().objects.exists()


@pytest.mark.django_db
class TestLiveCheck:
    def test_is_silent_in_the_demo(self, seed):
        seed()
        assert no_demo_access_beside_live_keys(app_configs=None, databases=["default"]) == []

    def test_names_key_and_login_beside_live_keys(self, seed, settings):
        seed()
        settings.IS_LIVE = True
        errors = no_demo_access_beside_live_keys(app_configs=None, databases=["default"])
        assert [error.id for error in errors] == ["globalmart.E101", "globalmart.E102"]

    def test_is_content_once_they_are_revoked_and_closed(self, seed, settings):
        seed()
        ApiKey.objects.update(revoked_at="2026-01-01T00:00Z")
        get_user_model().objects.update(is_active=False)
        settings.IS_LIVE = True
        assert no_demo_access_beside_live_keys(app_configs=None, databases=["default"]) == []
