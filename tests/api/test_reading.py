"""GET: one's own orders and the catalogue, page by page."""

import pytest

from globalmart.core.problems import CONTENT_TYPE
from orders.models import Order, Product
from tests.api.conftest import Caller, add_product, order_of


def place(caller: Caller, count: int) -> list[str]:
    return [
        caller.place(order_of(("CUP", 1), external_ref=f"R{n}"), key=f"k{n}").json()["id"]
        for n in range(count)
    ]


def assert_problem(answer, status: int, code: str) -> None:  # type: ignore[no-untyped-def]
    assert (answer.status_code, answer["Content-Type"]) == (status, CONTENT_TYPE)
    assert answer.json()["code"] == code


class TestOneOrder:
    def test_is_shown_as_it_was_answered(self, ada: Caller) -> None:
        placed = ada.place(order_of()).json()
        assert ada.get(f"orders/{placed['id']}").json() == placed
        assert ada.get(f"orders/{placed['id']}/").json() == placed

    def test_of_another_client_looks_like_none(self, ada: Caller, grace: Caller) -> None:
        [theirs] = place(ada, 1)
        foreign, absent = grace.get(f"orders/{theirs}"), grace.get("orders/ord_" + "0" * 26)
        assert_problem(foreign, 404, "not_found")
        assert_problem(absent, 404, "not_found")
        assert foreign.json()["detail"] == absent.json()["detail"]

    @pytest.mark.parametrize("name", ["1", "GM-AAAAA-AAAAA", "ord_", "null", "[]"])
    def test_is_not_found_by_anything_but_its_id(self, ada: Caller, name: str) -> None:
        place(ada, 1)
        assert_problem(ada.get(f"orders/{name}"), 404, "not_found")


class TestListOfOrders:
    def test_pages_through_all_newest_first(self, ada: Caller, grace: Caller) -> None:
        ids = place(ada, 5)
        place(grace, 2)
        seen: list[str] = []
        path: str | None = "orders?limit=2"
        while path:
            answer = ada.get(path)
            page = answer.json()
            seen += [order["id"] for order in page["data"]]
            assert page["has_more"] == (page["next_cursor"] is not None) == ("Link" in answer)
            path = page["next_cursor"] and f"orders?limit=2&cursor={page['next_cursor']}"
        assert seen == ids[::-1]

    def test_filters_by_reference_and_status(self, ada: Caller) -> None:
        ids = place(ada, 3)
        Order.objects.filter(public_id=ids[0]).update(state="confirmed")
        by_reference = ada.get("orders?external_ref=R1").json()["data"]
        by_status = ada.get("orders?status=confirmed").json()["data"]
        assert [order["id"] for order in by_reference] == [ids[1]]
        assert [order["id"] for order in by_status] == [ids[0]]

    def test_asks_a_fixed_number_of_times(
        self, ada: Caller, django_assert_max_num_queries: object
    ) -> None:
        place(ada, 6)
        with django_assert_max_num_queries(12):  # type: ignore[operator]
            assert len(ada.get("orders?limit=100").json()["data"]) == 6

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("_connector=OR", "_connector"),
            ("user__password__startswith=a", "user__password__startswith"),
            ("order_by=id", "order_by"),
            ("state=confirmed", "state"),
            ("status=lost", "status"),
            ("status=confirmed&status=expired", "status"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=1000000000", "limit"),
            ("limit=-1", "limit"),
            ("limit=ten", "limit"),
            ("limit=%C2%B2", "limit"),
            ("cursor=", "cursor"),
            ("cursor=abc", "cursor"),
            ("cursor=MTpvcmRfbm9uZQ", "cursor"),
            ("external_ref=" + "x" * 300, "external_ref"),
        ],
    )
    def test_refuses_what_it_does_not_know(self, ada: Caller, query: str, parameter: str) -> None:
        answer = ada.get(f"orders?{query}")
        assert_problem(answer, 400, "invalid")
        assert answer.json()["errors"][0]["parameter"] == parameter

    def test_a_cursor_of_another_client_is_refused(self, ada: Caller, grace: Caller) -> None:
        place(ada, 3)
        cursor = ada.get("orders?limit=1").json()["next_cursor"]
        assert_problem(grace.get(f"orders?cursor={cursor}"), 400, "invalid")


class TestProducts:
    def test_shows_price_and_what_is_left(self, ada: Caller) -> None:
        ada.place(order_of(("MUG", 3)))
        mug = ada.get("products/MUG").json()
        assert (mug["sku"], mug["price_minor"], mug["currency"]) == ("MUG", 900, "GBP")
        assert (mug["available"], mug["category"]) == (7, "mugs")
        assert mug["url"].endswith("/p/mug/")

    def test_lists_by_sku_in_pages(self, ada: Caller) -> None:
        first = ada.get("products?limit=2").json()
        rest = ada.get(f"products?limit=2&cursor={first['next_cursor']}").json()
        assert [each["sku"] for each in first["data"]] == ["CUP", "GONE"]
        assert [each["sku"] for each in rest["data"]] == ["MUG"]
        assert (rest["has_more"], rest["next_cursor"]) == (False, None)

    def test_finds_by_words(self, ada: Caller) -> None:
        add_product("TEA")
        Product.objects.filter(sku="TEA").update(name="Blue teapot")
        assert [each["sku"] for each in ada.get("products?q=blue+teapot").json()["data"]] == ["TEA"]
        assert ada.get("products?q=%27%3B--+%26|!()").json()["data"] == []

    @pytest.mark.parametrize("sku", ["NONE", "%ff", "x" * 500])
    def test_says_404_for_what_is_not_sold(self, ada: Caller, sku: str) -> None:
        assert_problem(ada.get(f"products/{sku}"), 404, "not_found")

    def test_hides_what_is_switched_off(self, ada: Caller) -> None:
        Product.objects.filter(sku="MUG").update(is_active=False)
        assert_problem(ada.get("products/MUG"), 404, "not_found")
        assert_problem(ada.place(order_of(("MUG", 1))), 400, "unknown_sku")
