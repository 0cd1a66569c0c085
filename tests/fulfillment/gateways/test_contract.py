"""Recorded envelopes: what we send and how we read what comes back, letter by letter."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from fulfillment.gateways import soap
from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import (
    CancelAnswer,
    CarrierEvent,
    ChangePage,
    DeltaPage,
    EntryUnreadable,
    OutcomeUnknown,
    Receipt,
    ReceiptPage,
    ShipmentItem,
    StockDelta,
    StockLevel,
    StockSnapshot,
    SubmitAnswer,
    WarehouseLine,
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
    lines=(WarehouseLine("85123A", 2, 2), WarehouseLine("MUG", 6, 6)),
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
            client.list_changes("main", None, "1f2e3d4c.3", 50)
            client.list_changes("north", datetime(2026, 11, 22, 3, 0, tzinfo=UTC), "", 200)

        first, second = ([text for _, _, text in _flat(body)] for body in warehouse.bodies)
        assert first[-3:] == ["main", "1f2e3d4c.3", "50"]
        assert second[-4:] == ["north", "2026-11-22T03:00:00Z", "", "200"]

    def test_an_order_without_a_promise_is_written_without_a_day(self) -> None:
        with RawWarehouse(answering(http(recorded("submit_order.accepted")))) as warehouse:
            client = SoapWarehouse(warehouse.url, "oms", "wms")
            client.submit_order(replace(REQUEST, promised_on=None))

        assert b"promisedOn" not in warehouse.bodies[0]

    @pytest.mark.parametrize(
        ("answer", "question"),
        [
            ("stock_delta.page", lambda w: w.stock_deltas("main", "1f2e3d4c.3", 50)),
            ("return_receipt.page", lambda w: w.return_receipts("main", "1f2e3d4c.3", 50)),
        ],
    )
    def test_lists_are_asked_for_by_location_cursor_and_limit(
        self, answer: str, question: Callable[[SoapWarehouse], Any]
    ) -> None:
        with RawWarehouse(answering(http(recorded(answer)))) as warehouse:
            question(SoapWarehouse(warehouse.url, "oms", "wms"))

        texts = [text for _, _, text in _flat(warehouse.bodies[0])]
        assert texts[-3:] == ["main", "1f2e3d4c.3", "50"]

    def test_a_count_is_asked_for_by_location(self) -> None:
        with RawWarehouse(answering(http(recorded("stock_snapshot")))) as warehouse:
            SoapWarehouse(warehouse.url, "oms", "wms").stock_snapshot("north")

        texts = [text for _, _, text in _flat(warehouse.bodies[0])]
        assert (texts[-3], texts[-1]) == ("north", "5000")


class TestAnswers:
    @pytest.mark.parametrize("result", ["accepted", "duplicate"])
    def test_an_order_taken_carries_its_number(self, result: str) -> None:
        answer = ask(recorded(f"submit_order.{result}"), lambda w: w.submit_order(REQUEST))

        assert answer == SubmitAnswer(result, "W00000042", "", "")  # type: ignore[arg-type]

    def test_an_order_refused_carries_the_reason(self) -> None:
        answer = ask(recorded("submit_order.rejected"), lambda w: w.submit_order(REQUEST))

        assert answer == SubmitAnswer("rejected", "", "unknown_sku", "Not kept here: MUG")

    def test_free_text_is_no_code(self) -> None:
        raw = recorded("submit_order.rejected")
        body = raw.replace(b"unknown_sku", b"Not to Ada Lovelace")
        assert body != raw

        answer = ask(body, lambda w: w.submit_order(REQUEST))

        assert answer == SubmitAnswer(
            "rejected", "", "unknown", "Not to Ada Lovelace Not kept here: MUG"
        )

    def test_a_shipped_order_carries_its_parcels(self) -> None:
        assert ask(recorded("get_order.shipped"), lambda w: w.get_order("FR-0001")) == SHIPPED

    def test_an_order_closed_short_says_by_how_much_and_what_the_carrier_told(self) -> None:
        found = ask(recorded("get_order.closed_short"), lambda w: w.get_order("FR-0001"))

        assert found.status == "closed_short"
        assert found.lines == (
            WarehouseLine("85123A", 2, 2),
            WarehouseLine("MUG", 6, 4, 2, "not found"),
        )
        assert found.shipments[0].events == (
            CarrierEvent("RP-77", "in_transit", datetime(2026, 11, 22, 19, 0, tzinfo=UTC)),
            CarrierEvent(
                "RP-91",
                "delivered",
                datetime(2026, 11, 23, 10, 5, tzinfo=UTC),
                "Left with a neighbour",
            ),
        )

    def test_an_order_closed_short_by_nobody_knows_how_much_is_not_believed(self) -> None:
        text = recorded("get_order.closed_short")
        start, end = text.index(b"<lines>"), text.index(b"</lines>") + len(b"</lines>")

        with pytest.raises(OutcomeUnknown):
            ask(text[:start] + text[end:], lambda w: w.get_order("FR-0001"))

    def test_an_answer_about_another_order_is_not_believed(self) -> None:
        with pytest.raises(OutcomeUnknown, match="another order"):
            ask(recorded("get_order.shipped"), lambda w: w.get_order("FR-0009"))

    def test_a_page_of_changes(self) -> None:
        page = ask(recorded("list_changes.page"), lambda w: w.list_changes("main", None, "", 2))

        assert page == ChangePage(
            orders=(
                WarehouseOrder("FR-0001", "W00000042", "picking", ()),
                WarehouseOrder("FR-0002", "W00000043", "cancelled", ()),
            ),
            next_cursor="1f2e3d4c.57",
            has_more=True,
        )

    @pytest.mark.parametrize(
        "flaw",
        [
            (b"<status>picking</status>", b"<status>lost</status>"),
            (b"<status>picking</status>", b"<status>closed_short</status>"),
        ],
    )
    def test_one_order_that_cannot_be_read_is_named(self, flaw: tuple[bytes, bytes]) -> None:
        page = recorded("list_changes.page")
        broken = page.replace(*flaw)
        second = re.compile(rb"<order><reference>FR-0002.*?</order>")

        with pytest.raises(EntryUnreadable) as caught:
            ask(second.sub(b"", broken), lambda w: w.list_changes("main", None, "", 1))
        found = caught.value
        assert (found.reference, found.next_cursor, found.has_more) == (
            "FR-0001",
            "1f2e3d4c.57",
            True,
        )

        for unreadable in (broken, second.sub(b"", broken).replace(b"1f2e3d4c.57", b"")):
            with pytest.raises(OutcomeUnknown) as of_all:
                ask(unreadable, lambda w: w.list_changes("main", None, "", 1))
            assert not isinstance(of_all.value, EntryUnreadable)

    def test_a_stock_count(self) -> None:
        assert ask(recorded("stock_snapshot"), lambda w: w.stock_snapshot("main")) == StockSnapshot(
            snapshot_id="COUNT-7",
            as_of=datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
            items=(StockLevel("85123A", 0), StockLevel("MUG", 240)),
        )

    def test_a_stock_count_in_pages(self) -> None:
        pages = [
            recorded("stock_snapshot").replace(b"false", b"true"),
            recorded("stock_snapshot").replace(b"MUG", b"CUP"),
        ]
        with RawWarehouse(lambda to, n: to.sendall(http(pages[n - 1]))) as warehouse:
            found = SoapWarehouse(warehouse.url, "oms", "wms").stock_snapshot("main")
            cursors = [_flat(body)[-2][2] for body in warehouse.bodies]

        assert [item.sku for item in found.items] == ["85123A", "MUG", "85123A", "CUP"]
        assert found.snapshot_id == "COUNT-7"
        assert cursors[1] == "COUNT-7.2"
        assert not cursors[0]

    @pytest.mark.parametrize(
        ("page", "old", "new"),
        [
            (0, b"COUNT-7.2", b""),
            (1, b">COUNT-7<", b">COUNT-8<"),
            (1, b"T03:00", b"T04:00"),
        ],
    )
    def test_a_stock_count_whose_pages_are_not_of_one_is_none(
        self, page: int, old: bytes, new: bytes
    ) -> None:
        last = recorded("stock_snapshot")
        pages = [last.replace(b"false", b"true"), last]
        pages[page] = pages[page].replace(old, new)
        with (
            RawWarehouse(lambda to, n: to.sendall(http(pages[n - 1]))) as warehouse,
            pytest.raises(OutcomeUnknown, match=r"several counts|no next cursor"),
        ):
            SoapWarehouse(warehouse.url, "oms", "wms").stock_snapshot("main")

    def test_a_stock_count_without_an_end_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(soap, "COUNT_PAGES", 3)
        with (
            RawWarehouse(
                answering(http(recorded("stock_snapshot").replace(b"false", b"true")))
            ) as warehouse,
            pytest.raises(OutcomeUnknown, match="its end"),
        ):
            SoapWarehouse(warehouse.url, "oms", "wms").stock_snapshot("main")

        assert len(warehouse.requests) == 3

    def test_stock_changes_of_both_signs(self) -> None:
        page = ask(recorded("stock_delta.page"), lambda w: w.stock_deltas("main", "", 200))

        morning = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
        assert page == DeltaPage(
            deltas=(
                StockDelta("D-18", "MUG", 240, morning, "received"),
                StockDelta("D-19", "85123A", -3, morning.replace(hour=9, minute=30), "damaged"),
            ),
            next_cursor="1f2e3d4c.19",
            has_more=False,
        )

    def test_returned_goods_with_and_without_their_papers(self) -> None:
        page = ask(recorded("return_receipt.page"), lambda w: w.return_receipts("main", "", 200))

        noon = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)
        assert page == ReceiptPage(
            receipts=(
                Receipt("R-5", "RMA-31", "FR-0001", "MUG", 1, "damaged", noon),
                Receipt("R-6", "", "", "85123A", 2, "unknown", noon.replace(minute=10)),
            ),
            next_cursor="1f2e3d4c.6",
            has_more=True,
        )

    @pytest.mark.parametrize(
        ("name", "question"),
        [
            ("list_changes.page", lambda w: w.list_changes("main", None, "", 2)),
            ("stock_delta.page", lambda w: w.stock_deltas("main", "", 2)),
            ("return_receipt.page", lambda w: w.return_receipts("main", "", 2)),
        ],
    )
    def test_a_page_without_a_cursor_to_go_on_from_is_not_believed(
        self, name: str, question: Callable[[SoapWarehouse], Any]
    ) -> None:
        raw = re.sub(b"<nextCursor>[^<]*<", b"<nextCursor><", recorded(name))

        with pytest.raises(OutcomeUnknown, match="next cursor"):
            ask(raw, question)

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
