"""Recorded envelopes: what we send and how we read what comes back, letter by letter."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import (
    CancelAnswer,
    ChangePage,
    OutcomeUnknown,
    ShipmentItem,
    StockLevel,
    StockSnapshot,
    SubmitAnswer,
    WarehouseOrder,
    WarehouseRejected,
    WarehouseShipment,
)
from tests.fulfillment.gateways.orders import REQUEST
from tests.fulfillment.gateways.raw_warehouse import RawWarehouse, answering, http

ENVELOPES = Path(__file__).with_name("envelopes")
SHIPPED = WarehouseOrder(
    reference="FR-0001",
    wms_number="W00000042",
    status="shipped",
    shipments=(
        WarehouseShipment(
            shipment_id="S00000042",
            carrier="Royal Parcel",
            tracking_number="RP000000042GB",
            tracking_url="https://track.royalparcel.example/RP000000042GB",
            shipped_at=datetime(2026, 11, 22, 16, 42, 23, 834341, tzinfo=UTC),
            lines=(ShipmentItem("85123A", 2), ShipmentItem("MUG", 6)),
        ),
    ),
)


def ask(answer: bytes, question: Callable[[SoapWarehouse], Any], status: str = "200 OK") -> Any:
    with RawWarehouse(answering(http(answer, status))) as warehouse:
        return question(SoapWarehouse(warehouse.url, "oms", "wms"))


def recorded(name: str) -> bytes:
    return (ENVELOPES / f"{name}.xml").read_bytes()


class TestRequests:
    def test_submit_order_is_written_as_recorded(self) -> None:
        with RawWarehouse(answering(http(recorded("submit_order.accepted")))) as warehouse:
            SoapWarehouse(warehouse.url, "oms", "wms").submit_order(REQUEST)

        sent = warehouse.requests[0].partition(b"\r\n\r\n")[0].decode()
        assert _flat(warehouse.bodies[0]) == _flat(recorded("submit_order.request"))
        assert sent.startswith("POST /soap HTTP/1.1\r\n")
        assert 'SOAPAction: "urn:globalmart:wms:v1/SubmitOrder"' in sent
        assert "Authorization: Basic b21zOndtcw==" in sent
        assert "Content-Type: text/xml; charset=utf-8" in sent

    def test_list_changes_writes_utc_and_leaves_an_absent_since_out(self) -> None:
        with RawWarehouse(answering(http(recorded("list_changes.page")))) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.list_changes(None, "1f2e3d4c.3", 50)
            client.list_changes(datetime(2026, 11, 22, 3, 0, tzinfo=UTC), "", 200)

        first, second = ([text for _, _, text in _flat(body)] for body in warehouse.bodies)
        assert first[-2:] == ["1f2e3d4c.3", "50"]
        assert second[-3:] == ["2026-11-22T03:00:00Z", "", "200"]


class TestAnswers:
    @pytest.mark.parametrize("result", ["accepted", "duplicate"])
    def test_an_order_taken_carries_its_number(self, result: str) -> None:
        answer = ask(recorded(f"submit_order.{result}"), lambda w: w.submit_order(REQUEST))

        assert answer == SubmitAnswer(result, "W00000042", "", "")  # type: ignore[arg-type]

    def test_an_order_refused_carries_the_reason(self) -> None:
        answer = ask(recorded("submit_order.rejected"), lambda w: w.submit_order(REQUEST))

        assert answer == SubmitAnswer("rejected", "", "unknown_sku", "Not kept here: MUG")

    def test_a_shipped_order_carries_its_parcels(self) -> None:
        assert ask(recorded("get_order.shipped"), lambda w: w.get_order("FR-0001")) == SHIPPED

    def test_an_answer_about_another_order_is_not_believed(self) -> None:
        with pytest.raises(OutcomeUnknown, match="another order"):
            ask(recorded("get_order.shipped"), lambda w: w.get_order("FR-0009"))

    def test_a_page_of_changes(self) -> None:
        page = ask(recorded("list_changes.page"), lambda w: w.list_changes(None, "", 2))

        assert page == ChangePage(
            orders=(
                WarehouseOrder("FR-0001", "W00000042", "picking", ()),
                WarehouseOrder("FR-0002", "W00000043", "cancelled", ()),
            ),
            next_cursor="1f2e3d4c.57",
            has_more=True,
        )

    def test_a_stock_count(self) -> None:
        assert ask(recorded("stock_snapshot"), lambda w: w.stock_snapshot()) == StockSnapshot(
            snapshot_id="COUNT-7",
            as_of=datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
            items=(StockLevel("85123A", 0), StockLevel("MUG", 240)),
        )

    def test_a_cancellation_that_came_too_late(self) -> None:
        answer = ask(recorded("cancel_order.too_late"), lambda w: w.cancel_order("FR-1", "changed"))

        assert answer == CancelAnswer("too_late", "The order is packed.")


class TestFaults:
    def test_a_client_fault_is_a_definite_refusal(self) -> None:
        with pytest.raises(WarehouseRejected) as refusal:
            ask(recorded("fault.client"), lambda w: w.submit_order(REQUEST), "500 Error")

        assert (refusal.value.code, refusal.value.message) == (
            "country_not_served",
            "Country is not served.",
        )

    def test_a_client_fault_counts_under_status_200_too(self) -> None:
        with pytest.raises(WarehouseRejected):
            ask(recorded("fault.client"), lambda w: w.submit_order(REQUEST))

    def test_a_server_fault_leaves_the_outcome_unknown(self) -> None:
        with pytest.raises(OutcomeUnknown, match="fault of its own: Server"):
            ask(recorded("fault.server"), lambda w: w.submit_order(REQUEST), "500 Error")


def _flat(raw: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Return tag, attributes and text of every element: what a message says, prefixes aside."""
    tree = etree.fromstring(raw)
    return [
        (str(one.tag), {str(k): str(v) for k, v in one.attrib.items()}, (one.text or "").strip())
        for one in tree.iter()
    ]
