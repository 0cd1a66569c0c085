"""The client's own conduct: what it sends, when, over which connection, and what it keeps quiet."""

import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from django.test import override_settings

from fulfillment import gateways
from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    SubmitLine,
    WarehouseRejected,
    WarehouseUnavailable,
)
from globalmart.core import db
from tests.fulfillment.gateways.orders import ADA, REQUEST, request
from tests.fulfillment.gateways.raw_warehouse import (
    RawWarehouse,
    answering,
    http,
    not_found,
    resetting,
)

INVALID = {
    "empty reference": request(reference=""),
    "long reference": request(reference="x" * 65),
    "no lines": request(lines=()),
    "quantity 0": request(lines=(SubmitLine(1, "MUG", "Mug", 0),)),
    "quantity -1": request(lines=(SubmitLine(1, "MUG", "Mug", -1),)),
    "quantity 1e9": request(lines=(SubmitLine(1, "MUG", "Mug", 10**9),)),
    "quantity in words": request(lines=(SubmitLine(1, "MUG", "Mug", "xx"),)),  # type: ignore[arg-type]
    "unknown service": request(service="pigeon"),
    "country in full": request(ship_to=replace(ADA, country="United Kingdom")),
    "no location": request(location=""),
    "control character": request(ship_to=replace(ADA, name="Ada\x00")),
    "lone surrogate": request(ship_to=replace(ADA, name="Ada\ud800")),
    "endless name": request(ship_to=replace(ADA, name="A" * 501)),
}


class TestInvalidRequests:
    @pytest.mark.parametrize("kind", INVALID)
    def test_are_refused_before_a_byte_leaves(self, kind: str) -> None:
        with RawWarehouse(answering(not_found())) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            with pytest.raises(WarehouseRejected) as refusal:
                client.submit_order(INVALID[kind])

        assert refusal.value.code == "invalid_request"
        assert warehouse.connections == 0
        assert "Ada" not in str(refusal.value)

    def test_a_naive_since_is_a_programming_error(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            SoapWarehouse("http://127.0.0.1:9/", "oms", "wms").list_changes(
                "main",
                datetime(2026, 1, 1),  # noqa: DTZ001  that is the point
                "",
                10,
            )


class TestConnections:
    def test_a_closed_port_means_certainly_not_applied(self) -> None:
        with pytest.raises(WarehouseUnavailable):
            SoapWarehouse("http://127.0.0.1:9/", "oms", "wms").submit_order(REQUEST)

    def test_a_reset_after_the_request_leaves_the_outcome_unknown(self) -> None:
        with RawWarehouse(resetting) as warehouse, pytest.raises(OutcomeUnknown):
            SoapWarehouse(warehouse.url, "oms", "wms").submit_order(REQUEST)

        assert len(warehouse.requests) == 1

    def test_half_an_answer_leaves_the_outcome_unknown(self) -> None:
        def script(connection: socket.socket, _number: int) -> None:
            connection.sendall(not_found()[:-10])
            connection.shutdown(socket.SHUT_RDWR)

        with RawWarehouse(script) as warehouse, pytest.raises(OutcomeUnknown):
            SoapWarehouse(warehouse.url, "oms", "wms").get_order("FR-1")

    def test_one_connection_carries_many_calls(self) -> None:
        with RawWarehouse(answering(not_found())) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            for _ in range(5):
                assert client.get_order("FR-1") is None

        assert (len(warehouse.requests), warehouse.connections) == (5, 1)

    def test_a_connection_that_was_closed_meanwhile_is_noticed_before_sending(self) -> None:
        with RawWarehouse(answering(not_found())) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.get_order("FR-1")
            warehouse.hang_up()

            assert client.get_order("FR-2") is None

        assert (len(warehouse.requests), warehouse.connections) == (2, 2)

    def test_a_reset_on_a_kept_connection_is_not_retried(self) -> None:
        def script(connection: socket.socket, number: int) -> None:
            answering(not_found())(connection, number) if number == 1 else resetting(connection, 2)

        with RawWarehouse(script) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.get_order("FR-1")
            with pytest.raises(OutcomeUnknown):
                client.submit_order(REQUEST)

        assert (len(warehouse.requests), warehouse.connections) == (2, 1)

    def test_a_server_that_closes_is_asked_over_a_new_connection(self) -> None:
        answer = not_found().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        with RawWarehouse(answering(answer)) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.get_order("FR-1")
            client.get_order("FR-2")

        assert warehouse.connections == 2

    def test_a_forked_child_leaves_the_parents_connection_alone(self) -> None:
        with RawWarehouse(answering(not_found())) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.get_order("FR-1")
            child = os.fork()
            if child == 0:
                os._exit(0 if client.get_order("FR-2") is None else 1)
            assert os.waitpid(child, 0)[1] == 0
            client.get_order("FR-3")

        assert warehouse.connections == 2


class TestConduct:
    def test_nothing_is_sent_while_a_transaction_is_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "in_real_transaction", lambda: True)
        with RawWarehouse(answering(not_found())) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            for call in (
                lambda: client.submit_order(REQUEST),
                lambda: client.get_order("FR-1"),
                lambda: client.list_changes("main", None, "", 1),
                lambda: client.cancel_order("FR-1", ""),
                lambda: client.stock_snapshot("main"),
                lambda: client.stock_deltas("main", "", 1),
                lambda: client.return_receipts("main", "", 1),
            ):
                with pytest.raises(db.NetworkInTransaction):
                    call()

        assert warehouse.connections == 0

    def test_envelopes_are_never_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        logging.getLogger("zeep").setLevel(logging.DEBUG)
        broken = answering(http("<broken", "500 Error"))
        with RawWarehouse(broken) as warehouse, pytest.raises(OutcomeUnknown) as unknown:
            SoapWarehouse(warehouse.url, "oms", "wms").submit_order(REQUEST)

        assert "Ada" not in caplog.text
        assert "broken" not in caplog.text + str(unknown.value)

    def test_threads_share_one_client(self) -> None:
        def echo(connection: socket.socket, _number: int) -> None:
            body = warehouse.latest[connection].decode()
            reference = body.split("reference>")[1].partition("<")[0]
            connection.sendall(
                http(
                    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
                    '<GetOrderResponse xmlns="urn:globalmart:wms:v1"><found>true</found><order>'
                    f"<reference>{reference}</reference><wmsNumber>W-{reference}</wmsNumber>"
                    "<status>received</status><shipments/></order></GetOrderResponse>"
                    "</e:Body></e:Envelope>"
                )
            )

        def ask(number: int) -> str:
            order = client.get_order(f"FR-{number}")
            return order.wms_number if order else ""

        with RawWarehouse(echo) as warehouse, ThreadPoolExecutor(8) as threads:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            answers = list(threads.map(ask, range(120)))

        assert answers == [f"W-FR-{number}" for number in range(120)]
        assert warehouse.connections <= 8

    def test_only_the_bundled_files_can_be_read(self) -> None:
        client = SoapWarehouse("http://127.0.0.1:9/", "oms", "wms")

        for url in ("http://127.0.0.1:9/x.xsd", "/etc/passwd", "file:///etc/passwd"):
            with pytest.raises(ValueError, match="bundled"):
                client._transport.load(url)

    def test_an_address_without_a_scheme_is_refused(self) -> None:
        with pytest.raises(ValueError, match="http"):
            SoapWarehouse("warehouse.example/soap", "oms", "wms")


class TestCurrent:
    def test_is_built_once_for_all_threads(self) -> None:
        with ThreadPoolExecutor(8) as threads:
            found = set(threads.map(lambda _: id(gateways.current()), range(16)))

        assert len(found) == 1

    def test_follows_the_settings(self) -> None:
        with (
            RawWarehouse(answering(not_found())) as warehouse,
            override_settings(WMS_URL=warehouse.url, WMS_USERNAME="us", WMS_PASSWORD="pw"),
        ):
            assert gateways.current().get_order("FR-1") is None

        assert b"Authorization: Basic dXM6cHc=" in warehouse.requests[0]
