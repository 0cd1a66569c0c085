"""The contract served by a SOAP server that is not ours: node's `soap`, from the bundled WSDL."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from fulfillment.gateways.soap import WSDL_PATH, SoapWarehouse
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    StockLevel,
    SubmitLine,
    WarehouseLine,
    WarehouseUnavailable,
)
from tests.fulfillment.gateways.orders import REQUEST

SOURCE = Path(__file__).with_name("node_warehouse")
# Kept between runs, and apart for each lock file.
CACHE = Path(__file__).resolve().parents[3] / "var" / "node_warehouse"
INSTALL_SECONDS = 60
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0")


def installed() -> Path:
    """Return the folder with the server's packages; skip where they cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node and npm are not installed here: no foreign SOAP server to talk to.")
    lock = SOURCE / "package-lock.json"
    folder = CACHE / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    if (folder / "complete").exists():
        return folder
    scratch = CACHE / f"{folder.name}.{os.getpid()}"
    scratch.mkdir(parents=True)
    try:
        for name in ("package.json", lock.name):
            shutil.copy(SOURCE / name, scratch)
        subprocess.run(
            INSTALL, cwd=scratch, check=True, capture_output=True, timeout=INSTALL_SECONDS
        )
        (scratch / "complete").touch()
        scratch.rename(folder)
    except (OSError, subprocess.SubprocessError) as error:
        # Another process may have been first; what it serves from stays as it is.
        if (folder / "complete").exists():
            return folder
        pytest.skip(f"npm could not install the foreign SOAP server: {type(error).__name__}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = ["node", str(SOURCE / "server.js"), str(WSDL_PATH), "oms", "wms"]
    environment = os.environ | {"NODE_PATH": str(installed() / "node_modules")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        word, _, port = server.stdout.readline().strip().partition(" ")
        try:
            assert word == "ready", "the server did not start"
            yield f"http://127.0.0.1:{port}/soap"
        finally:
            server.kill()


@pytest.fixture
def client(url: str) -> Iterator[SoapWarehouse]:
    client = SoapWarehouse(url, "oms", "wms")
    yield client
    client.close()


@pytest.fixture
def reference() -> str:
    return f"FR-{uuid4().hex[:12]}"


class TestOrders:
    def test_submit_and_submit_again(self, client: SoapWarehouse, reference: str) -> None:
        first = client.submit_order(replace(REQUEST, reference=reference))
        again = client.submit_order(replace(REQUEST, reference=reference))

        assert (first.result, again.result) == ("accepted", "duplicate")
        assert first.wms_number == again.wms_number != ""

    def test_a_refusal_names_its_code(self, client: SoapWarehouse, reference: str) -> None:
        line = SubmitLine(1, "UNKNOWN", "?", 1)
        answer = client.submit_order(replace(REQUEST, reference=reference, lines=(line,)))

        assert (answer.result, answer.code) == ("rejected", "unknown_sku")

    def test_get(self, client: SoapWarehouse, reference: str) -> None:
        assert client.get_order(reference) is None
        number = client.submit_order(replace(REQUEST, reference=reference)).wms_number

        found = client.get_order(reference)

        assert found is not None
        assert (found.reference, found.wms_number, found.status) == (reference, number, "received")
        assert found.lines == (WarehouseLine("85123A", 2, 0), WarehouseLine("MUG", 6, 0))
        assert found.shipments == ()

    def test_cancel(self, client: SoapWarehouse, reference: str) -> None:
        assert client.cancel_order(reference, "no more").result == "not_found"
        client.submit_order(replace(REQUEST, reference=reference))

        assert client.cancel_order(reference, "no more").result == "cancelled"
        found = client.get_order(reference)
        assert found is not None
        assert found.status == "cancelled"

    def test_list(self, client: SoapWarehouse) -> None:
        house = uuid4().hex[:8]
        names = [f"FR-{house}-{number}" for number in range(3)]
        for name in names:
            client.submit_order(replace(REQUEST, reference=name, location=house))

        cursor, seen, more = "", [], True
        while more:
            page = client.list_changes(house, None, cursor, 2)
            seen += [order.reference for order in page.orders]
            cursor, more = page.next_cursor, page.has_more

        assert seen == names
        assert client.list_changes(house, None, cursor, 2).orders == ()


class TestStock:
    def test_count(self, client: SoapWarehouse) -> None:
        assert client.stock_snapshot("main").items == (StockLevel("MUG", 7),)

    def test_changes(self, client: SoapWarehouse) -> None:
        delta = client.stock_deltas("main", "", 10).deltas[0]

        assert (delta.sku, delta.change, delta.reason) == ("MUG", -2, "damaged")

    def test_returns(self, client: SoapWarehouse) -> None:
        receipt = client.return_receipts("main", "", 10).receipts[0]

        assert (receipt.rma, receipt.reference, receipt.condition) == ("RMA-1", "", "sellable")


class TestFailures:
    def test_a_fault_of_its_own_leaves_the_outcome_unknown(self, client: SoapWarehouse) -> None:
        with pytest.raises(OutcomeUnknown, match="fault of its own"):
            client.get_order("FAULT")

    def test_strangers_are_turned_away(self, url: str) -> None:
        with pytest.raises(WarehouseUnavailable, match="401"):
            SoapWarehouse(url, "oms", "guess").get_order("FR-1")
