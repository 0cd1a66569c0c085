"""manage.py seed"""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from orders.seeds import demo, history


class Command(BaseCommand):
    help = (
        "Fill the shop with orders of the last two years, in every state there is: to measure "
        "with, not to work on, for Stripe and the warehouse know nothing of them. All of them or, "
        "where anything fails, none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, required=True, help="How many.")
        parser.add_argument("--seed", type=int, default=1, help="Another seed, other orders.")
        parser.add_argument(
            "--at", type=_moment, help="The moment (UTC) that the orders end at. Default: now."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["orders"] < 1:
            raise CommandError("--orders: one at least.")
        at = options["at"] or timezone.now().replace(microsecond=0)
        columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("orders", total=options["orders"])
            try:
                history.seed_history(
                    orders=options["orders"],
                    seed=options["seed"],
                    at=at,
                    progress=lambda what, done: bar.update(task, description=what, completed=done),
                )
            except demo.LiveInstallation as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"Added {options['orders']} orders up to {at:%F %T} UTC.")


def _moment(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
