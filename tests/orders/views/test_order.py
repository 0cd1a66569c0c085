"""The order's page, the look-up, and paying again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from globalmart.core.ids import order_number
from globalmart.core.models import TryCount
from globalmart.core.timeline import record
from orders import links
from orders.models import Order, Product
from payments.models import PaymentAttempt
from tests.builders import place


@pytest.fixture
def order(mug: Product) -> Order:
    """An order whose payment waits for the browser."""
    return place(payment_method="")


def move_attempt(order: Order, **changes: object) -> None:
    """Put the order's attempt where a gateway's answer would have put it."""
    PaymentAttempt.objects.filter(order_id=order.pk).update(**changes)


class TestPage:
    @pytest.mark.parametrize("secret", ["x", "a" * 32, "é" * 8])
    def test_a_wrong_secret_is_not_found(self, client: Client, order: Order, secret: str) -> None:
        assert client.get(f"/orders/{order.number}/{secret}/").status_code == 404

    def test_it_is_private(self, client: Client, order: Order) -> None:
        answer = client.get(links.order_path(order))

        assert "no-store" in answer.headers["Cache-Control"]
        assert "noindex" in answer.content.decode()

    def test_it_offers_to_pay_while_nothing_is_under_way(
        self, client: Client, order: Order
    ) -> None:
        page = client.get(links.order_path(order)).content.decode()

        assert "Waiting for your payment" in page
        assert "Pay for this order" in page

    def test_it_says_until_when_the_goods_are_kept(self, client: Client, order: Order) -> None:
        assert order.payment_due_at is not None
        until = f'<time datetime="{order.payment_due_at.isoformat()}" data-clock>'
        pages = [client.get(f"{links.order_path(order)}{part}") for part in ("", "pay/")]
        Order.objects.update(state="confirmed")

        assert all(until in page.content.decode() for page in pages)
        assert until not in client.get(links.order_path(order)).content.decode()

    @pytest.mark.parametrize("state", ["unknown", "processing"])
    def test_it_offers_no_second_payment_of_unknown_outcome(
        self, client: Client, order: Order, state: str
    ) -> None:
        move_attempt(order, state=state)

        page = client.get(links.order_path(order)).content.decode()
        pay = client.get(f"{links.order_path(order)}pay/")
        start = client.post(f"{links.order_path(order)}pay/start/")

        assert "We are confirming your payment" in page
        assert "Pay for this order" not in page
        assert pay.headers["Location"] == links.order_path(order)
        assert start.json()["client_secret"] is None


class TestStatus:
    def test_unchanged_is_no_content(self, client: Client, order: Order) -> None:
        page = client.get(links.order_path(order)).content.decode()
        address = re.search(r'hx-get="([^"]+)"', page)

        assert address is not None
        assert client.get(address[1]).status_code == 204

    def test_changed_is_the_whole_part_with_a_new_version(
        self, client: Client, order: Order
    ) -> None:
        page = client.get(links.order_path(order)).content.decode()
        address = re.search(r'hx-get="([^"]+)"', page)
        move_attempt(order, state="unknown")

        assert address is not None
        answer = client.get(address[1])

        assert answer.status_code == 200
        assert "We are confirming your payment" in answer.content.decode()
        assert 'id="announcement"' in answer.content.decode()
        assert address[1] not in answer.content.decode()

    @pytest.mark.parametrize(
        ("state", "words"),
        [("cancelled", "This order is cancelled"), ("expired", "This order has expired")],
    )
    def test_a_final_order_asks_no_more(
        self, client: Client, order: Order, state: str, words: str
    ) -> None:
        Order.objects.update(state=state)

        page = client.get(links.order_path(order)).content.decode()

        assert words in page
        assert "hx-get" not in page

    def test_a_completed_order_still_tells_when_it_was_sent_to_the_warehouse(
        self, client: Client, order: Order
    ) -> None:
        for state in ("in_fulfillment", "completed"):
            record(
                subject_type="order",
                subject_id=order.pk,
                kind=f"order.{state}",
                actor="test",
                after=state,
            )
        Order.objects.update(state="completed")

        page = client.get(links.order_path(order)).content.decode()

        preparing = page.split("<b>Preparing</b>")[1].split("</li>")[0]
        assert "<small>" in preparing


class TestPayingAgain:
    def test_its_page_is_private(self, client: Client, order: Order) -> None:
        page = client.get(f"{links.order_path(order)}pay/").content.decode()

        assert "noindex" in page
        assert "no-referrer" in page

    def test_it_says_why_the_bank_refused(self, client: Client, order: Order) -> None:
        move_attempt(order, declines=1, decline_code="insufficient_funds")

        page = client.get(f"{links.order_path(order)}pay/").content.decode()

        assert "not enough money on the card" in page
        assert 'data-amount="2195"' in page


class TestFinding:
    def test_it_shows_how_far_it_is_and_nothing_private(self, client: Client, order: Order) -> None:
        typed = {"number": order.number.lower().replace("-", " "), "email": "ADA@example.com "}

        page = client.post("/orders/find/", typed, follow=True).content.decode()

        assert order.number in page
        assert "Waiting for your payment" in page
        assert "Lovelace" not in page
        assert "Square" not in page
        assert links.order_secret(order) not in page

    def test_a_miss_tells_nothing(self, client: Client, order: Order) -> None:
        wrong_email = client.post(
            "/orders/find/", {"number": order.number, "email": "eve@example.com"}
        )
        wrong_number = client.post(
            "/orders/find/", {"number": "GM-00000-00000", "email": "eve@example.com"}
        )

        def without(answer: object, number: str) -> str:
            text = answer.content.decode()  # type: ignore[attr-defined]
            return re.sub(r'name="csrf\w+" value="\w+"', "", text).replace(number, "")

        assert wrong_email.status_code == wrong_number.status_code == 422
        assert without(wrong_email, order.number) == without(wrong_number, "GM-00000-00000")
        assert "We found no order" in wrong_email.content.decode()

    def test_a_number_alone_opens_nothing(self, client: Client, order: Order) -> None:
        assert client.get(f"/orders/found/{order.number}/").status_code == 404


class TestGuessing:
    @pytest.fixture(autouse=True)
    def _three_tries(self, settings: Any) -> None:
        settings.LOOKUP_TRIES, settings.LOOKUP_MINUTES, settings.PROXIES = 3, 15, 1

    def look_up(
        self, client: Client, number: str, email: str, seen_from: str = "192.0.2.1"
    ) -> HttpResponse:
        return client.post(
            "/orders/find/",
            {"number": number, "email": email},
            headers={"X-Forwarded-For": f"203.0.113.9, {seen_from}"},
        )

    def test_ends_for_an_address_whatever_it_claims_to_be(
        self, client: Client, order: Order
    ) -> None:
        for _ in range(3):
            assert self.look_up(client, order_number(), "eve@example.com").status_code == 422

        refused = self.look_up(client, order.number, order.email)

        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 900
        assert "15 minutes" in refused.content.decode()
        assert "confirmation e-mail" in refused.content.decode()
        elsewhere = self.look_up(client, order.number, order.email, seen_from="192.0.2.2")
        assert elsewhere.status_code == 302

    @pytest.mark.parametrize("exists", [True, False])
    def test_ends_for_a_number_alike_whether_there_is_such_an_order(
        self, client: Client, order: Order, exists: bool
    ) -> None:
        number = order.number if exists else order_number()
        tried = [
            self.look_up(client, number, "eve@example.com", seen_from=f"192.0.2.{place}")
            for place in range(4)
        ]
        assert [answer.status_code for answer in tried] == [422, 422, 422, 429]

    def test_is_what_counts_and_not_what_was_found(self, client: Client, order: Order) -> None:
        found = [self.look_up(client, order.number, order.email) for _ in range(5)]
        assert {answer.status_code for answer in found} == {302}

    def test_does_not_count_what_can_be_no_number(self, client: Client, order: Order) -> None:
        for _ in range(5):
            assert self.look_up(client, "GM-1", "eve@example.com").status_code == 422

    def test_may_go_on_when_its_time_is_over(self, client: Client, order: Order) -> None:
        for _ in range(4):
            answer = self.look_up(client, order.number, "eve@example.com")
        assert answer.status_code == 429
        TryCount.objects.update(began_at=timezone.now() - timedelta(minutes=15))
        assert self.look_up(client, order.number, order.email).status_code == 302

    def test_leaves_neither_address_nor_number_behind(self, client: Client, order: Order) -> None:
        self.look_up(client, order.number, "eve@example.com")
        kept = str(list(TryCount.objects.values()))
        assert TryCount.objects.count() == 2
        assert "192.0.2" not in kept
        assert order.number not in kept
