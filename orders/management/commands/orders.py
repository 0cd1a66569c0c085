"""manage.py orders explain NUMBER"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from globalmart.core.ids import parse_order_number
from orders.management.order_report import OrderReport
from orders.queries.explanation import explain

FOUND, UNKNOWN = 1, 2
# Keys and times stand beside each other; a terminal that is narrower breaks the lines.
LEAST_WIDTH = 160


class Command(BaseCommand):
    help = (
        "Explain every cent of an order from our books: parts, attempts, calls, ledger, refunds, "
        f"webhooks, what comes next. Exit code {FOUND} where something does not add up, {UNKNOWN} "
        "where there is no such order."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        one = actions.add_parser("explain", help="everything about the cents of one order")
        one.add_argument("number", help="as GM-XXXXX-XXXXX; lower case and missing dashes pass")
        one.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        number = parse_order_number(options["number"])
        found = explain(number=number) if number else None
        if found is None:
            raise CommandError(f"There is no order {options['number']}.", returncode=UNKNOWN)
        if options["as_json"]:
            self.stdout.write(json.dumps(asdict(found), default=str, indent=2))
        else:
            console = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]
            console.width = max(console.width, LEAST_WIDTH)
            OrderReport(console, found).print()
        if found.differences:
            raise SystemExit(FOUND)
