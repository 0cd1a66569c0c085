"""manage.py stock_report"""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from fulfillment.models import Warehouse
from fulfillment.queries.discrepancies import StockLine, list_discrepancies

UNKNOWN = 2
LEAST_WIDTH = 120


class Command(BaseCommand):
    help = (
        "Show by warehouse and SKU what was counted last, what was expected then, and what is "
        "reserved and waited for. Exit code 0 whatever differs; "
        f"{UNKNOWN} where there is no such warehouse."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--warehouse", metavar="CODE", default="", help="one warehouse only")
        parser.add_argument("--all", action="store_true", help="also the SKUs that agree")

    def handle(self, *args: Any, **options: Any) -> None:
        code = options["warehouse"]
        if code and not Warehouse.objects.filter(code=code).exists():
            raise CommandError(f"There is no warehouse {code}.", returncode=UNKNOWN)
        found = list(list_discrepancies(warehouse_code=code, is_all=options["all"]))
        console = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]
        console.width = max(console.width, LEAST_WIDTH)
        if found:
            console.print(_table(found))
        else:
            console.print("Nothing differs, and nobody waits.")


def _table(found: Sequence[StockLine]) -> Table:
    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("Warehouse", footer="in all")
    table.add_column("SKU", footer=str(len(found)))
    table.add_column("Counted at (UTC)")
    for name, units in (
        ("Counted", [line.counted or 0 for line in found]),
        ("Expected", [line.expected or 0 for line in found]),
        ("Difference", [line.difference for line in found]),
        ("On hand", [line.on_hand for line in found]),
        ("Reserved", [line.open for line in found]),
        ("Back-ordered", [line.backordered for line in found]),
        ("Overdrawn", [line.overdrawn for line in found]),
    ):
        table.add_column(name, footer=str(sum(units)), justify="right")
    for line in found:
        figures = (line.on_hand, line.open, line.backordered, line.overdrawn)
        table.add_row(
            line.warehouse,
            line.sku,
            f"{line.counted_at:%F %T}" if line.counted_at else "never",
            *(("", "", "") if line.counted is None else _compared(line)),
            *(str(units) for units in figures),
        )
    return table


def _compared(line: StockLine) -> tuple[str, str, str]:
    return str(line.counted), str(line.expected), f"{line.difference:+d}"
