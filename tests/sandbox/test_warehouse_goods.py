"""Shelves, parcels and carriers of the pretended warehouse, seen through our own client."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from fulfillment.gateways import soap
from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import SubmitLine, WarehouseLine, WarehouseOrder
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
    warehouse.control("clock", {"ship_after": FAST})
    client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
    yield client
    client.close()
    warehouse.control("habits", method="DELETE")


@pytest.fixture
def sku() -> str:
    return f"SKU-{uuid4().hex[:8]}"


def order(client: SoapWarehouse, *lines: tuple[str, int], location: str = "main") -> str:
    reference = f"FR-{uuid4().hex[:12]}"
    wanted = tuple(SubmitLine(n, sku, "", q) for n, (sku, q) in enumerate(lines, start=1))
    answer = client.submit_order(request(reference=reference, lines=wanted, location=location))
    assert answer.result == "accepted"
    return reference


def found(client: SoapWarehouse, reference: str) -> WarehouseOrder:
    one = client.get_order(reference)
    assert one is not None
    return one


def on_hand(client: SoapWarehouse, sku: str, location: str = "main") -> int | None:
    items = {item.sku: item.on_hand for item in client.stock_snapshot(location).items}
    return items.get(sku)


class TestShelf:
    def test_what_leaves_in_a_parcel_is_there_no_more(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("stock", {sku: 10})
        found(client, order(client, (sku, 4)))

        assert on_hand(client, sku) == 6
        sql = "SELECT on_hand FROM book_warehouse_shelf WHERE sku = ?"
        assert warehouse.rows(sql, sku) == [(6,)]

    def test_a_location_has_its_own(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("stock?location=north", {sku: 5})
        found(client, order(client, (sku, 2)))
        found(client, order(client, (sku, 1), location="north"))

        assert (on_hand(client, sku), on_hand(client, sku, "north")) == (None, 4)

    def test_an_order_is_listed_where_it_was_sent_to(self, client: SoapWarehouse, sku: str) -> None:
        north = order(client, (sku, 1), location="north")
        everywhere = {
            location: {one.reference for one in client.list_changes(location, None, "", 200).orders}
            for location in ("main", "north")
        }

        assert north in everywhere["north"] - everywhere["main"]

    def test_an_open_order_is_still_on_the_shelf_and_leaves_after_the_count_that_saw_it(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("clock", {"ship_after": SLOW})
        warehouse.control("stock", {sku: 10})
        reference = order(client, (sku, 4))
        seen = client.stock_snapshot("main")
        warehouse.control("clock", {"ship_after": FAST})

        parcel = found(client, reference).shipments[0]

        assert {item.on_hand for item in seen.items if item.sku == sku} == {10}
        assert parcel.shipped_at > seen.as_of
        after = client.stock_snapshot("main")
        assert parcel.shipped_at < after.as_of
        assert {item.on_hand for item in after.items if item.sku == sku} == {6}

    def test_a_count_comes_in_pages_of_one_moment(
        self, warehouse: VendorProcess, client: SoapWarehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shelf = {f"PAGE-{number}": number for number in range(5)}
        warehouse.control("stock?location=south", shelf)
        monkeypatch.setattr(soap, "COUNT_LIMIT", 2)

        seen = client.stock_snapshot("south")

        assert {item.sku: item.on_hand for item in seen.items} == shelf
        assert len(seen.items) == 5

    def test_changes_are_listed_page_by_page_and_change_the_shelf(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("stock?location=east", {sku: 10})
        for change, reason in ((5, "received"), (-3, "damaged"), (1, "returned")):
            warehouse.control(
                "deltas", {"location": "east", "sku": sku, "change": change, "reason": reason}
            )

        first = client.stock_deltas("east", "", 2)
        second = client.stock_deltas("east", first.next_cursor, 2)
        third = client.stock_deltas("east", second.next_cursor, 2)

        told = [(one.sku, one.change, one.reason) for one in (*first.deltas, *second.deltas)]
        assert told == [(sku, 5, "received"), (sku, -3, "damaged"), (sku, 1, "returned")]
        assert (first.has_more, second.has_more, third.deltas) == (True, False, ())
        assert on_hand(client, sku, "east") == 13

    def test_no_more_goes_than_lies_there(self, warehouse: VendorProcess, sku: str) -> None:
        warehouse.control("stock", {sku: 2})

        assert warehouse.call("POST", "/_control/deltas", {"sku": sku, "change": -3})[0] == 400

    def test_a_restart_forgets_no_piece_and_no_habit(self, tmp_path: Path, sku: str) -> None:
        with VendorProcess("warehouse", tmp_path, "--ship-after", "0") as warehouse:
            client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
            warehouse.control("stock", {sku: 10})
            warehouse.control("habits", {"short_skus": [sku], "deliver_after": 0.5, "seed": 4})
            reference = order(client, (sku, 4))
            warehouse.control("deltas", {"sku": sku, "change": -1, "reason": "damaged"})
            before = found(client, reference)
            habits = warehouse.control("habits", method="GET")
            warehouse.kill()
            time.sleep(0.6)
            warehouse.start()
            client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")

            assert on_hand(client, sku) == 7
            assert warehouse.control("habits", method="GET") == habits
            after = found(client, reference)
            assert (
                (after.status, after.lines)
                == (before.status, before.lines)
                == (
                    "closed_short",
                    (WarehouseLine(sku, 4, 2, 2, "not found"),),
                )
            )
            assert [event.state for event in after.shipments[0].events][-1] == "delivered"


class TestShort:
    def test_ships_what_there_is_and_closes_short(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("stock", {sku: 3})
        reference = order(client, (sku, 5), ("UNCOUNTED", 2))

        closed = found(client, reference)

        assert closed.status == "closed_short"
        assert closed.lines == (
            WarehouseLine(sku, 5, 3, 2, "out of stock"),
            WarehouseLine("UNCOUNTED", 2, 2),
        )
        assert {(i.sku, i.quantity) for i in closed.shipments[0].lines} == {
            (sku, 3),
            ("UNCOUNTED", 2),
        }
        assert on_hand(client, sku) == 0
        sql = "SELECT sku, pieces FROM book_warehouse_shorts WHERE reference = ?"
        assert warehouse.rows(sql, reference) == [(sku, 2)]

    def test_with_nothing_there_no_parcel_leaves(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("stock", {sku: 0})
        closed = found(client, order(client, (sku, 5)))

        assert (closed.status, closed.shipments) == ("closed_short", ())
        assert closed.lines == (WarehouseLine(sku, 5, 0, 5, "out of stock"),)

    def test_a_list_says_by_how_much(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        start = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor
        warehouse.control("habits", {"short_skus": [sku]})
        reference = order(client, (sku, 3))

        page = client.list_changes("main", None, start, 200)

        lines = {one.reference: one.lines for one in page.orders}
        assert lines[reference] == (WarehouseLine(sku, 3, 1, 2, "not found"),)

    def test_happens_as_often_as_its_probability_says(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("habits", {"short": 0.5, "seed": 7})
        ends = [found(client, order(client, (sku, 2))).status for _ in range(40)]

        assert set(ends) == {"shipped", "closed_short"}
        assert 8 <= ends.count("closed_short") <= 32


class TestSplit:
    def test_a_parcel_for_each_line_one_after_the_other(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("habits", {"split_skus": [sku]})
        warehouse.control("clock", {"ship_after": 1.0})
        reference = order(client, (sku, 1), ("MUG", 2), ("HAT", 3))

        seen: list[tuple[str, int]] = []

        def look() -> bool:
            now = found(client, reference)
            seen.append((now.status, len(now.shipments)))
            return now.status == "shipped"

        wait_for(look)
        parcels = found(client, reference).shipments
        assert ("partially_shipped", 1) in seen
        assert ("partially_shipped", 2) in seen
        assert [[(i.sku, i.quantity) for i in one.lines] for one in parcels] == [
            [(sku, 1)],
            [("MUG", 2)],
            [("HAT", 3)],
        ]
        assert len({one.tracking_number for one in parcels}) == 3
        assert client.cancel_order(reference, "").result == "too_late"

    def test_a_single_line_goes_in_halves(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("habits", {"split": 1.0})
        parcels = found(client, order(client, (sku, 5))).shipments

        assert [one.lines[0].quantity for one in parcels] == [3, 2]

    def test_a_kill_between_two_parcels_ships_each_once(self, tmp_path: Path, sku: str) -> None:
        with VendorProcess("warehouse", tmp_path, "--ship-after", "1.2") as warehouse:
            client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
            warehouse.control("habits", {"split": 1.0})
            reference = order(client, (sku, 1), ("MUG", 1), ("HAT", 1))
            wait_for(lambda: found(client, reference).status == "partially_shipped")
            first = found(client, reference).shipments
            warehouse.kill()
            warehouse.start()
            client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
            wait_for(lambda: found(client, reference).status == "shipped")
            parcels = found(client, reference).shipments

        assert parcels[: len(first)] == first
        assert [one.lines[0].sku for one in parcels] == [sku, "MUG", "HAT"]


class TestCarriers:
    def test_tell_by_the_clock_how_far_a_parcel_is_and_each_time_it_is_listed_again(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("habits", {"deliver_after": 0.5})
        reference = order(client, (sku, 1))
        found(client, reference)
        cursor = client.list_changes("main", datetime.now(UTC), "", 1).next_cursor

        def told() -> list[str]:
            return [event.state for event in found(client, reference).shipments[0].events]

        wait_for(lambda: told() == ["in_transit", "out_for_delivery", "delivered"])
        page = client.list_changes("main", None, cursor, 200)
        assert [one.status for one in page.orders if one.reference == reference] == ["shipped"]
        times = [event.at for event in found(client, reference).shipments[0].events]
        assert times == sorted(times)

    @pytest.mark.parametrize(
        ("habit", "states"),
        [
            ("lost", ["in_transit", "lost"]),
            ("exception", ["in_transit", "exception", "out_for_delivery", "delivered"]),
        ],
    )
    def test_lose_a_parcel_or_stumble(
        self,
        warehouse: VendorProcess,
        client: SoapWarehouse,
        sku: str,
        habit: str,
        states: list[str],
    ) -> None:
        warehouse.control("habits", {"deliver_after": 0.0, habit: 1.0})
        reference = order(client, (sku, 1))
        found(client, reference)

        assert [e.state for e in found(client, reference).shipments[0].events] == states

    def test_say_by_hand_what_they_are_told_to(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        parcel = found(client, reference := order(client, (sku, 1))).shipments[0]
        said = {"shipment_id": parcel.shipment_id, "state": "returned_to_sender"}
        warehouse.control("carrier", said)

        events = found(client, reference).shipments[0].events
        assert [event.state for event in events] == ["returned_to_sender"]
        assert warehouse.call("POST", "/_control/carrier", {**said, "state": "eaten"})[0] == 400
        nobody = {"shipment_id": "S0", "state": "lost"}
        assert warehouse.call("POST", "/_control/carrier", nobody)[0] == 404


class TestReturns:
    def test_what_came_back_is_listed(
        self, warehouse: VendorProcess, client: SoapWarehouse, sku: str
    ) -> None:
        warehouse.control("returns", {"sku": sku, "quantity": 2, "rma": "RMA-1", "reference": "F"})
        warehouse.control("returns", {"sku": sku, "quantity": 1, "condition": "damaged"})

        first = client.return_receipts("main", "", 1)
        second = client.return_receipts("main", first.next_cursor, 1)

        told = [
            (one.rma, one.reference, one.quantity, one.condition)
            for one in (*first.receipts, *second.receipts)
        ]
        assert told == [("RMA-1", "F", 2, "sellable"), ("", "", 1, "damaged")]
        assert (first.has_more, second.has_more) == (True, False)

    @pytest.mark.parametrize("more", [{"quantity": 0}, {"condition": "eaten"}, {"sku": ""}])
    def test_nonsense_is_refused(self, warehouse: VendorProcess, more: dict[str, object]) -> None:
        sent = {"sku": "MUG", "quantity": 1, **more}

        assert warehouse.call("POST", "/_control/returns", sent)[0] == 400


@pytest.mark.parametrize(
    "habits",
    [{"split": 2}, {"short": "often"}, {"split_skus": "MUG"}, {"deliver_after": -1}, {"x": 1}, []],
)
def test_habits_that_are_none_are_refused(warehouse: VendorProcess, habits: object) -> None:
    assert warehouse.call("POST", "/_control/habits", habits)[0] == 400
