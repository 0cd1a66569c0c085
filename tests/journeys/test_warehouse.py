"""The whole stack and a bad warehouse, small sizes. The full ones are `make proof-warehouse`."""

import pytest

from globalmart.sandbox.stack import Stack
from tests.journeys import warehouse
from tests.journeys.shop import Shop

pytestmark = pytest.mark.stack
# What was certainly not applied, and is looked for twice a minute apart, is left to the proof.
SUBMISSIONS = {
    "drop_after_apply": 0.2,
    "error_after_apply": 0.1,
    "fault_after_apply": 0.1,
    "malformed": 0.1,
    "external_entity": 0.05,
    "billion_laughs": 0.05,
    "huge": 0.05,
}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    return Shop(stack.environment)


class TestHostileWarehouse:
    def test_gets_each_request_once(self, shop: Shop) -> None:
        figures = warehouse.hostile_warehouse(
            shop, orders=8, submissions=SUBMISSIONS, lag_seconds=2
        )

        assert figures["requests that are there twice"] == 0


class TestOutage:
    def test_ends_with_everything_shipped(self, shop: Shop) -> None:
        assert warehouse.warehouse_down(shop, orders=8)["audit findings"] == 0


class TestCancellation:
    def test_against_a_parcel_has_one_winner(self, shop: Shop) -> None:
        figures = warehouse.cancel_against_ship(shop, times=10)

        assert figures["shipped although cancelled"] == 0
