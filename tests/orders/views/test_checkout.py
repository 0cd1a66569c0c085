"""The three steps, and the pay button."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from fulfillment.services.stock import adjust
from globalmart.core.budget import seconds_left
from orders.links import order_path
from orders.models import (
    Basket,
    Order,
    Price,
    Product,
    ShippingMethod,
    ShippingRate,
    ShippingZone,
    Voucher,
    ZonePlace,
)
from orders.services import payment
from orders.services.payment import BrowserPayment
from payments.models import PaymentAttempt
from tests.orders.views.conftest import CONTACT, DELIVERY


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stripe that answers with a secret at once; `unknown` makes it stay silent."""
    behaviour: dict[str, Any] = {"unknown": False, "attempt": uuid4()}

    def start(*, order_id: int, now: object) -> BrowserPayment:
        behaviour["seconds"] = seconds_left()
        order = Order.objects.get(pk=order_id)
        return BrowserPayment(
            attempt_uuid=behaviour["attempt"],
            client_secret=None if behaviour["unknown"] else "pi_ada_secret",
            is_settled=False,
            amount_minor=order.total_minor,
            currency=order.currency,
        )

    monkeypatch.setattr(payment, "start_browser_payment", start)
    return behaviour


def press_pay(visitor: Client, **changes: str) -> Any:
    """Press the button of a fresh review page."""
    page = visitor.get("/checkout/review/").content.decode()
    fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
    return visitor.post("/checkout/place/", {**fields, **changes})


class TestContact:
    def test_an_error_is_listed_and_stands_beside_its_field(self, visitor: Client) -> None:
        answer = visitor.post("/checkout/contact/", {**CONTACT, "email": "ada@"})
        page = answer.content.decode()

        assert answer.status_code == 422
        assert "<title>Error:" in page
        assert page.count("Enter an e-mail address in the right form") == 2
        assert 'href="#id_email"' in page
        assert 'aria-invalid="true"' in page
        assert 'value="ada@"' in page
        assert CONTACT["phone"] in page

    def test_a_text_message_needs_a_number(self, visitor: Client) -> None:
        page = visitor.post("/checkout/contact/", {**CONTACT, "phone": ""}).content.decode()

        assert "Enter a phone number for the text message" in page

    def test_a_number_is_kept_in_its_international_form(self, reviewer: Client) -> None:
        assert Basket.objects.get().details["contact"]["phone"] == "+442079460000"


class TestDelivery:
    def test_a_postcode_is_spelled_as_it_should_be(self, reviewer: Client) -> None:
        assert Basket.objects.get().details["delivery"]["postal_code"] == "SW1Y 4JH"

    @pytest.mark.parametrize(
        ("country", "code", "status"),
        [("GB", "", 422), ("GB", "12345", 422), ("DE", "10115", 302), ("HK", "", 302)],
    )
    def test_it_asks_for_a_postcode_where_there_are_any(
        self, visitor: Client, country: str, code: str, status: int
    ) -> None:
        visitor.post("/checkout/contact/", CONTACT)

        answer = visitor.post(
            "/checkout/delivery/", {**DELIVERY, "country": country, "postal_code": code}
        )

        assert answer.status_code == status

    def test_it_shows_at_most_eight_fields_with_contact(self, visitor: Client) -> None:
        first = visitor.get("/checkout/contact/").content.decode()
        visitor.post("/checkout/contact/", CONTACT)
        second = visitor.get("/checkout/delivery/").content.decode()

        folded = re.sub(r"<details.*?</details>", "", first + second, flags=re.DOTALL)
        names = set(re.findall(r'<(?:input|select)[^>]* name="(\w+)"', folded))

        assert len(names - {"csrfmiddlewaretoken", "wants_sms", "method"}) <= 8
        assert "line1" in names


class TestReview:
    def test_it_comes_after_the_other_steps(self, visitor: Client) -> None:
        answer = visitor.get("/checkout/review/")

        assert answer.headers["Location"] == "/checkout/contact/"

    def test_it_shows_the_total_on_the_button(self, reviewer: Client) -> None:
        assert "Pay £21.95" in reviewer.get("/checkout/review/").content.decode()

    def test_it_alone_may_load_the_card_form(self, reviewer: Client, settings: Any) -> None:
        pay_page = reviewer.get("/checkout/review/").headers["Content-Security-Policy"]
        other = reviewer.get("/checkout/delivery/").headers["Content-Security-Policy"]

        assert settings.STRIPE_JS_ORIGIN in pay_page
        assert settings.STRIPE_JS_ORIGIN not in other
        assert "unsafe" not in pay_page

    def test_it_takes_at_most_twenty_queries(
        self, reviewer: Client, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(20):
            reviewer.get("/checkout/review/")


@pytest.mark.django_db(transaction=True)
class TestPlacing:
    def test_it_answers_with_the_secret_and_where_to_go(
        self, reviewer: Client, stripe: dict[str, Any], settings: Any
    ) -> None:
        answer = press_pay(reviewer).json()

        order = Order.objects.get()
        path = reverse("orders:return", args=[stripe["attempt"]])
        assert answer["client_secret"] == "pi_ada_secret"
        assert answer["return_url"] == settings.BASE_URL + path
        assert order.number in answer["order_url"]
        assert (order.total_minor, order.email) == (2195, "ada@example.com")

    def test_the_same_key_twice_is_one_order(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))

        answers = [reviewer.post("/checkout/place/", fields).json() for _ in range(3)]

        assert answers[0] == answers[1] == answers[2]
        assert Order.objects.count() == 1

    def test_another_tabs_key_is_the_same_order(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        first = press_pay(reviewer).json()

        second = reviewer.post("/checkout/place/", {"key": "another", "total": "2195"}).json()

        assert first["order_url"] == second["order_url"]
        assert Order.objects.count() == 1

    def test_without_an_answer_of_stripe_it_says_so_and_keeps_the_order(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        stripe["unknown"] = True

        answer = press_pay(reviewer).json()

        assert answer["client_secret"] is None
        order = Order.objects.get()
        assert "do not answer just now" in answer["detail"]
        assert order.number in answer["order_url"]
        assert answer["order_number"] == order.number
        assert order.payment_due_at is not None
        assert answer["kept_until"] == order.payment_due_at.isoformat()

    def test_it_leaves_stripe_less_than_eight_seconds(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        press_pay(reviewer)
        assert 5 < stripe["seconds"] <= 7

        reviewer.post("/checkout/place/", {"key": "again"})
        assert 5 < stripe["seconds"] <= 7
        assert seconds_left() is None

    def test_a_payment_whose_outcome_is_not_known_leads_to_the_order(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        press_pay(reviewer)
        PaymentAttempt.objects.update(state="unknown")
        stripe["unknown"] = True

        answer = reviewer.post("/checkout/place/", {"key": "again"}).json()

        assert answer["client_secret"] is None
        assert "detail" not in answer

    def test_a_total_that_changed_is_shown_first(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        Price.objects.update(amount_minor=1000)

        answer = reviewer.post("/checkout/place/", fields)

        assert answer.status_code == 409
        assert "now £23.95; this page showed £21.95" in answer.json()["detail"]
        assert answer.json()["location"] == "/checkout/review/"
        assert not Order.objects.exists()

    def test_a_voucher_that_ended_meanwhile_is_told_before_anything_is_charged(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        Voucher.objects.create(code="TEN", kind="percent", rate_bp=1000)
        reviewer.post("/basket/voucher/", {"voucher": "ten"})
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        assert fields["total"] == "2015"
        Voucher.objects.update(is_active=False)

        answer = reviewer.post("/checkout/place/", fields)

        assert answer.status_code == 409
        assert "TEN is not valid any more" in answer.json()["detail"]
        assert "You were not charged" in answer.json()["detail"]
        assert answer.json()["location"] == "/basket/"
        assert not Order.objects.exists()
        # The review page cannot show a price for it; the basket says why, and how to go on.
        assert reviewer.get("/checkout/review/").headers["Location"] == "/basket/"
        basket = reviewer.get("/basket/").content.decode()
        assert "TEN is not valid any more" in basket
        reviewer.post("/basket/voucher/", {"remove": "1"})
        assert "£21.95" in reviewer.get("/checkout/review/").content.decode()

    def test_an_order_has_the_discount_that_its_page_showed(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        Voucher.objects.create(code="TEN", name="A tenth off", kind="percent", rate_bp=1000)
        reviewer.post("/basket/voucher/", {"voucher": "ten"})
        press_pay(reviewer)

        order = Order.objects.get()
        assert (order.discount_minor, order.total_minor) == (180, 2015)
        page = reviewer.get(order_path(order)).content.decode()
        assert "A tenth off" in page
        assert "−£1.80" in page

    def test_a_dearer_delivery_is_told_before_the_customer_goes_on(self, visitor: Client) -> None:
        zone = ShippingZone.objects.create(code="eu", name="Europe")
        ZonePlace.objects.create(zone=zone, country="FR")
        method = ShippingMethod.objects.get()
        ShippingRate.objects.create(method=method, zone=zone, currency="GBP", amount_minor=895)
        visitor.post("/checkout/contact/", CONTACT)
        typed = {**DELIVERY, "country": "FR", "postal_code": "75001", "priced_for": "GB"}

        told = visitor.post("/checkout/delivery/", typed)

        page = told.content.decode()
        assert "Standard to France: £8.95." in page
        assert 'name="priced_for" value="FR"' in page
        assert "75001" in page
        onward = visitor.post("/checkout/delivery/", {**typed, "priced_for": "FR"})
        assert onward.headers["Location"] == "/checkout/review/"
        assert "£26.95" in visitor.get("/checkout/review/").content.decode()

    def test_what_sold_out_meanwhile_is_named(
        self, reviewer: Client, mug: Product, stripe: dict[str, Any]
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        adjust(warehouse_code="main", deltas={"MUG": -9}, reason="broken", actor="test")

        answer = reviewer.post("/checkout/place/", fields)

        assert answer.status_code == 409
        assert f"{mug.name} (1 left)" in answer.json()["detail"]
        assert answer.json()["location"] == "/basket/"
        assert not Order.objects.exists()

    def test_what_another_tab_changed_is_shown_first(
        self, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        reviewer.post("/checkout/delivery/", {**DELIVERY, "line1": "1 Long Lane"})

        answer = reviewer.post("/checkout/place/", fields)

        assert answer.status_code == 409
        assert "changed in another tab" in answer.json()["detail"]
        assert answer.json()["location"] == "/checkout/review/"
        assert not Order.objects.exists()

    @pytest.mark.parametrize("is_seen", [False, True])
    def test_a_late_retry_leads_to_the_order_that_was_paid_meanwhile(
        self, reviewer: Client, stripe: dict[str, Any], is_seen: bool
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        first = reviewer.post("/checkout/place/", fields).json()
        Order.objects.update(state="confirmed")
        if is_seen:
            reviewer.get("/basket/")

        answer = reviewer.post("/checkout/place/", fields)

        assert answer.json() == {"client_secret": None, "order_url": first["order_url"]}
        assert Order.objects.count() == 1

    def test_an_empty_basket_leads_back(self, client: Client, stripe: dict[str, Any]) -> None:
        answer = client.post("/checkout/place/", {"key": "k", "total": "1"})

        assert answer.status_code == 409
        assert answer.json()["location"] == "/basket/"


class TestGoodsToCome:
    """Goods that ship in thirty days: the card is charged with the order, and the page says so."""

    @pytest.fixture
    def day(self, mug: Product) -> date:
        day = timezone.localdate() + timedelta(days=30)
        Product.objects.filter(pk=mug.pk).update(ships_from=day)
        return day

    def test_every_page_names_the_day(self, day: date, reviewer: Client, mug: Product) -> None:
        words = f"Ships from {date_format(day, 'j F')}"

        for path in (mug.get_absolute_url(), "/basket/", "/checkout/review/"):
            assert words in reviewer.get(path).content.decode()

    def test_the_review_page_tells_before_the_button(self, day: date, reviewer: Client) -> None:
        page = reviewer.get("/checkout/review/").content.decode()

        told = page.index("We charge your card when you order")
        assert told < page.index("pay-button")
        assert "we take it when your parcel leaves" not in page

    def test_the_order_is_charged_at_once(
        self, day: date, reviewer: Client, stripe: dict[str, Any]
    ) -> None:
        assert press_pay(reviewer).status_code == 200

        order = Order.objects.get()
        assert (order.payment_timing, order.ships_from) == ("at_order", day)
        assert order.payment_due_at is not None
        assert PaymentAttempt.objects.count() == 1

    @pytest.mark.parametrize("days", [None, 3, 31])
    def test_a_day_that_moved_is_shown_before_anything_is_ordered(
        self, day: date, reviewer: Client, stripe: dict[str, Any], days: int | None
    ) -> None:
        page = reviewer.get("/checkout/review/").content.decode()
        fields = dict(re.findall(r'name="(key|total|shown)" value="([^"]+)"', page))
        moved = timezone.localdate() + timedelta(days=days) if days else None
        Product.objects.update(ships_from=moved)

        assert reviewer.post("/checkout/place/", fields).status_code == 409
        assert not Order.objects.exists()
