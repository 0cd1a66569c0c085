"""What a bad answer costs: memory, time, and what it makes us tell of a customer."""

import gc
import logging
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import OutcomeUnknown, WarehouseRejected, WarehouseUnavailable
from tests.fulfillment.gateways.orders import ADA, REQUEST
from tests.fulfillment.gateways.raw_warehouse import (
    RawWarehouse,
    Script,
    answering,
    envelope,
    http,
    not_found,
    resetting,
)

MB = 1024 * 1024
MOST_GROWTH = 100 * MB
DEADLINE = 2.0
WMS = 'xmlns="urn:globalmart:wms:v1"'
HEAD = f"<GetOrderResponse {WMS}><found>true</found><order>"
NAMES = "<reference>FR-1</reference><wmsNumber>W1</wmsNumber><status>packed</status>"
ORDER = f"{HEAD}{NAMES}<shipments/></order></GetOrderResponse>"


def in_pieces(head: bytes, piece: bytes, times: int) -> Script:
    """Send a long answer without ever holding it."""

    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(head)
        for _ in range(times):
            connection.sendall(piece)

    return script


def dripping(beginning: bytes) -> Script:
    """One byte now and then, for ever."""

    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(beginning)
        while True:
            time.sleep(0.1)
            connection.sendall(b" ")

    return script


def filled(piece: str, *, head: str = HEAD, tail: str = "") -> Script:
    """An answer as large as we read, of many times the same."""
    return answering(http(envelope(head + piece * (990_000 // len(piece)) + tail)))


def laughs(levels: int, body: str = ORDER) -> str:
    entities = '<!ENTITY l0 "haha">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels)
    )
    return f"<!DOCTYPE lol [{entities}]>" + envelope(body.replace("W1", f"&l{levels - 1};"))


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 31457280\r\n\r\n"
LONG_ERROR = b"HTTP/1.1 500 Error\r\nContent-Length: 31457280\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LINE = '<line lineNo="1" sku="M" ordered="1" shipped="0"/>'
SHIPMENT = (
    "<shipment><shipmentId>1</shipmentId><carrier/><trackingNumber/><trackingUrl/>"
    "<shippedAt>2026-11-22T00:00:00Z</shippedAt>"
    '<items><item sku="M" quantity="1"/></items></shipment>'
)
HOSTILE: dict[str, Script] = {
    "30 MB": in_pieces(LONG, b"<a>" * 21845, 480),
    "30 MB under an error status": in_pieces(LONG_ERROR, b" " * 65536, 480),
    "30 MB in chunks": in_pieces(CHUNKED, b"8000\r\n" + b"x" * 0x8000 + b"\r\n", 960),
    "headers without end": in_pieces(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60000 + b"\r\n", 500),
    "one byte now and then": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"),
    "a header now and then": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "malformed": answering(http(envelope(ORDER)[:-30])),
    "half a million elements": filled("<a/>"),
    "as deep as it goes": filled("<a>"),
    "a hundred thousand attributes": answering(
        http(envelope("<a " + " ".join(f"b{n}='' " for n in range(90_000)) + "/>"))
    ),
    "one endless name": answering(http(envelope(f"<{'a' * 900_000}/>"))),
    "external entity": answering(
        http('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + envelope(ORDER))
    ),
    "a billion laughs": answering(http(laughs(10))),
    "a quadratic laugh": answering(
        http(f'<!DOCTYPE x [<!ENTITY a "{"a" * 400_000}">]>' + envelope("&a;" * 100_000))
    ),
    "laughs in another encoding": answering(
        http(('<?xml version="1.0" encoding="UTF-16"?>' + laughs(10)).encode("utf-16"))
    ),
    "wrong namespace": answering(http(envelope(ORDER.replace(":v1", ":v2")))),
}


def peak() -> int:
    """Return the most memory that this process has held since `forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak() -> int:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def cost(script: Script, ask: Callable[[SoapWarehouse], object]) -> tuple[int, float]:
    """Return by how many bytes the process grew meanwhile, and how long it took."""
    with RawWarehouse(script) as warehouse:
        client = SoapWarehouse(warehouse.url, "oms", "wms", deadline_seconds=DEADLINE)
        before, started = forget_peak(), time.monotonic()
        ask(client)
        return peak() - before, time.monotonic() - started


def refuse(client: SoapWarehouse) -> None:
    with pytest.raises(OutcomeUnknown):
        client.get_order("FR-1")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestMemory:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_a_bad_answer_ends_in_time_and_costs_little(self, kind: str) -> None:
        growth, seconds = cost(HOSTILE[kind], refuse)

        assert growth < MOST_GROWTH
        assert seconds < DEADLINE + 1

    @pytest.mark.parametrize("content", [LINE, SHIPMENT])
    def test_so_does_a_good_one_of_the_greatest_size(self, content: str) -> None:
        if content == LINE:
            script = filled(
                LINE,
                head=f"{HEAD}{NAMES}<lines>",
                tail="</lines><shipments/></order></GetOrderResponse>",
            )
        else:
            script = filled(
                SHIPMENT,
                head=f"{HEAD}{NAMES}<shipments>",
                tail="</shipments></order></GetOrderResponse>",
            )

        growth, _ = cost(script, lambda client: client.get_order("FR-1"))

        assert growth < MOST_GROWTH

    def test_the_measure_sees_what_it_has_to(self) -> None:
        growth, _ = cost(answering(not_found()), lambda _: bytearray(b"x" * (150 * MB)))

        assert growth > MOST_GROWTH


# As a warehouse would that repeats what it was sent.
ECHO = f"{ADA.name.replace('&', 'and')} of {ADA.line1}, {ADA.phone}"
FAULT = (
    "<soap:Fault><faultcode>soap:{0}</faultcode><faultstring>{1}</faultstring><detail>"
    f"<WmsFault {WMS}><code>{{2}}</code><message>{{1}}</message></WmsFault></detail></soap:Fault>"
)
TALKATIVE: dict[str, Script] = {
    "refusal": answering(http(envelope(FAULT.format("Client", ECHO, ECHO)), "500 Error")),
    "fault": answering(http(envelope(FAULT.format("Server", ECHO, ECHO)), "500 Error")),
    "nonsense": answering(http(f"<html>{ECHO}")),
    "no HTTP": answering(f"{ECHO}\r\n\r\n".encode()),
    "a status in words": answering(f"HTTP/1.1 {ECHO}\r\n\r\n".encode()),
    "an error page": answering(http(ECHO, "502 Bad")),
    "turned away": answering(http(ECHO, f"503 {ECHO}")),
    "an invalid answer": answering(http(envelope(ORDER.replace("packed", ECHO)))),
    "an element of that name": answering(
        http(envelope(ORDER.replace("status", "".join(filter(str.isalnum, ADA.line1))[2:])))
    ),
    "document type": answering(http(f"<!DOCTYPE x><!-- {ECHO} -->" + envelope(ORDER))),
    "half": answering(http(ECHO)[:-4]),
    "reset": resetting,
    "silence": lambda _connection, _number: time.sleep(1),
}
# What nobody may find anywhere: what we know of the customer, and what the answer repeats.
PERSONAL = [part for part in astuple(ADA) if len(part) > 2]
PERSONAL += ["Lovelace", "James", "StJamess", "2071234567", "<soap", "Envelope"]


class TestPrivacy:
    @pytest.mark.parametrize("kind", TALKATIVE)
    def test_no_failure_tells_who_the_customer_is(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        for name in ("zeep", "urllib3", "fulfillment"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        with RawWarehouse(TALKATIVE[kind]) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms", deadline_seconds=0.5)
            with pytest.raises((WarehouseRejected, WarehouseUnavailable, OutcomeUnknown)) as told:
                client.submit_order(REQUEST)
            logging.getLogger("fulfillment").error("It failed", exc_info=told.value)

        told_text = caplog.text + "".join(traceback.format_exception(told.value))
        source = Path(__file__).name
        lines = [line for line in told_text.splitlines() if source not in line]
        found = {part for part in PERSONAL if part in "\n".join(lines)}
        assert found == set()
        assert ADA.name in str(REQUEST)

    def test_staff_still_read_why_the_warehouse_refused(self) -> None:
        script = TALKATIVE["refusal"]
        with RawWarehouse(script) as warehouse, pytest.raises(WarehouseRejected) as refusal:
            SoapWarehouse(warehouse.url, "oms", "wms").submit_order(REQUEST)

        assert refusal.value.message == ECHO
