"""Every fault switch of the warehouse, seen through the client: never wrong about what happened."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from lxml import etree

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import OutcomeUnknown, WarehouseUnavailable
from tests.fulfillment.gateways.orders import request
from tests.sandbox.vendor_process import VendorProcess


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorProcess]:
    folder = tmp_path_factory.mktemp("warehouse")
    with VendorProcess("warehouse", folder, "--ship-after", "3600") as process:
        yield process


@pytest.fixture
def client(warehouse: VendorProcess) -> Iterator[SoapWarehouse]:
    warehouse.control("faults", method="DELETE")
    client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms", deadline_seconds=0.6)
    yield client
    client.close()
    warehouse.control("faults", method="DELETE")
    warehouse.control("latency", {"seconds": 0})


@pytest.fixture
def reference() -> str:
    return f"FR-{uuid4().hex[:12]}"


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "is_applied"),
        [
            ("error_after_apply", True),
            ("drop_after_apply", True),
            ("timeout_after_apply", True),
            ("drop_before", False),
        ],
    )
    def test_an_answer_that_is_lost_is_unknown_and_a_look_up_tells(
        self,
        warehouse: VendorProcess,
        client: SoapWarehouse,
        reference: str,
        kind: str,
        is_applied: bool,
    ) -> None:
        warehouse.fault("SubmitOrder", kind, count=1, seconds=1.0)

        with pytest.raises(OutcomeUnknown):
            client.submit_order(request(reference=reference))

        assert (client.get_order(reference) is not None) is is_applied
        again = client.submit_order(request(reference=reference))
        assert again.result == ("duplicate" if is_applied else "accepted")
        sql = "SELECT submissions FROM book_warehouse_orders WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [(2 if is_applied else 1,)]

    def test_turned_away_with_503_is_certainly_not_applied(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.fault("SubmitOrder", "error_before", count=1)

        with pytest.raises(WarehouseUnavailable):
            client.submit_order(request(reference=reference))

        assert client.get_order(reference) is None

    def test_a_delay_within_the_deadline_is_only_slow(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.fault("SubmitOrder", "delay", count=1, seconds=0.3)
        started = time.monotonic()

        assert client.submit_order(request(reference=reference)).result == "accepted"
        assert time.monotonic() - started >= 0.3

    def test_a_delay_past_the_deadline_is_unknown(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.fault("*", "delay", count=1, seconds=1.0)

        with pytest.raises(OutcomeUnknown):
            client.cancel_order(reference, "")

    def test_a_fault_of_one_operation_leaves_the_others_alone(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.fault("ListChanges", "drop_before")

        assert client.submit_order(request(reference=reference)).result == "accepted"
        with pytest.raises(OutcomeUnknown):
            client.list_changes("main", None, "", 1)
        assert warehouse.control("faults", method="GET")["faults"][0]["hits"] == 1

    def test_latency_slows_every_answer(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.control("latency", {"seconds": 0.2})
        started = time.monotonic()

        assert client.get_order(reference) is None
        assert time.monotonic() - started >= 0.2


BAD_ANSWERS = (
    *("fault_after_apply", "malformed", "wrong_namespace", "external_entity"),
    *("billion_laughs", "huge", "drip"),
)


class TestBadAnswers:
    @pytest.mark.parametrize("kind", BAD_ANSWERS)
    def test_leave_it_unknown_in_time_though_it_was_applied(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str, kind: str
    ) -> None:
        warehouse.fault("SubmitOrder", kind, count=1)
        started = time.monotonic()

        with pytest.raises(OutcomeUnknown):
            client.submit_order(request(reference=reference))

        assert time.monotonic() - started < 1.6
        assert client.submit_order(request(reference=reference)).result == "duplicate"

    @pytest.mark.parametrize("operation", ["ListChanges", "StockDelta", "StockSnapshot"])
    def test_are_given_for_every_operation(
        self, warehouse: VendorProcess, client: SoapWarehouse, operation: str
    ) -> None:
        warehouse.fault(operation, "billion_laughs")
        ask = {
            "ListChanges": lambda: client.list_changes("main", None, "", 1),
            "StockDelta": lambda: client.stock_deltas("main", "", 1),
            "StockSnapshot": lambda: client.stock_snapshot("main"),
        }

        with pytest.raises(OutcomeUnknown, match="document type"):
            ask[operation]()

    def test_a_huge_one_is_as_large_as_it_says(self, warehouse: VendorProcess) -> None:
        warehouse.fault("GetOrder", "huge", count=1)
        body = (
            b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            b'<GetOrder xmlns="urn:globalmart:wms:v1"><reference>x</reference></GetOrder>'
            b"</e:Body></e:Envelope>"
        )
        headers = {"Authorization": "Basic b21zOndtcw==", "SOAPAction": "x/GetOrder"}

        _, _, answer = warehouse.call("POST", "/soap", body, headers)

        assert 30 * 1024 * 1024 < len(answer) < 31 * 1024 * 1024
        assert etree.fromstring(answer, etree.XMLParser(huge_tree=True)) is not None


class TestConduct:
    def test_a_look_up_that_lags_sees_an_order_only_after_a_while(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        start = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor
        for operation in ("GetOrder", "ListChanges", "CancelOrder"):
            warehouse.fault(operation, "lag", seconds=0.5)
        client.submit_order(request(reference=reference))

        early = client.list_changes("main", None, start, 200)
        assert client.get_order(reference) is None
        assert client.cancel_order(reference, "").result == "not_found"
        assert early.orders == ()
        time.sleep(0.6)

        assert client.get_order(reference) is not None
        late = client.list_changes("main", None, early.next_cursor, 200)
        assert [one.reference for one in late.orders] == [reference]
        assert client.cancel_order(reference, "").result == "cancelled"

    def test_entries_come_again(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        client.submit_order(request(reference=f"{reference}-a"))
        cursor = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor
        client.submit_order(request(reference=f"{reference}-b"))
        warehouse.fault("ListChanges", "duplicate")

        names = [one.reference for one in client.list_changes("main", None, cursor, 200).orders]

        assert f"{reference}-a" in names
        assert names.count(f"{reference}-b") >= 2

    def test_entries_come_in_any_order_with_what_was_true_before(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        cursor = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor
        client.submit_order(request(reference=reference))
        client.cancel_order(reference, "")
        warehouse.fault("ListChanges", "reorder", seed=1)

        told = {one.status for one in client.list_changes("main", None, cursor, 200).orders}
        after = client.list_changes("main", None, cursor, 200).next_cursor

        assert told == {"received", "cancelled"}
        assert client.list_changes("main", None, after, 200).orders == ()

    def test_an_entry_that_was_left_out_is_found_only_by_reading_again(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        cursor = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor
        client.submit_order(request(reference=reference))
        warehouse.fault("ListChanges", "omit", count=1)

        past = client.list_changes("main", None, cursor, 200)

        assert past.orders == ()
        assert client.list_changes("main", None, past.next_cursor, 200).orders == ()
        again = client.list_changes("main", None, cursor, 200).orders
        assert [one.reference for one in again] == [reference]

    def test_a_second_number_for_a_reference_stands_in_the_book(
        self, warehouse: VendorProcess, client: SoapWarehouse, reference: str
    ) -> None:
        warehouse.fault("SubmitOrder", "accepts_twice")
        first = client.submit_order(request(reference=reference))
        second = client.submit_order(request(reference=reference))

        assert (first.result, second.result) == ("accepted", "accepted")
        assert first.wms_number != second.wms_number
        sql = "SELECT effective, numbers FROM book_warehouse_effective WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [(2, 2)]
        client.cancel_order(reference, "")
        assert warehouse.rows(sql, reference) == [(0, 2)]
        sql = "SELECT reference FROM book_warehouse_cancelled WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [(reference,)]
