"""The search box above the list of orders."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from globalmart.core.admin import house
from orders.models import Order
from orders.queries import search
from tests import builders

LIST = "admin:orders_order_changelist"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="chief", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def orders(db: None) -> list[Order]:
    builders.open_shop()
    builders.add_product(on_hand=100)
    return [builders.place(name=name) for name in ("Ada Lovelace", "Zoë Ada", "Grace Hopper")]


def look(staff: Client, **query: str) -> str:
    answer = staff.get(reverse(LIST), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_finds_orders_by_name_and_says_how(staff: Client, orders: list[Order]) -> None:
    page = look(staff, q="zoe")
    assert orders[1].number in page
    assert orders[0].number not in page
    assert "Found 1 by name" in page


def test_says_what_to_do_where_nothing_was_found(staff: Client, orders: list[Order]) -> None:
    assert "No order is known by that" in look(staff, q="nobody")


def test_a_filter_narrows_what_was_found(staff: Client, orders: list[Order]) -> None:
    assert orders[1].number in look(staff, q="zoe", state__exact="pending_payment")
    assert orders[1].number not in look(staff, q="zoe", state__exact="completed")


def test_too_many_are_told(
    staff: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.find_orders, "__kwdefaults__", {"most": 1})
    page = look(staff, q="ada")
    assert "More than 1 orders match. Narrow it down" in page
    assert orders[2].number in page
    assert orders[1].number not in page


def test_a_late_page_shows_its_own_rows(
    staff: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.HouseAdmin, "list_per_page", 1)
    monkeypatch.setattr(house, "COUNT_LIMIT", 2)
    paginator = house.BoundedPaginator(Order.objects.order_by("-pk"), 1)
    paginator.count = 3  # type: ignore[misc] # as estimated
    assert [list(paginator.page(number)) for number in (1, 2, 3)] == [
        [order] for order in reversed(orders)
    ]
