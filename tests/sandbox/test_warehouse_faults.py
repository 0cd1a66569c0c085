"""Every fault switch of the warehouse, seen through the client: never wrong about what happened."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

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
