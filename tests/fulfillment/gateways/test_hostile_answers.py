"""A warehouse is not trusted: whatever it answers, the client ends soon and claims nothing."""

import socket
import threading
import time

import pytest

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import OutcomeUnknown, WarehouseUnavailable
from tests.fulfillment.gateways.orders import REQUEST
from tests.fulfillment.gateways.raw_warehouse import (
    RawWarehouse,
    Script,
    answering,
    envelope,
    http,
    not_found,
)

WMS = 'xmlns="urn:globalmart:wms:v1"'
ACCEPTED = (
    f"<SubmitOrderResponse {WMS}><result>accepted</result><wmsNumber>W1</wmsNumber>"
    "<code/><message/></SubmitOrderResponse>"
)
LAUGHS = (
    '<!DOCTYPE lol [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


def submit(script: Script, *, deadline_seconds: float = 5.0) -> None:
    with RawWarehouse(script) as warehouse:
        client = SoapWarehouse(warehouse.url, "oms", "wms", deadline_seconds=deadline_seconds)
        try:
            client.submit_order(REQUEST)
        finally:
            assert len(warehouse.requests) == 1, "a request must never be sent twice"


MALFORMED = {
    "not XML": "<html><p>Service unavailable",
    "cut off": envelope(ACCEPTED)[:-20],
    "empty": "",
    "no envelope": ACCEPTED,
    "SOAP 1.2": envelope(ACCEPTED).replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    ),
    "empty body": envelope(""),
    "two messages": envelope(ACCEPTED + ACCEPTED),
    "another operation's": envelope(
        f"<GetOrderResponse {WMS}><found>false</found></GetOrderResponse>"
    ),
    "wrong namespace": envelope(ACCEPTED.replace("wms:v1", "wms:v2")),
    "unknown word": envelope(ACCEPTED.replace("accepted", "perhaps")),
    "missing element": envelope(ACCEPTED.replace("<wmsNumber>W1</wmsNumber>", "")),
    "no number": envelope(ACCEPTED.replace("<wmsNumber>W1</wmsNumber>", "<wmsNumber/>")),
    "document type": "<!DOCTYPE x>" + envelope(ACCEPTED),
    "billion laughs": LAUGHS + envelope(ACCEPTED.replace("W1", "&c;")),
    "processing instruction": envelope("<?evil do?>" + ACCEPTED),
    "include": envelope(
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    ),
}


class TestMalformedAnswers:
    @pytest.mark.parametrize("kind", MALFORMED)
    def test_leave_the_outcome_unknown(self, kind: str) -> None:
        with pytest.raises(OutcomeUnknown):
            submit(answering(http(MALFORMED[kind])))

    @pytest.mark.parametrize("kind", ["document type", "billion laughs", "processing instruction"])
    def test_are_refused_before_any_parser_sees_them(self, kind: str) -> None:
        with pytest.raises(OutcomeUnknown, match="a document type or a processing instruction"):
            submit(answering(http(MALFORMED[kind])))

    def test_of_another_operation_are_named_so(self) -> None:
        with pytest.raises(OutcomeUnknown, match="does not belong to SubmitOrder"):
            submit(answering(http(MALFORMED["another operation's"])))

    def test_the_answer_they_are_made_from_is_good(self) -> None:
        submit(answering(http(envelope(ACCEPTED))))

    def test_another_encoding_hides_no_document_type(self) -> None:
        text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x>' + envelope(ACCEPTED)

        with pytest.raises(OutcomeUnknown):
            submit(answering(http(text.encode("utf-16"))))

    def test_an_external_entity_is_not_fetched(self) -> None:
        with RawWarehouse(answering(not_found())) as elsewhere:
            text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{elsewhere.url}">]>' + envelope(
                ACCEPTED.replace("W1", "&e;")
            )
            with pytest.raises(OutcomeUnknown):
                submit(answering(http(text)))

        assert elsewhere.connections == 0

    def test_a_compressed_answer_is_refused(self) -> None:
        with pytest.raises(OutcomeUnknown, match="compressed"):
            submit(answering(http(envelope(ACCEPTED), "200 OK", "Content-Encoding: gzip")))


class TestOversizeAnswers:
    def test_a_long_body_is_not_read_to_its_end(self) -> None:
        def script(connection: socket.socket, _number: int) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 31457280\r\n\r\n")
            for _ in range(480):
                connection.sendall(b" " * 65536)

        started = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="larger than"):
            submit(script)

        assert time.monotonic() - started < 5

    def test_a_chunked_body_has_the_same_cap(self) -> None:
        def script(connection: socket.socket, _number: int) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(40):
                connection.sendall(b"8000\r\n" + b" " * 0x8000 + b"\r\n")

        with pytest.raises(OutcomeUnknown, match="larger than"):
            submit(script)

    def test_endless_headers_end(self) -> None:
        with pytest.raises(OutcomeUnknown):
            submit(answering(b"HTTP/1.1 200 OK\r\n" + b"X-Pad: y\r\n" * 500))


class TestSlowAnswers:
    @pytest.mark.parametrize(
        "beginning",
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "],
        ids=["body", "header"],
    )
    def test_dripping_ends_at_the_deadline(self, beginning: bytes) -> None:
        stopped = threading.Event()

        def script(connection: socket.socket, _number: int) -> None:
            connection.sendall(beginning)
            while not stopped.wait(0.05):
                connection.sendall(b"a")

        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            submit(script, deadline_seconds=0.5)
        stopped.set()

        assert 0.4 < time.monotonic() - started < 4

    def test_silence_ends_at_the_deadline(self) -> None:
        with pytest.raises(OutcomeUnknown):
            submit(lambda _connection, _number: time.sleep(1), deadline_seconds=0.3)


class TestStatuses:
    @pytest.mark.parametrize("status", ["401 No", "403 No", "404 No", "429 Later", "503 Later"])
    def test_turned_away_at_the_door_is_certainly_not_applied(self, status: str) -> None:
        with pytest.raises(WarehouseUnavailable):
            submit(answering(http("<html>", status)))

    def test_a_redirect_is_not_followed(self) -> None:
        with RawWarehouse(answering(not_found())) as elsewhere:
            answer = http("", "302 Found", f"Location: {elsewhere.url}")
            with pytest.raises(WarehouseUnavailable):
                submit(answering(answer))

        assert elsewhere.connections == 0

    @pytest.mark.parametrize("status", ["500 Error", "502 Bad", "504 Late", "201 Made", "400 Bad"])
    def test_every_other_status_leaves_the_outcome_unknown(self, status: str) -> None:
        with pytest.raises(OutcomeUnknown):
            submit(answering(http(envelope(ACCEPTED), status)))
