"""POST /api/v1/orders: what is accepted, and that the same key gives the same answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from fulfillment.models import Stock
from orders.api import examples
from orders.models import Order, Price, PriceList, Product, Voucher
from payments.models import PaymentAttempt
from tests.api.conftest import Caller, add_product, order_of


class TestPlacing:
    def test_answers_with_the_order_as_the_contract_says(self, ada: Caller) -> None:
        body = order_of(("MUG", 2), ("CUP", 1), external_ref="A-1", metadata={"till": "3"})
        answer = ada.place(body)

        assert answer.status_code == 201, answer.content
        got = answer.json()
        order = Order.objects.get()
        assert answer["Location"] == f"/api/v1/orders/{order.public_id}"
        assert answer["Cache-Control"] == "no-store"
        assert "Idempotent-Replayed" not in answer
        assert (got["id"], got["number"]) == (order.public_id, order.number)
        assert got["external_ref"] == "A-1"
        assert got["metadata"] == {"till": "3"}
        assert (got["status"], got["payment_status"]) == ("pending_payment", "pending")
        assert got["fulfillment_status"] == "unfulfilled"
        assert got["subtotal_minor"] == 2 * 900 + 450
        assert got["total_minor"] == got["subtotal_minor"] + got["shipping_minor"]
        assert {line["sku"]: line["total_minor"] for line in got["lines"]} == {
            "MUG": 1800,
            "CUP": 450,
        }
        assert got["shipments"] == []
        assert got["livemode"] is False
        assert got["tracking_url"].startswith("http")
        assert "pay_url" not in got
        assert Stock.objects.get(sku="MUG").reserved == 2

    def test_without_a_payment_method_tells_where_to_pay(self, ada: Caller) -> None:
        answer = ada.place(order_of(payment_method=None))
        assert answer.json()["pay_url"].startswith("http")
        assert PaymentAttempt.objects.get().mode == "browser"

    def test_ignores_prices_and_states_sent_by_the_client(self, ada: Caller) -> None:
        body = order_of(status="completed", total_minor=1, user=1)
        body["lines"][0]["unit_price_minor"] = 1
        got = ada.place(body).json()
        assert (got["status"], got["subtotal_minor"]) == ("pending_payment", 1800)

    def test_takes_the_example_of_the_documents(self, ada: Caller) -> None:
        add_product("85123A", price_minor=295)
        answer = ada.place(examples.NEW_ORDER)
        assert answer.status_code == 201, answer.content
        assert set(answer.json()) == set(examples.ORDER)
        assert set(answer.json()["lines"][0]) == set(examples.ORDER["lines"][0])

    def test_keeps_emoji_and_right_to_left_text(self, ada: Caller) -> None:
        customer = {"email": "ada@example.com", "name": "Ada \U0001f600 \u202eabc"}
        assert ada.place(order_of(customer=customer)).status_code == 201
        assert Order.objects.get().name == customer["name"]

    def test_accepts_a_slash_at_the_end_without_redirecting(self, ada: Caller) -> None:
        answer = ada.client.post(
            "/api/v1/orders/",
            data=order_of(),
            content_type="application/json",
            headers=ada.headers({"Idempotency-Key": "bare-key"}),
        )
        assert answer.status_code == 201

    def test_asks_the_database_a_fixed_number_of_times(
        self, ada: Caller, django_assert_max_num_queries: object
    ) -> None:
        skus = [add_product(f"SKU{place}").sku for place in range(40)]
        with django_assert_max_num_queries(30):  # type: ignore[operator]
            answer = ada.place(order_of(*[(sku, 1) for sku in skus]))
        assert answer.status_code == 201


class TestIdempotency:
    def test_replays_the_stored_answer(self, ada: Caller) -> None:
        first, again = ada.place(order_of()), ada.place(order_of())
        assert (again.status_code, again.json()) == (201, first.json())
        assert again["Idempotent-Replayed"] == "true"
        assert Order.objects.count() == 1
        assert Stock.objects.get(sku="MUG").reserved == 2

    def test_replays_unchanged_after_the_order_went_on(self, ada: Caller) -> None:
        first = ada.place(order_of())
        Order.objects.update(state="confirmed")
        assert ada.place(order_of()).json() == first.json()

    def test_spells_the_key_quoted_or_bare(self, ada: Caller) -> None:
        first, again = ada.place(order_of(), key='"k"'), ada.place(order_of(), key="k")
        assert again.json()["id"] == first.json()["id"]

    def test_refuses_the_key_for_another_body(self, ada: Caller) -> None:
        ada.place(order_of(("MUG", 1)))
        answer = ada.place(order_of(("MUG", 2)))
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert Order.objects.count() == 1

    def test_needs_a_key(self, ada: Caller) -> None:
        answer = ada.place(order_of(), key=None)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")

    def test_refuses_a_key_that_is_no_key(self, ada: Caller) -> None:
        for key in ("x" * 256, "a\x01b", "\u00e9", '"open'):
            answer = ada.place(order_of(), key=key)
            assert answer.status_code == 400, key
            assert answer.json()["code"] == "idempotency_key_malformed"
        assert not Order.objects.exists()

    def test_keeps_clients_apart(self, ada: Caller, grace: Caller) -> None:
        first, other = ada.place(order_of()), grace.place(order_of(("CUP", 1)))
        assert other.status_code == 201
        assert other.json()["id"] != first.json()["id"]

    def test_lets_a_refused_key_try_again(self, ada: Caller) -> None:
        assert ada.place(order_of(("GONE", 1))).status_code == 409
        Stock.objects.filter(sku="GONE").update(on_hand=1)
        assert ada.place(order_of(("GONE", 1))).status_code == 201


class TestExternalReference:
    def test_is_unique_per_client(self, ada: Caller, grace: Caller) -> None:
        first = ada.place(order_of(external_ref="A-1"))
        again = ada.place(order_of(external_ref="A-1"), key="another")
        assert again.status_code == 409
        assert again.json()["code"] == "external_ref_exists"
        assert again.json()["existing_id"] == first.json()["id"]
        assert again.json()["errors"][0]["pointer"] == "/external_ref"
        assert grace.place(order_of(external_ref="A-1")).status_code == 201


class TestGoodsToCome:
    """Goods that ship too late for a hold on a card."""

    @pytest.fixture
    def body(self, ada: Caller) -> dict[str, Any]:
        day = timezone.localdate() + timedelta(days=30)
        Product.objects.filter(sku="MUG").update(ships_from=day)
        return order_of(("MUG", 1))

    def test_wait_for_a_link_to_pay(self, ada: Caller, body: dict[str, Any]) -> None:
        got = ada.place(body).json()

        assert (got["status"], got["payment_status"]) == ("pending_payment", "unpaid")
        assert got["ships_from"] == str(timezone.localdate() + timedelta(days=30))
        assert "pay_url" not in got
        assert not PaymentAttempt.objects.exists()
        read = ada.get(f"orders/{got['id']}").json()
        assert (read["payment_status"], "pay_url" in read) == ("unpaid", False)

    def test_are_charged_where_the_customer_was_told(
        self, ada: Caller, body: dict[str, Any]
    ) -> None:
        got = ada.place({**body, "charge_at_order": True}).json()

        assert got["payment_status"] == "pending"
        assert PaymentAttempt.objects.get().mode == "server"
        assert Order.objects.get().payment_timing == "at_order"

    def test_show_their_day_in_the_catalogue(self, ada: Caller, body: dict[str, Any]) -> None:
        assert ada.get("products/MUG").json()["ships_from"] is not None
        assert ada.get("products/CUP").json()["ships_from"] is None

    @pytest.mark.parametrize("flag", [1, "true", None])
    def test_are_told_with_true_or_false_alone(
        self, ada: Caller, body: dict[str, Any], flag: object
    ) -> None:
        assert ada.place({**body, "charge_at_order": flag}).status_code == 400

    def test_are_the_only_goods_that_the_flag_is_for(self, ada: Caller) -> None:
        ada.place(order_of(charge_at_order=True))

        assert Order.objects.get().payment_timing == "at_shipment"


class TestDiscounts:
    @pytest.fixture(autouse=True)
    def ten(self, shop: None) -> Voucher:
        return Voucher.objects.create(
            code="TEN",
            name="A tenth off",
            kind="percent",
            rate_bp=1000,
            minimum_minor=1000,
            currency="GBP",
        )

    def test_stand_in_the_order_by_name(self, ada: Caller) -> None:
        placed = ada.place(order_of(voucher="ten", expected_total_minor=2015))
        assert placed.status_code == 201
        body = placed.json()
        assert (body["discount_minor"], body["total_minor"]) == (180, 2015)
        assert body["discounts"] == [
            {
                "source": "voucher",
                "name": "A tenth off",
                "code": "TEN",
                "amount_minor": 180,
                "on_shipping": False,
            }
        ]
        again = ada.get(f"orders/{body['id']}").json()
        assert again["discounts"] == body["discounts"]
        assert ada.get("orders").json()["data"][0]["discounts"] == body["discounts"]

    def test_a_refused_voucher_names_its_member_and_its_reason(self, ada: Caller) -> None:
        refused = ada.place(order_of(("CUP", 2), voucher="TEN"))
        assert refused.status_code == 422
        problem = refused.json()
        assert (problem["code"], problem["missing_minor"]) == ("voucher_refused", 100)
        (error,) = problem["errors"]
        assert (error["pointer"], error["reason"]) == ("/voucher", "below_minimum")
        assert "Add £1.00 more" in problem["detail"]

    def test_another_total_than_expected_places_nothing(self, ada: Caller) -> None:
        refused = ada.place(order_of(expected_total_minor=2000))
        assert refused.status_code == 409
        problem = refused.json()
        assert problem["code"] == "total_changed"
        assert (problem["expected_total_minor"], problem["total_minor"]) == (2000, 2195)
        assert problem["errors"][0]["pointer"] == "/expected_total_minor"
        assert not Order.objects.exists()

    def test_a_list_without_tax_has_it_put_on_top(self, ada: Caller) -> None:
        trade = PriceList.objects.create(
            code="trade", name="Trade", currency="GBP", tax_included=False
        )
        mug = Product.objects.get(sku="MUG")
        Price.objects.create(product=mug, price_list=trade, amount_minor=600)
        body = ada.place(order_of(price_list="trade")).json()
        assert body["tax_included"] is False
        assert (body["tax_minor"], body["total_minor"]) == (240 + 79, 1200 + 395 + 240 + 79)
        unknown = ada.place(order_of(price_list="other"), key='"key-2"').json()
        assert unknown["code"] == "unknown_price_list"
        assert unknown["errors"][0]["pointer"] == "/price_list"
