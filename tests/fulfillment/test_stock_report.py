"""manage.py stock_report: what was counted, what was expected, who waits."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from fulfillment.models import Fulfillment
from fulfillment.queries.discrepancies import list_discrepancies
from tests import builders
from tests.fulfillment.counting import ship
from tests.fulfillment.test_counts import count


def report(*arguments: str) -> str:
    out = StringIO()
    call_command("stock_report", *arguments, stdout=out)
    return out.getvalue()


class TestListDiscrepancies:
    def test_names_what_differs_and_who_waits(self, request_row: Fulfillment) -> None:
        builders.place({"MUG": 8})
        ship(request_row, 1, when=-1)
        count(6, key="night")
        ship(request_row, 1, when=1, key="S-2")
        count(5, sku="CUP")

        (line,) = list_discrepancies()

        assert (line.warehouse, line.sku, line.count_id) == ("main", "MUG", "night")
        assert (line.counted, line.expected, line.difference) == (6, 9, -3)
        assert (line.on_hand, line.open, line.backordered, line.overdrawn) == (5, 0, 8, 0)

    def test_names_all_if_asked(self, shop: None) -> None:
        assert [line.sku for line in list_discrepancies(is_all=True)] == ["CUP", "MUG"]
        assert list(list_discrepancies(warehouse_code="north", is_all=True)) == []


class TestStockReport:
    def test_prints_lines_and_totals(self, shop: None) -> None:
        assert "Nothing differs" in report()
        count(6)

        _, line, totals, *_ = (
            " ".join(row.split()) for row in report("--warehouse", "main").split("\n")
        )

        assert line == "main MUG 2026-03-01 12:00:00 6 10 -4 6 0 0 0"
        assert totals == "in all 1 6 10 -4 6 0 0 0"
        assert "never" in report("--all")

    def test_knows_its_warehouses(self, shop: None) -> None:
        with pytest.raises(CommandError, match="no warehouse north") as caught:
            report("--warehouse", "north")

        assert caught.value.returncode == 2
