"""The way back from the bank: its address outlives the secret link, so it opens nothing alone."""

import pytest
from django.test import Client
from django.urls import reverse

from orders import links
from orders.models import Basket, Order
from orders.services import payment
from payments.models import PaymentAttempt
from tests.builders import place


@pytest.fixture
def order(reviewer: Client, monkeypatch: pytest.MonkeyPatch) -> Order:
    """An order that the reviewer has placed; Stripe has nothing new to say about it."""
    monkeypatch.setattr(payment, "settle_return", lambda **_: "created")
    placed = place(basket_id=Basket.objects.get().pk, payment_method="")
    monkeypatch.setattr(payment, "start_browser_payment", refuse)
    reviewer.post("/checkout/place/", {"key": "k"})
    return placed


def refuse(**_: object) -> None:
    raise payment.NotPayable


def address(order: Order) -> str:
    """Return the address to which the bank sends the customer back."""
    return reverse("orders:return", args=[PaymentAttempt.objects.get(order_id=order.pk).uuid])


class TestReturn:
    def test_shows_the_order_to_who_placed_it(self, reviewer: Client, order: Order) -> None:
        Order.objects.update(state="confirmed")

        answer = reviewer.get(address(order))

        assert answer.status_code == 303
        assert answer.headers["Location"] == links.order_path(order)

    def test_offers_to_pay_again_while_the_payment_waits(
        self, reviewer: Client, order: Order
    ) -> None:
        answer = reviewer.get(address(order))

        assert answer.headers["Location"] == f"{links.order_path(order)}pay/"

    def test_waits_with_those_whose_payment_is_not_known_yet(
        self, reviewer: Client, order: Order
    ) -> None:
        PaymentAttempt.objects.update(state="unknown")

        assert reviewer.get(address(order)).headers["Location"] == links.order_path(order)

    def test_shows_it_to_who_began_to_pay_by_the_secret_link(self, order: Order) -> None:
        friend = Client()
        friend.post(f"{links.order_path(order)}pay/start/")

        answer = friend.get(address(order))

        assert answer.headers["Location"].startswith(links.order_path(order))

    def test_asks_anybody_else_for_number_and_address(self, client: Client, order: Order) -> None:
        answer = client.get(address(order))

        assert (answer.status_code, answer.headers["Location"]) == (303, "/orders/find/")

    def test_opens_nothing_once_the_links_are_revoked(self, reviewer: Client, order: Order) -> None:
        order.link_version += 1
        order.save(update_fields=["link_version"])

        assert reviewer.get(address(order)).headers["Location"] == "/orders/find/"

    def test_of_no_payment_is_not_found(self, client: Client, order: Order) -> None:
        other = reverse("orders:return", args=["00000000-0000-4000-8000-000000000000"])

        assert client.get(other).status_code == 404
