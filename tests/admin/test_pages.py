"""Every model has staff pages; nothing about money or state can be typed over."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client
from django.urls import reverse

from globalmart.core import access
from globalmart.core.admin import house
from globalmart.core.models import ApiClient, ApiKey, TimelineEntry
from orders.models import Order, Price, Product
from tests.api.conftest import Caller, ada, order_of, shop  # noqa: F401 - fixtures

OUR_APPS = ("core", "payments", "fulfillment", "orders", "notifications")
# Price lists and discounts are the shop's to change; what an order froze is not among them.
PRICE_LISTS = {
    ("price", "amount_minor"),
    ("shippingrate", "amount_minor"),
    ("shippingrate", "value_from_minor"),
    ("shippingrate", "value_below_minor"),
    ("shippingrate", "free_from_minor"),
    *(
        (model, name)
        for model in ("voucher", "promotion")
        for name in ("amount_minor", "minimum_minor")
    ),
}


def our_models() -> list[type[models.Model]]:
    registry = admin.site._registry
    return [model for model in registry if model._meta.app_label in OUR_APPS]


@pytest.fixture
def chief(db: None) -> User:
    # No password: hashing one takes longer than most pages.
    return User.objects.create(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def staff(chief: User) -> Client:
    client = Client()
    client.force_login(chief)
    return client


def address(model: type[models.Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


class TestEveryModel:
    def test_has_pages_of_the_house(self) -> None:
        from_inlines = {
            inline.model for model in our_models() for inline in admin.site._registry[model].inlines
        }
        ours = {model for name in OUR_APPS for model in apps.get_app_config(name).get_models()}
        assert ours - set(our_models()) - from_inlines == set()
        for model in our_models():
            assert isinstance(admin.site._registry[model], house.HouseAdmin)

    def test_opens_for_staff_and_searches(self, staff: Client) -> None:
        for model in our_models():
            for query in ({}, {"q": "x' OR 1=1 --"}):
                answer = staff.get(address(model, "changelist"), query)
                assert answer.status_code == 200, model

    def test_lets_nobody_delete_or_type_over_money_and_states(self, chief: User, rf: Any) -> None:
        request = rf.get("/admin/")
        request.user = chief
        risky = set()
        for model in our_models():
            page = admin.site._registry[model]
            for each in [page, *page.get_inline_instances(request)]:
                assert not each.has_delete_permission(request)
                risky |= {(each.model._meta.model_name, name) for name in each.editable}
        assert {
            (model, name) for model, name in risky if name.endswith("_minor") or name == "state"
        } == PRICE_LISTS

    def test_is_closed_to_visitors(self, db: None) -> None:
        for model in our_models():
            answer = Client().get(address(model, "changelist"))
            assert answer.status_code == 302
            assert "/admin/login/" in answer["Location"]


class TestOrderPage:
    def test_shows_lines_payment_fulfillment_and_timeline(
        self,
        staff: Client,
        ada: Caller,  # noqa: F811 - a fixture
    ) -> None:
        ada.place(order_of(("MUG", 2), metadata={"note": "<script>alert(1)</script>"}))
        order = Order.objects.get()
        page = staff.get(address(Order, "change", order.pk)).content.decode()
        assert order.number in page
        assert "Mug MUG" in page
        assert "£18.00" in page
        assert "order.placed" in page
        assert "Nothing was sent to the warehouse yet." in page
        assert "<script>alert(1)</script>" not in page

    def test_stays_within_its_budget_of_queries(
        self,
        staff: Client,
        ada: Caller,  # noqa: F811 - a fixture
        django_assert_max_num_queries: Any,
    ) -> None:
        ada.place(order_of(("MUG", 1), ("CUP", 1)))
        order = Order.objects.get()
        for place in range(60):
            TimelineEntry.objects.create(
                subject_type="order", subject_id=order.pk, kind=f"test.{place}", actor="system"
            )
        with django_assert_max_num_queries(25):
            staff.get(address(Order, "change", order.pk))

    def test_takes_no_change(self, staff: Client, ada: Caller) -> None:  # noqa: F811 - a fixture
        ada.place(order_of())
        order = Order.objects.get()
        answer = staff.post(address(Order, "change", order.pk), {"state": "completed"})
        assert answer.status_code == 403
        order.refresh_from_db()
        assert order.state == "pending_payment"

    def test_is_found_by_a_number_as_people_write_it(
        self,
        staff: Client,
        ada: Caller,  # noqa: F811 - a fixture
    ) -> None:
        ada.place(order_of())
        number = Order.objects.get().number
        typed = number.lower().replace("-", " ")
        assert number in staff.get(address(Order, "changelist"), {"q": typed}).content.decode()


class TestQueues:
    def test_are_shown(self, staff: Client) -> None:
        assert staff.get("/admin/django_rq/dashboard/").status_code == 200

    @pytest.mark.parametrize("page", ["change", "delete", "history"])
    def test_have_no_rows_to_open(self, staff: Client, page: str) -> None:
        answer = staff.get(f"/admin/django_rq/dashboard/1/{page}/")

        assert answer.status_code in {302, 403}


class TestApiKeys:
    def test_are_issued_once_and_work(self, staff: Client) -> None:
        client = ApiClient.objects.create(name="Ada's shop")
        answer = staff.post(
            address(ApiKey, "add"),
            {"client": client.pk, "scopes": "orders:read,products:read"},
            follow=True,
        )
        row = ApiKey.objects.get()
        told = str(next(iter(answer.context["messages"])))
        key = told.split()[-1]
        assert access.hash_key(key) == row.digest
        assert row.scopes == ["orders:read", "products:read"]
        assert key not in staff.get(address(ApiKey, "change", row.pk)).content.decode()


@pytest.mark.django_db
class TestPaginator:
    def test_estimates_a_large_table_and_counts_a_small_one(
        self,
        shop: None,  # noqa: F811 - a fixture
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        rows = Product.objects.order_by("pk")
        assert house.BoundedPaginator(rows, 10).count == 3
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE orders_price")
        monkeypatch.setattr(house, "COUNT_LIMIT", 2)
        assert house.BoundedPaginator(Price.objects.order_by("pk"), 10).count == 3
        cheap = Price.objects.filter(amount_minor__gt=0).order_by("pk")
        assert house.BoundedPaginator(cheap, 10).count == 2
