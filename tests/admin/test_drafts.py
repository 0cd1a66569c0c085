"""Staff take an order by telephone on one page, which loses nothing and does nothing twice."""

from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from fulfillment.models import Stock
from globalmart.core.models import OutboxEvent
from orders import links
from orders.models import (
    Order,
    OrderDraft,
    Price,
    ShippingMethod,
    ShippingRate,
    ShippingZone,
    ZonePlace,
)
from tests.admin.test_holds import login, page_of
from tests.orders.conftest import shop, stripe, warehouse  # noqa: F401
from tests.orders.house import state

# ruff: noqa: F811 - fixtures of the orders' tests
pytestmark = pytest.mark.usefixtures("shop")
ADA = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "020 7946 0000",
    "country": "GB",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "sw1y4jh",
    "method": "standard",
    "sku": ["MUG"],
    "quantity": ["2"],
    "note": "calls back at noon",
}
TOTAL = 2 * 900 + 395


@pytest.fixture
def client(db: None) -> Client:
    return login("view_order", "draft_order")


def address(key: UUID, name: str = "orders_order_phone") -> str:
    return reverse(f"admin:{name}", args=[key])


def press(client: Client, key: UUID, do: str, **typed: object) -> str:
    answer = client.post(address(key), {**ADA, "do": do, **typed}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


class TestPage:
    def test_begins_under_an_address_of_its_own(self, client: Client) -> None:
        answer = client.get(reverse("admin:orders_order_phone_new"), follow=True)

        assert "New phone order" in answer.content.decode()
        assert not Order.objects.exists()

    def test_finds_and_adds_products_without_a_script(self, client: Client) -> None:
        key = uuid4()
        page = press(client, key, "search", sku=[], quantity=[], q="mug")
        assert "10 in stock" in page
        assert 'value="add:MUG"' in page

        page = press(client, key, "add:MUG", q="mug")
        assert 'name="quantity" value="3"' in page
        assert "£30.95" in page
        assert "calls back at noon" in page
        assert not Order.objects.exists()

        assert 'value="remove:MUG"' not in press(client, key, "remove:MUG")

    def test_finds_no_fault_before_it_is_saved(self, client: Client) -> None:
        page = press(client, uuid4(), "add:CUP", email="ada@")
        assert 'value="ada@"' in page
        assert "right form" not in page

    def test_offers_the_delivery_of_the_region(self, client: Client) -> None:
        highlands = ShippingZone.objects.create(code="highlands", name="Highlands")
        ZonePlace.objects.create(zone=highlands, country="GB", region="Highland")
        van = ShippingMethod.objects.create(code="van", name="By van")
        ShippingRate.objects.create(method=van, zone=highlands, currency="GBP", amount_minor=950)

        assert "By van" not in press(client, uuid4(), "price")
        assert "By van" in press(client, uuid4(), "price", region="highland")

    def test_loses_nothing_on_an_error(self, client: Client) -> None:
        page = press(client, uuid4(), "save", email="ada@", quantity=["many"])

        assert "Enter an e-mail address in the right form" in page
        assert 'value="ada@"' in page
        assert 'value="many"' in page
        assert "Enter a whole number" in page
        assert "calls back at noon" in page
        assert not Order.objects.exists()

    def test_saves_what_is_known_so_far(self, client: Client) -> None:
        key = uuid4()
        press(client, key, "save", sku=[], quantity=[], email="", line1="", postal_code="", city="")

        order = Order.objects.get()
        assert (order.state, order.name, order.draft.key) == ("draft", "Ada Lovelace", key)

    def test_wants_all_of_it_to_place_it(self, client: Client) -> None:
        page = press(client, uuid4(), "submit", email="", postal_code="", seen=TOTAL)

        assert "Enter your e-mail address" in page
        assert "Enter a postcode" in page
        assert not Order.objects.exists()

    @pytest.mark.parametrize("codenames", [(), ("view_order",), ("draft_order",)])
    def test_is_closed_without_both_permissions(self, codenames: tuple[str, ...]) -> None:
        assert login(*codenames).get(address(uuid4())).status_code == 403


class TestPlacing:
    def test_sends_the_link_and_shows_its_code(self, client: Client) -> None:
        page = press(client, uuid4(), "submit", seen=TOTAL)

        order = Order.objects.get()
        assert state(order) == "pending_payment"
        assert "the link to pay is on its way to ada@example.com" in page
        assert f"{links.order_url(order)}pay/" in page
        assert "<svg" in page
        assert order.phone == "+442079460000"
        assert order.shipping_address["postal_code"] == "SW1Y 4JH"
        assert OutboxEvent.objects.filter(name="order.pay_link_sent").count() == 1

    def test_twice_is_once(self, client: Client) -> None:
        key = uuid4()
        press(client, key, "submit", seen=TOTAL)
        assert "no draft any more" in press(client, key, "submit", seen=TOTAL)

        assert Order.objects.count() == 1
        assert Stock.objects.get(sku="MUG").reserved == 2

    def test_tells_of_another_price_and_asks_again(self, client: Client) -> None:
        key = uuid4()
        Price.objects.filter(product__sku="MUG").update(amount_minor=1000)
        page = press(client, key, "submit", seen=TOTAL)

        assert "It costs £23.95, and not £21.95" in page
        assert state(Order.objects.get()) == "draft"

        version = Order.objects.get().version
        press(client, key, "submit", seen=2395, version=version)
        assert state(Order.objects.get()) == "pending_payment"

    def test_says_what_is_out_of_stock(self, client: Client) -> None:
        Stock.objects.filter(sku="MUG").update(on_hand=1)
        page = press(client, uuid4(), "submit", seen=TOTAL)

        assert "MUG (asked for 2, 1 there)" in page
        assert state(Order.objects.get()) == "draft"

    def test_overwrites_nobody_unasked(self, client: Client) -> None:
        key = uuid4()
        press(client, key, "save")
        press(client, key, "save", version=1, note="by another")
        page = press(client, key, "save", version=1)

        assert "Somebody else has changed this draft" in page
        assert OrderDraft.objects.get().note == "by another"

        version = Order.objects.get().version
        assert f'name="version" value="{version}"' in page
        press(client, key, "save", version=version)
        assert OrderDraft.objects.get().note == "calls back at noon"

    @pytest.mark.parametrize("do", ["price", "search", "add:MUG", "save"])
    def test_what_was_not_read_stays_unread(self, client: Client, do: str) -> None:
        key = uuid4()
        press(client, key, "save")
        press(client, key, "save", version=1, note="by another")

        page = press(client, key, do, version=1, email="ada@")
        assert 'name="version" value="1"' in page

    def test_pressed_twice_is_saved(self, client: Client) -> None:
        key = uuid4()
        for version in ("", "", "1"):
            assert "is saved" in press(client, key, "save", version=version)


class TestDiscarding:
    def test_asks_once_more(self, client: Client) -> None:
        key = uuid4()
        press(client, key, "save")
        discard = address(key, "orders_order_phone_discard")

        assert "cannot be taken up again" in client.get(discard).content.decode()
        assert state(Order.objects.get()) == "draft"
        client.post(discard)
        client.post(discard)
        assert state(Order.objects.get()) == "cancelled"

    def test_is_offered_on_the_orders_page(self, client: Client) -> None:
        key = uuid4()
        press(client, key, "save")
        page = page_of(client, Order.objects.get())

        assert address(key) in page
        assert "calls back at noon" in page
