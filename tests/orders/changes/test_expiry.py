"""An unpaid order ends when its payment was seen cancelled; its basket comes back as it was."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from fulfillment.models import Stock
from orders import jobs, links
from orders.models import Basket, Order
from payments.models import PaymentAttempt
from tests import builders
from tests.orders.house import now, pay, state
from tests.orders.services.test_cancelling import sound
from tests.payments.conftest import attempt_of, send
from tests.payments.fakes import FakeStripe


def overdue(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(payment_due_at=now() - timedelta(seconds=1))
    jobs.expire_unpaid()


def test_is_due_for_half_an_hour(placed: Order) -> None:
    waits = placed.payment_due_at - placed.created_at  # type: ignore[operator]
    assert settings.PAYMENT_DEADLINE_MINUTES == 30
    assert abs(waits - timedelta(minutes=30)) < timedelta(minutes=1)


def test_ends_only_when_its_intent_was_seen_cancelled(shop: None, stripe: FakeStripe) -> None:
    placed = builders.place({"MUG": 2, "CUP": 3}, payment_method="")
    send(placed, "create")
    overdue(placed)
    assert state(placed) == "pending_payment"
    assert sum(Stock.objects.values_list("reserved", flat=True)) == 5

    pay()
    assert state(placed) == "expired"
    assert attempt_of(placed).state == "cancelled"
    assert stripe.methods().count("cancel") == 1
    assert sum(Stock.objects.values_list("reserved", flat=True)) == 0
    ends = ("failed", "cancelled", "expired")
    assert not PaymentAttempt.objects.exclude(state__in=ends).exists()
    sound()


def test_that_is_paid_in_the_last_moment_is_confirmed(placed: Order, stripe: FakeStripe) -> None:
    send(placed, "create")
    send(placed, "confirm")
    overdue(placed)
    assert state(placed) == "confirmed"


class TestBasket:
    def test_comes_back_with_contact_and_address(self, client: Client, placed: Order) -> None:
        overdue(placed)
        pay()
        path = f"{links.order_path(placed)}again/"
        assert f'href="{path}"' in client.get(links.order_path(placed)).content.decode()
        assert "We have kept your basket" in client.get(path).content.decode()
        assert not Basket.objects.exists()

        answer = client.post(path)

        assert answer["Location"] == "/basket/"
        shown = client.get("/basket/").content.decode()
        assert "Mug of stoneware" in shown
        assert "Cup of stoneware" in shown
        basket = Basket.objects.get()
        assert basket.details["contact"]["email"] == "ada@example.com"
        assert basket.details["delivery"]["line1"] == "12 St James's Square"
        assert client.get("/checkout/review/").status_code == 200

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_of_a_living_order_stays_away(self, client: Client, placed: Order, method: str) -> None:
        answer = getattr(client, method)(f"{links.order_path(placed)}again/")
        assert answer["Location"] == links.order_path(placed)
        assert not Basket.objects.exists()
