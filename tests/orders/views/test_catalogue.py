"""Home, listings, search, product page and pictures."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from orders.artwork import pick_motif
from orders.models import Product
from tests.builders import add_product


def without_token(page: str) -> str:
    """Return the page without its token against forgery, which differs each time."""
    return re.sub(r'name="csrf\w+" value="\w+"', "", page)


class TestSearch:
    def test_it_finds_by_the_beginning_of_a_word(self, client: Client, mug: Product) -> None:
        page = client.get("/search", {"q": "stone"}).content.decode()

        assert "/p/mug/" in page

    def test_every_word_must_match(self, client: Client, mug: Product) -> None:
        page = client.get("/search", {"q": "stoneware lantern"}).content.decode()

        assert "/p/mug/" not in page
        assert "Try fewer or shorter words" in page

    @pytest.mark.parametrize("words", ["'", "& | !", "(:*", "a" * 5000, "%_\\"])
    def test_it_survives_what_people_paste(self, client: Client, mug: Product, words: str) -> None:
        assert client.get("/search", {"q": words}).status_code == 200

    def test_it_leaves_out_what_is_sold_out_when_asked(self, client: Client, mug: Product) -> None:
        add_product("BOWL", on_hand=0)

        everything = client.get("/search").content.decode()
        in_stock = client.get("/search", {"stock": "1"}).content.decode()

        assert "/p/bowl/" in everything
        assert "/p/bowl/" not in in_stock
        assert "/p/mug/" in in_stock

    def test_it_sorts_by_price(self, client: Client, mug: Product) -> None:
        add_product("BOWL", price_minor=100)

        dear_first = client.get("/search", {"sort": "-price"}).content.decode()

        assert dear_first.index("/p/mug/") < dear_first.index("/p/bowl/")

    @pytest.mark.parametrize("page", ["0", "-1", "99999", "x", "9" * 400, "²"])
    def test_a_page_that_is_not_there_shows_one_that_is(
        self, client: Client, mug: Product, page: str
    ) -> None:
        answer = client.get("/search", {"page": page})

        assert answer.status_code == 200
        assert "/p/mug/" in answer.content.decode()


class TestListing:
    def test_it_shows_24_a_page(self, client: Client, mug: Product) -> None:
        for number in range(24):
            add_product(f"CUP{number}")

        first = client.get("/c/mugs/").content.decode()
        second = client.get("/c/mugs/", {"page": "2"}).content.decode()

        assert first.count('<li class="card') == 24
        assert second.count('<li class="card') == 1

    def test_it_takes_at_most_twelve_queries(
        self, client: Client, mug: Product, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(24):
            add_product(f"CUP{number}")

        with django_assert_max_num_queries(12):
            client.get("/c/mugs/")

    def test_an_unknown_category_is_not_found(self, client: Client, mug: Product) -> None:
        assert client.get("/c/unicorns/").status_code == 404


class TestProduct:
    @pytest.mark.parametrize(
        ("units", "words"), [(500, "In stock"), (3, "3 left"), (0, "Sold out")]
    )
    def test_it_says_how_many_are_left(
        self, client: Client, mug: Product, units: int, words: str
    ) -> None:
        add_product("BOWL", on_hand=units)

        page = client.get("/p/bowl/").content.decode()

        assert words in page.split("product-text")[1].split("</article>")[0]
        assert ("Add to basket" in page) is bool(units)

    def test_a_withdrawn_product_is_not_found(self, client: Client, mug: Product) -> None:
        Product.objects.update(is_active=False)

        assert client.get("/p/mug/").status_code == 404

    def test_it_is_in_english_for_a_browser_that_asks_for_german(
        self, client: Client, mug: Product
    ) -> None:
        english = client.get("/p/mug/").content.decode()

        german = client.get("/p/mug/", headers={"accept-language": "de-DE,de;q=0.9"})

        assert german.headers["Content-Language"] == "en-gb"
        assert without_token(german.content.decode()) == without_token(english)

    def test_no_page_has_inline_style_or_script(self, client: Client, mug: Product) -> None:
        for path in ("/", "/search", "/p/mug/", "/basket/", "/orders/find/", "/privacy/"):
            answer = client.get(path)

            assert " style=" not in answer.content.decode()
            assert "<style" not in answer.content.decode()
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


class TestPicture:
    def test_it_is_an_image_that_may_be_kept(self, client: Client, mug: Product) -> None:
        answer = client.get("/p/mug/picture.svg")

        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert "public" in answer.headers["Cache-Control"]
        assert ElementTree.fromstring(answer.content).tag.endswith("svg")  # noqa: S314 - our own
        assert answer.content == client.get("/p/mug/picture.svg").content

    def test_a_brush_is_no_knife(self) -> None:
        assert pick_motif("Bath Brush, Long") is not pick_motif("Bread Knife")

    def test_a_name_cannot_break_out_of_it(self, client: Client, mug: Product) -> None:
        Product.objects.update(name="<script>alert(1)</script>")

        assert b"<script" not in client.get("/p/mug/picture.svg").content
