"""What holds a call to the warehouse back before it leaves, and what is learnt from its answers."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fulfillment import gateways
from fulfillment.gateways import guarded
from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import OutcomeUnknown, WarehouseRejected, WarehouseUnavailable
from globalmart.core import guard as core_guard
from globalmart.core.guard import Guard
from globalmart.core.resilience import Breaker
from tests.fulfillment.gateways.orders import REQUEST, request
from tests.fulfillment.gateways.raw_warehouse import (
    RawWarehouse,
    Script,
    answering,
    http,
    not_found,
    resetting,
)

REFUSAL = http(
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    "<faultcode>s:Client</faultcode><faultstring>No.</faultstring></s:Fault></s:Body>"
    "</s:Envelope>",
    "500 Error",
)
FAILURES: dict[str, tuple[Script, type[Exception]]] = {
    "unavailable": (answering(http("", "503 Later")), WarehouseUnavailable),
    "reset": (resetting, OutcomeUnknown),
    "nonsense": (answering(http("<html>")), OutcomeUnknown),
    "a status of its own": (answering(http("", "500 Error")), OutcomeUnknown),
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    guarded.guard.cache_clear()
    gateways._build.cache_clear()
    yield
    guarded.guard.cache_clear()
    gateways._build.cache_clear()


def make_guard(**changes: Any) -> Guard:
    """A guard without a limit."""
    usual: dict[str, Any] = {"share": lambda _door: 0.0, "places": 8, "places_for": "all"}
    return Guard(name="the warehouse", **(usual | changes))


def guarded_client(warehouse: RawWarehouse, guard: Guard) -> SoapWarehouse:
    return SoapWarehouse(warehouse.url, "oms", "wms", guard=guard)


class TestBreaker:
    @pytest.mark.parametrize("kind", FAILURES)
    def test_opens_when_the_warehouse_fails_and_then_nothing_leaves(self, kind: str) -> None:
        script, error = FAILURES[kind]
        guard = make_guard()
        with RawWarehouse(script) as warehouse:
            client = guarded_client(warehouse, guard)
            for _ in range(5):
                with pytest.raises(error):
                    client.get_order("FR-1")
            sent = len(warehouse.requests)
            with pytest.raises(WarehouseUnavailable, match="breaker_open") as held:
                client.submit_order(REQUEST)

        assert sent == len(warehouse.requests) == 5
        assert 0 < (held.value.retry_after or 0) <= 12
        assert guard.is_open

    def test_takes_a_refusal_for_an_answer(self) -> None:
        guard = make_guard()
        with RawWarehouse(answering(REFUSAL)) as warehouse:
            client = guarded_client(warehouse, guard)
            for _ in range(12):
                with pytest.raises(WarehouseRejected):
                    client.submit_order(REQUEST)

        assert len(warehouse.requests) == 12
        assert guard.snapshot()["breaker"]["failures"] == 0

    def test_learns_nothing_from_a_request_that_never_left(self) -> None:
        guard = make_guard()
        with RawWarehouse(answering(not_found())) as warehouse, pytest.raises(WarehouseRejected):
            guarded_client(warehouse, guard).submit_order(request(reference=""))

        assert guard.snapshot()["breaker"]["calls"] == 0

    def test_closes_when_the_warehouse_is_up_again(self) -> None:
        moment = [0.0]
        breaker = Breaker(name="w", clock=lambda: moment[0], dice=lambda _low, _high: 1.0)
        guard = make_guard(breaker=breaker)

        def script(connection: Any, number: int) -> None:
            connection.sendall(http("", "503 Later") if number <= 5 else not_found())

        with RawWarehouse(script) as warehouse:
            client = guarded_client(warehouse, guard)
            for _ in range(5):
                with pytest.raises(WarehouseUnavailable):
                    client.get_order("FR-1")
            moment[0] += 10.5
            assert client.get_order("FR-1") is None

        assert breaker.snapshot()["state"] == "closed"


class TestRateLimit:
    def test_is_one_for_all_operations_and_certainly_not_applied(self) -> None:
        guard = make_guard(share=lambda _door: 0.1)
        with RawWarehouse(answering(not_found())) as warehouse:
            client = guarded_client(warehouse, guard)
            client.get_order("FR-1")
            with pytest.raises(WarehouseUnavailable, match="rate_limited") as held:
                client.cancel_order("FR-1", "")

        assert len(warehouse.requests) == 1
        assert (held.value.retry_after or 0) > 5

    def test_slows_calls_down_to_it(self) -> None:
        guard = make_guard(share=lambda _door: 20.0)
        with RawWarehouse(answering(not_found())) as warehouse:
            client = guarded_client(warehouse, guard)
            started = time.monotonic()
            for _ in range(11):
                client.get_order("FR-1")

        # The first is free.
        assert 0.45 <= time.monotonic() - started < 3

    def test_is_shared_out_over_the_processes_that_call(self, settings: Any) -> None:
        settings.WMS_RATE_PER_SECOND, settings.WMS_WORKERS = 20.0, 4

        assert guarded.share_of(guarded.DOOR) == 5.0
        settings.WMS_RATE_PER_SECOND = 0
        assert guarded.share_of(guarded.DOOR) == 0

    def test_rests_when_the_warehouse_asks_for_it(self) -> None:
        guard = make_guard()
        slow_down = answering(http("", "429 Slow down"))
        with RawWarehouse(slow_down) as warehouse, pytest.raises(WarehouseUnavailable, match="429"):
            guarded_client(warehouse, guard).get_order("FR-1")

        assert guard.snapshot()["endpoints"][guarded.DOOR]["rests_seconds"] > 0.5
        assert guard.snapshot()["breaker"]["failures"] == 0


class TestBulkhead:
    def test_no_more_calls_are_under_way_than_there_are_places(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(core_guard, "WORKER_WAIT_SECONDS", 0.05)
        guard = make_guard(places=1)
        arrived, go_on = threading.Event(), threading.Event()

        def script(connection: Any, _number: int) -> None:
            arrived.set()
            go_on.wait(5)
            connection.sendall(not_found())

        with RawWarehouse(script) as warehouse:
            client = guarded_client(warehouse, guard)
            first = threading.Thread(target=client.get_order, args=("FR-1",))
            first.start()
            arrived.wait(5)
            with pytest.raises(WarehouseUnavailable, match="busy"):
                client.get_order("FR-2")
            go_on.set()
            first.join()
            assert client.get_order("FR-2") is None

        assert len(warehouse.requests) == 2


class TestCurrent:
    def test_passes_the_process_s_guard(self, settings: Any) -> None:
        with RawWarehouse(answering(http("", "503 Later"))) as warehouse:
            settings.WMS_URL = warehouse.url
            assert not gateways.is_open()
            for _ in range(5):
                with pytest.raises(WarehouseUnavailable, match="503"):
                    gateways.current().get_order("FR-1")

            assert gateways.is_open()
            assert gateways.snapshot()["breaker"]["state"] == "open"
