"""The change log: nothing is missed, whatever the page size, the overlap or the crash."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import ChangePage, SubmitLine
from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse import orderlist
from globalmart.sandbox.warehouse.depot import Depot
from globalmart.sandbox.warehouse.papers import Order
from globalmart.sandbox.warehouse.schema import SCHEMA
from tests.fulfillment.gateways.orders import request
from tests.sandbox.vendor_process import VendorProcess, wait_for

SLOW, FAST = 3600.0, 0.0


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[VendorProcess]:
    with VendorProcess("warehouse", tmp_path, "--ship-after", "3600") as process:
        yield process


@pytest.fixture
def client(warehouse: VendorProcess) -> Iterator[SoapWarehouse]:
    client = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")
    yield client
    client.close()


def seen(page: ChangePage) -> list[tuple[str, str]]:
    return [(order.reference, order.status) for order in page.orders]


class TestListChanges:
    def test_an_empty_log_still_gives_a_cursor(self, client: SoapWarehouse) -> None:
        page = client.list_changes("main", None, "", 10)

        assert (page.orders, page.has_more) == ((), False)
        assert page.next_cursor

    def test_goes_on_where_the_cursor_stands(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        for name in "abc":
            client.submit_order(request(reference=name))

        first = client.list_changes("main", None, "", 2)
        second = client.list_changes("main", None, first.next_cursor, 2)
        third = client.list_changes("main", None, second.next_cursor, 2)
        warehouse.control("clock", {"ship_after": FAST})
        fourth = client.list_changes("main", None, third.next_cursor, 10)
        fifth = client.list_changes("main", None, fourth.next_cursor, 10)

        assert seen(first) == [("a", "received"), ("b", "received")]
        assert (seen(second), second.has_more) == ([("c", "received")], False)
        assert seen(third) == []
        # Three steps each, but every order once, as it is now.
        assert seen(fourth) == [("a", "shipped"), ("b", "shipped"), ("c", "shipped")]
        assert all(len(order.shipments) == 1 for order in fourth.orders)
        assert seen(fifth) == []

    def test_since_starts_at_a_time_and_overlaps_on_purpose(self, client: SoapWarehouse) -> None:
        client.submit_order(request(reference="early"))
        end = client.list_changes("main", None, "", 10).next_cursor
        moment = datetime.now(UTC)
        client.submit_order(request(reference="late"))

        assert seen(client.list_changes("main", moment, "", 10)) == [("late", "received")]
        overlapping = client.list_changes("main", moment - timedelta(minutes=5), "", 10)
        assert [reference for reference, _ in seen(overlapping)] == ["early", "late"]
        nothing = client.list_changes("main", moment + timedelta(minutes=5), "", 10)
        assert (nothing.orders, nothing.has_more) == ((), False)
        assert seen(client.list_changes("main", None, end, 10)) == [("late", "received")]

    def test_a_cursor_of_another_book_starts_from_the_beginning(
        self, client: SoapWarehouse
    ) -> None:
        client.submit_order(request(reference="a"))

        assert seen(client.list_changes("main", None, "0badcafe.900", 10)) == [("a", "received")]

    def test_a_page_ends_before_it_grows_too_large_to_be_read(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        lines = tuple(SubmitLine(n, f"SKU-{n:050d}", "", 1) for n in range(1, 1801))
        for number in range(5):
            client.submit_order(request(reference=f"big-{number:02d}", lines=lines))
        warehouse.control("clock", {"ship_after": FAST})

        cursor, found, more, pages = "", [], True, 0
        while more:
            page = client.list_changes("main", None, cursor, 200)
            found += seen(page)
            pages += 1
            cursor, more = page.next_cursor, page.has_more

        assert pages > 1
        assert found == [(f"big-{number:02d}", "shipped") for number in range(5)]


class TestSurvival:
    def test_a_kill_forgets_no_order_no_speed_and_no_step(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        client.submit_order(request(reference="a"))
        cursor = client.list_changes("main", None, "", 10).next_cursor
        warehouse.control("stock", {"MUG": 9})
        warehouse.control("clock", {"ship_after": 0.2})
        warehouse.kill()
        warehouse.start()
        fresh = SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms")

        assert warehouse.control("clock", method="GET") == {"ship_after": 0.2}
        wait_for(lambda: seen(fresh.list_changes("main", None, cursor, 10)) == [("a", "shipped")])
        # Six of the nine left in the parcel.
        assert fresh.stock_snapshot("main").items[0].on_hand == 3
        assert fresh.submit_order(request(reference="a")).result == "duplicate"

    def test_a_kill_ships_nothing_twice(
        self, warehouse: VendorProcess, client: SoapWarehouse
    ) -> None:
        warehouse.control("clock", {"ship_after": FAST})
        client.submit_order(request(reference="a"))
        first = client.get_order("a")
        warehouse.kill()
        warehouse.start()

        assert SoapWarehouse(f"{warehouse.url}/soap", "oms", "wms").get_order("a") == first


class TestCost:
    def test_a_poll_reads_the_index_and_not_the_book(self, tmp_path: Path) -> None:
        moment = [1_000_000.0]
        book = Book(tmp_path / "w.sqlite", SCHEMA)
        depot = Depot(book, ship_after=10.0, now=lambda: moment[0])
        line: list[dict[str, str | int]] = [{"lineNo": 1, "sku": "M", "name": "", "quantity": 1}]
        with book.writing():
            for number in range(3000):
                depot.submit(Order(f"r{number}", 1, "GM", "standard", {}, line))
        moment[0] += 11
        depot.advance()
        reader = book._reader()
        steps = [0]
        reader.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1000)

        first = orderlist.page(book, location="main", after=0, limit=200)
        first_page = steps[0]
        steps[0] = 0
        empty = orderlist.page(book, location="main", after=12_000, limit=200)

        # In thousands of SQLite's own steps: a scan of the log takes hundreds.
        assert (empty.pieces, empty.last, empty.more) == ([], 12_000, False)
        assert steps[0] <= 1
        assert first_page < 300
        assert first.last > 0
