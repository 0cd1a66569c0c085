"""The whole stack, small sizes. The full sizes are `make proof-recovery` and `make proof-money`."""

from uuid import uuid4

import pytest

from globalmart.sandbox.stack import Stack
from tests.journeys import ambiguity, scenarios
from tests.journeys.bad_input import REFUSED
from tests.journeys.shop import Shop, order_body

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    return Shop(stack.environment)


class TestOrder:
    def test_is_paid_shipped_captured_and_told(self, shop: Shop) -> None:
        (placed,) = shop.place_many(1, label=uuid4().hex)

        left = shop.wait_until_final([placed["id"]], seconds=60)

        assert not left
        order = shop.get(f"/api/v1/orders/{placed['id']}").json()
        assert (order["status"], order["payment_status"]) == ("completed", "paid")
        assert order["fulfillment_status"] == "fulfilled"
        assert order["shipments"][0]["tracking_number"]

    def test_is_one_whoever_submits_it_at_once(self, shop: Shop) -> None:
        assert scenarios.submit_at_once(shop, senders=20)["201"] == 1

    def test_is_refused_when_sold_out_and_only_then(self, shop: Shop) -> None:
        _, units = shop.scarce()

        figures = scenarios.rush_for_scarce(shop, buyers=units + 10)

        assert figures["sold"] == units


class TestRefusal:
    @pytest.mark.parametrize("name", REFUSED)
    def test_names_the_field_and_leaves_no_row(self, shop: Shop, name: str) -> None:
        raw, pointer = REFUSED[name]
        sku = shop.plentiful(1)[0]
        key = uuid4().hex

        answer = shop.post_order(key=key, raw=raw.replace(b'"SKU"', f'"{sku}"'.encode()))

        assert 400 <= answer.status_code < 500, answer.text[:300]
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        pointers = [error["pointer"] for error in answer.json().get("errors", [])]
        assert not pointer or pointer in pointers, answer.text[:500]
        assert shop.query("SELECT 1 FROM core_idempotencykey WHERE key = %s", [key]) == []

    def test_of_one_key_lets_it_try_again(self, shop: Shop) -> None:
        sku, key = shop.plentiful(1)[0], uuid4().hex
        refused = shop.post_order(key=key, body=order_body([{"sku": sku, "quantity": 0}]))

        accepted = shop.post_order(key=key, body=order_body([{"sku": sku, "quantity": 1}]))

        assert (refused.status_code, accepted.status_code) == (400, 201)


class TestBreakdown:
    def test_of_redis_and_all_workers_loses_nothing(self, shop: Shop) -> None:
        assert scenarios.lose_redis_and_workers(shop, orders=10)["orders"] == 10

    def test_of_redis_does_not_stop_placing(self, shop: Shop) -> None:
        assert scenarios.stop_redis(shop, seconds=3, orders=8)["audit findings"] == 0

    def test_of_the_relay_does_not_stop_placing(self, shop: Shop) -> None:
        assert scenarios.stop_relay(shop, orders=8)["audit findings"] == 0


class TestAmbiguousStripe:
    def test_charges_each_order_once(self, shop: Shop) -> None:
        figures = ambiguity.ambiguous_stripe(shop, orders=6)

        assert figures["orders charged once"] == 6
