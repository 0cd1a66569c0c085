"""The basket."""

import pytest
from django.test import Client

from orders.models import Basket, BasketLine, Order, Price, Product, Voucher
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


class TestVoucher:
    @pytest.fixture(autouse=True)
    def ten(self, mug: Product) -> Voucher:
        return Voucher.objects.create(
            code="TEN", name="A tenth off", kind="percent", rate_bp=1000, currency="GBP"
        )

    def test_is_applied_in_any_spelling_and_shown_in_the_sum(self, visitor: Client) -> None:
        answer = visitor.post("/basket/voucher/", {"voucher": " ten "})
        assert answer.headers["Location"] == "/basket/#voucher"
        page = visitor.get("/basket/").content.decode()
        assert "A tenth off" in page
        assert "−£1.80" in page
        assert "£20.15" in page
        assert "Voucher <b>TEN</b>" in page

    def test_is_removed_again(self, visitor: Client) -> None:
        visitor.post("/basket/voucher/", {"voucher": "TEN"})
        visitor.post("/basket/voucher/", {"remove": "1"})
        page = visitor.get("/basket/").content.decode()
        assert "£21.95" in page
        assert 'name="voucher"' in page

    def test_what_cannot_be_had_is_said_beside_what_was_typed(
        self, visitor: Client, ten: Voucher
    ) -> None:
        Voucher.objects.update(minimum_minor=2500)
        for code, words in (("TEM", "do not know the voucher TEM"), ("ten", "Add £7.00 more")):
            answer = visitor.post("/basket/voucher/", {"voucher": code})
            page = answer.content.decode()
            assert answer.status_code == 422
            assert "<title>Error:" in page
            assert words in page
            assert f'value="{code}"' in page
            assert "£21.95" in page
        assert "TEN" not in visitor.get("/basket/").content.decode()

    def test_nothing_typed_is_asked_for(self, visitor: Client) -> None:
        answer = visitor.post("/basket/voucher/", {"voucher": " "})
        assert answer.status_code == 422
        assert "Enter the code of your voucher" in answer.content.decode()

    def test_one_that_gives_nothing_here_is_kept_and_told(self, visitor: Client) -> None:
        Voucher.objects.create(code="SHIP", kind="free_shipping")
        visitor.post("/basket/change/", {"product": Product.objects.get().pk, "quantity": "6"})
        visitor.post("/basket/voucher/", {"voucher": "ship"})
        assert "changes nothing here" in visitor.get("/basket/").content.decode()

    def test_survives_an_order_that_came_to_nothing(self, reviewer: Client) -> None:
        reviewer.post("/basket/voucher/", {"voucher": "TEN"})
        order = place(basket_id=Basket.objects.get().pk, voucher="TEN")
        Order.objects.filter(pk=order.pk).update(state="expired")
        assert "Voucher <b>TEN</b>" in reviewer.get("/basket/").content.decode()


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
