"""The basket."""

import pytest
from django.test import Client

from orders.models import Basket, BasketLine, Price, Product
from tests.builders import place
from tests.orders.views.conftest import DELIVERY


class TestAdding:
    def test_the_same_product_twice_is_one_line(self, visitor: Client, mug: Product) -> None:
        visitor.post("/basket/add/", {"product": mug.pk, "quantity": "3"})

        assert BasketLine.objects.get().quantity == 5

    @pytest.mark.parametrize("quantity", ["0", "-1", "1000", "1e9", "NaN", "", "two"])
    def test_a_quantity_that_is_none_is_refused_in_words(
        self, client: Client, mug: Product, quantity: str
    ) -> None:
        answer = client.post("/basket/add/", {"product": mug.pk, "quantity": quantity})

        assert answer.status_code == 422
        assert "There is a problem" in answer.content.decode()
        assert not BasketLine.objects.exists()

    def test_a_product_that_is_not_for_sale_is_refused(self, client: Client, mug: Product) -> None:
        Product.objects.update(is_active=False)

        answer = client.post("/basket/add/", {"product": mug.pk, "quantity": "1"})

        assert answer.status_code == 422
        assert not BasketLine.objects.exists()

    def test_it_needs_a_token_against_forgery(self, mug: Product) -> None:
        stranger = Client(enforce_csrf_checks=True)

        answer = stranger.post("/basket/add/", {"product": mug.pk, "quantity": "1"})

        assert answer.status_code == 403
        assert not Basket.objects.exists()


class TestChanging:
    def test_remove_wins_over_the_quantity_beside_it(self, visitor: Client, mug: Product) -> None:
        visitor.post("/basket/change/", {"product": mug.pk, "quantity": "2", "remove": "1"})

        assert not BasketLine.objects.exists()

    def test_another_visitors_line_stays(self, visitor: Client, mug: Product) -> None:
        Client().post("/basket/change/", {"product": mug.pk, "quantity": "9"})

        assert BasketLine.objects.get().quantity == 2

    def test_a_basket_with_an_order_is_copied_not_changed(
        self, visitor: Client, mug: Product
    ) -> None:
        basket = Basket.objects.get()
        place(basket_id=basket.pk, payment_method="")

        visitor.post("/basket/change/", {"product": mug.pk, "quantity": "7"})

        assert basket.lines.get().quantity == 2
        assert Basket.objects.exclude(pk=basket.pk).get().lines.get().quantity == 7


class TestPage:
    def test_it_is_not_stored(self, visitor: Client) -> None:
        assert "no-store" in visitor.get("/basket/").headers["Cache-Control"]

    def test_it_says_that_a_price_changed(self, visitor: Client, mug: Product) -> None:
        Price.objects.update(amount_minor=950)

        page = visitor.get("/basket/").content.decode()

        assert "it was £9.00, now it is £9.50" in page

    def test_it_keeps_from_checkout_what_is_short(self, visitor: Client, mug: Product) -> None:
        visitor.post("/basket/change/", {"product": mug.pk, "quantity": "11"})

        page = visitor.get("/basket/").content.decode()

        assert "Only 10 left" in page
        assert "Check out" not in page
        assert visitor.get("/checkout/contact/").headers["Location"] == "/basket/"

    def test_what_was_typed_survives_an_order_that_came_to_nothing(self, reviewer: Client) -> None:
        order = place(basket_id=Basket.objects.get().pk, payment_method="")
        order.state = "expired"
        order.save(update_fields=["state"])

        reviewer.get("/basket/")
        page = reviewer.get("/checkout/delivery/").content.decode()

        assert DELIVERY["city"] in page
