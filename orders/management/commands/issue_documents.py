"""Write the invoices and credit notes that are missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from orders.queries.documents import list_undocumented
from orders.services.documents import issue_due


class Command(BaseCommand):
    """For money that moved before the house wrote invoices, and after a delivery was given up."""

    help = "Write the invoices and credit notes that are missing, order by order."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--dry-run", action="store_true", help="only say which orders")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through the orders, oldest first; each is a transaction of its own."""
        count = 0
        for order_id, number in list_undocumented():
            if options["dry_run"]:
                self.stdout.write(number)
                continue
            issued = issue_due(order_id=order_id, now=timezone.now())
            count += len(issued)
            for document in issued:
                self.stdout.write(f"{number}: {document.number}")
        if not options["dry_run"]:
            self.stdout.write(f"{count} written.")
