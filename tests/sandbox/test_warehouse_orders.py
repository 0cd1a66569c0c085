"""The pretended warehouse through our own client: its answers pass the contract's schema."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import (
    StockLevel,
    SubmitLine,
    WarehouseOrder,
    WarehouseRejected,
    WarehouseUnavailable,
)
from tests.fulfillment.gateways.orders import request
from tests.sandbox.vendor_process import VendorProcess, wait_for

SLOW, FAST = 3600.0, 0.0


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorProcess]:
    folder = tmp_path_factory.mktemp("warehouse")
    with VendorProcess("warehouse", folder, "--ship-after", "3600") as process:
        yield process


@pytest.fixture
def client(warehouse: VendorProcess) -> Iterator[SoapWarehouse]:
    warehouse.control("clock", {"ship_after": SLOW})
    client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
    yield client
    client.close()


def new_order(client: SoapWarehouse, **changes: object) -> str:
    reference = f"FR-{uuid4().hex[:12]}"
    answer = client.submit_order(request(reference=reference, **changes))
    assert answer.result == "accepted"
    return reference


def order(client: SoapWarehouse, reference: str) -> WarehouseOrder:
    found = client.get_order(reference)
    assert found is not None
    return found


class TestSubmitting:
    def test_the_same_reference_again_is_a_duplicate_with_the_same_number(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        reference = new_order(client)
        number = order(client, reference).wms_number

        again = client.submit_order(request(reference=reference, order_number="GM-OTHER"))

        assert (again.result, again.wms_number) == ("duplicate", number)
        sql = "SELECT * FROM book_warehouse_orders WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [(reference, number, "received", 2)]

    def test_a_sku_that_is_not_kept_is_rejected_and_the_reference_stays_free(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        reference = f"FR-{uuid4().hex[:12]}"
        warehouse.control("unknown_skus", {"MUG": True})
        refusal = client.submit_order(request(reference=reference))
        warehouse.control("unknown_skus", {"MUG": False})

        assert (refusal.result, refusal.code) == ("rejected", "unknown_sku")
        assert client.get_order(reference) is None
        assert client.submit_order(request(reference=reference)).result == "accepted"

    def test_a_line_number_that_comes_twice_is_rejected(self, client: SoapWarehouse) -> None:
        twice = (SubmitLine(1, "MUG", "Mug", 1), SubmitLine(1, "MUG", "Mug", 2))

        refusal = client.submit_order(request(reference=f"FR-{uuid4().hex[:12]}", lines=twice))

        assert (refusal.result, refusal.code) == ("rejected", "duplicate_line")

    def test_wrong_credentials_are_turned_away(self, warehouse: VendorProcess) -> None:
        stranger = SoapWarehouse(f"{warehouse.url}/soap", "oms", "guess")

        with pytest.raises(WarehouseUnavailable, match="401"):
            stranger.get_order("FR-1")

    @pytest.mark.parametrize(
        "body",
        [b"<broken", b"", b"<!DOCTYPE x><x/>", b"<x/>"],
        ids=["broken", "empty", "document type", "no envelope"],
    )
    def test_what_is_no_soap_gets_a_client_fault(
        self, warehouse: VendorProcess, body: bytes
    ) -> None:
        headers = {"Authorization": "Basic b21zOndtcw=="}

        status, _, answer = warehouse.call("POST", "/soap", body, headers)

        assert status == 500
        assert b"<faultcode>soap:Client</faultcode>" in answer

    def test_what_breaks_the_schema_gets_a_client_fault(self, client: SoapWarehouse) -> None:
        client._transport._envelopes.check_request = lambda _: None  # type: ignore[method-assign]

        with pytest.raises(WarehouseRejected) as refusal:
            client.submit_order(request(lines=(SubmitLine(1, "MUG", "Mug", 0),)))

        assert refusal.value.code == "invalid_request"


class TestTheClock:
    def test_picks_packs_and_ships(self, warehouse: VendorProcess, client: SoapWarehouse) -> None:
        reference = new_order(client, service="express")
        assert order(client, reference).status == "received"

        warehouse.control("clock", {"ship_after": FAST})
        shipped = order(client, reference)

        parcel = shipped.shipments[0]
        assert shipped.status == "shipped"
        assert {item.sku: item.quantity for item in parcel.lines} == {"85123A": 2, "MUG": 6}
        assert parcel.carrier == "Northwind Express"
        assert parcel.tracking_number in parcel.tracking_url
        assert abs(parcel.shipped_at - datetime.now(UTC)) < timedelta(seconds=30)
        sql = "SELECT status FROM changes WHERE reference = ? ORDER BY position"
        steps = warehouse.rows(sql, reference)
        assert [step for (step,) in steps] == ["received", "picking", "packed", "shipped"]

    def test_runs_by_itself(self, warehouse: VendorProcess, client: SoapWarehouse) -> None:
        warehouse.control("clock", {"ship_after": 0.3})
        reference = new_order(client)

        seen = {order(client, reference).status}
        wait_for(lambda: seen.add(order(client, reference).status) or "shipped" in seen)

        assert {"picking", "packed"} & seen

    def test_lines_of_one_sku_leave_as_one_item(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        warehouse.control("clock", {"ship_after": FAST})
        lines = (SubmitLine(1, "MUG", "Mug", 2), SubmitLine(2, "MUG", "Mug", 3))
        reference = new_order(client, lines=lines)

        assert [(i.sku, i.quantity) for i in order(client, reference).shipments[0].lines] == [
            ("MUG", 5)
        ]
        sql = "SELECT sku, quantity FROM book_warehouse_shipments WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [("MUG", 5)]

    @pytest.mark.parametrize("speed", [-1, "fast", None])
    def test_refuses_a_speed_that_is_none(self, warehouse: VendorProcess, speed: object) -> None:
        assert warehouse.call("POST", "/_control/clock", {"ship_after": speed})[0] == 400


class TestCancelling:
    def test_stops_an_order_that_has_not_been_packed(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        reference = new_order(client)

        assert client.cancel_order(reference, "changed my mind").result == "cancelled"
        assert client.cancel_order(reference, "again").result == "cancelled"
        warehouse.control("clock", {"ship_after": FAST})
        assert order(client, reference).status == "cancelled"
        assert order(client, reference).shipments == ()

    def test_comes_too_late_once_shipped(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        warehouse.control("clock", {"ship_after": FAST})
        reference = new_order(client)

        assert client.cancel_order(reference, "").result == "too_late"

    def test_finds_nothing_under_a_strange_reference(self, client: SoapWarehouse) -> None:
        assert client.cancel_order("FR-nobody", "").result == "not_found"


class TestStock:
    def test_a_snapshot_gives_the_last_count(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        warehouse.control("stock", {"COUNTED": 7, "MUG & CO": 3})
        before = client.stock_snapshot("main")
        warehouse.control("stock", {"COUNTED": 0})
        after = client.stock_snapshot("main")

        assert set(before.items) >= {StockLevel("COUNTED", 7), StockLevel("MUG & CO", 3)}
        assert set(after.items) >= {StockLevel("COUNTED", 0), StockLevel("MUG & CO", 3)}
        assert before.snapshot_id != after.snapshot_id
        assert before.as_of <= after.as_of

    @pytest.mark.parametrize("counts", [{"MUG": -1}, {"MUG": "7"}, {"MUG": True}, [1]])
    def test_a_count_that_is_none_is_refused(
        self, warehouse: VendorProcess, counts: object
    ) -> None:
        assert warehouse.call("POST", "/_control/stock", counts)[0] == 400


def test_the_contract_is_served_beside_the_service(warehouse: VendorProcess) -> None:
    contract = Path(__file__).resolve().parents[2] / "fulfillment" / "gateways"

    assert warehouse.call("GET", "/soap?wsdl")[2] == (contract / "warehouse.wsdl").read_bytes()
    assert warehouse.call("GET", "/warehouse.xsd")[2] == (contract / "warehouse.xsd").read_bytes()
