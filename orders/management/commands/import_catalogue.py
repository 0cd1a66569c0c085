"""manage.py import_catalogue FILE"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fulfillment.services import stock
from orders.imports.catalogue import import_catalogue
from orders.imports.reading import UnreadableFile
from orders.imports.report import row_lines


class Command(BaseCommand):
    help = "Create products from a file of past sales (Online Retail format)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--stock",
            type=int,
            default=0,
            metavar="N",
            help="book N units of each as opening stock",
        )
        parser.add_argument("--warehouse", default="main", help="its code; made where it is absent")
        parser.add_argument("--rejects", type=Path, help="default: var/rejects-catalogue-NAME.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        units: int = options["stock"]
        if not 0 <= units <= 1_000_000_000:
            raise CommandError("--stock must be between 0 and 1,000,000,000.")
        rejects = options["rejects"] or Path("var") / f"rejects-catalogue-{path.stem}.csv"
        if units:
            code = options["warehouse"]
            stock.ensure_warehouse(code=code, name=f"{code.capitalize()} warehouse")
        try:
            report = import_catalogue(
                path=path, rejects=rejects, stock=units, warehouse=options["warehouse"]
            )
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        lines = row_lines(rows=report.rows, rejects=rejects)
        lines.append(f"Products: {report.created:,} created, {report.present:,} were already there")
        if units:
            lines.append(f"Opening stock: {units:,} of each of {report.stocked:,} products booked")
        self.stdout.write("\n".join(lines))
