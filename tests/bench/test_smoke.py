"""That the benchmark runs, and that intake has not become slower by a multiple."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from globalmart.sandbox import postgres
from globalmart.sandbox.stack import Stack
from tests.bench import ceiling
from tests.bench.client import Tally
from tests.bench.crowd import Crowd, go
from tests.bench.ground import NotDurable, refuse_forgetful
from tests.bench.meter import cpu_seconds
from tests.journeys.shop import Shop, order_body

pytestmark = pytest.mark.stack

BUYERS = 4
# Orders a second to the ceiling's: 0.05 and more was measured beside other tests.
LEAST_SHARE = 0.015
# Processor time of an order in the web server, to that of an answer that asks nobody: 9 to 11.
MOST_TIMES = 30


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    shop = Shop(stack.environment)
    url = shop.environment["DATABASE_URL"]
    ceiling.prepare(url)
    yield shop
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA ceiling CASCADE")


def visit(stack: Stack, script: str, parameters: dict[str, Any]) -> tuple[Tally, float]:
    """Let buyers follow a script for two seconds; return what they saw, and web's CPU seconds."""
    crowd = Crowd(script, port_of(stack), BUYERS, parameters, seconds=2, warmup=0.5)
    tally, before, after = go(crowd, read=lambda: cpu_seconds(stack.supervisor.pids())["web"])
    assert tally.units
    assert not tally.refusals
    return tally, after - before


def port_of(stack: Stack) -> int:
    return int(stack.base_url.rpartition(":")[2])


def orders_of_three(shop: Shop) -> dict[str, Any]:
    """Return what the script `place` needs: orders whose payment is planned and not yet due."""
    skus = shop.plentiful(30)
    orders = (
        order_body([{"sku": sku, "quantity": 1} for sku in skus[start::10]], payment_method=None)
        for start in range(10)
    )
    key = shop.environment["GM_API_KEY"]
    return {"api_key": key, "bodies": [json.dumps(order) for order in orders]}


class TestIntake:
    def test_keeps_its_distance_to_the_ceiling_and_to_an_empty_answer(
        self, stack: Stack, shop: Shop
    ) -> None:
        best = ceiling.measure(
            binaries=postgres.find_binaries(),
            url=shop.environment["DATABASE_URL"],
            clients=BUYERS,
            seconds=2,
            script="steps",
        )
        empty, empty_cpu = visit(stack, "get", {"paths": ["/livez"], "headers": {}})
        placed, placed_cpu = visit(stack, "place", orders_of_three(shop))

        assert placed.units_in_time / placed.seconds / best >= LEAST_SHARE
        assert placed_cpu / len(placed.units) <= MOST_TIMES * empty_cpu / len(empty.units)


class TestCrowd:
    def test_counts_refusals_by_their_code(self, stack: Stack) -> None:
        parameters = {"api_key": "gm_test_no", "bodies": ["{}"]}

        tally, _, _ = go(Crowd("place", port_of(stack), 3, parameters), read=lambda: None)

        assert not tally.units
        assert tally.statuses == {"place 401": 3}
        assert sum(tally.refusals.values()) == 3


class TestGround:
    def test_refuses_a_server_that_may_forget(self, shop: Shop) -> None:
        url = shop.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
            try:
                with pytest.raises(NotDurable, match="synchronous_commit"):
                    refuse_forgetful(url)
            finally:
                connection.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit')
