"""manage.py reconcile DOMAIN"""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from globalmart.core.choreography import resolve, wiring
from globalmart.core.reconciliation import Report, Unfinished

FOUND, BROKEN = 1, 2


def moment(text: str) -> datetime:
    """Return a date, or a date with its time, as a moment of UTC. Raises ArgumentTypeError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("write it as 2026-11-01 or 2026-11-01T14:30") from error
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    if found > timezone.now():
        raise ArgumentTypeError("nothing can have begun after now")
    return found


class Command(BaseCommand):
    help = (
        "Compare our books with the other side's. Without --apply nothing is changed. "
        f"Exit code {FOUND} where differences are left, {BROKEN} where the other side did not "
        "answer to the end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("domain", choices=sorted(wiring().reconcilers))
        parser.add_argument(
            "--since",
            type=moment,
            metavar="DATE",
            help="compare what began since then (UTC); default: since the oldest that is open",
        )
        parser.add_argument(
            "--apply", action="store_true", help="heal what is safe, open cases for the rest"
        )

    def handle(self, *args: Any, domain: str, **options: Any) -> None:
        console = Console(file=self.stdout, highlight=False, soft_wrap=True)  # type: ignore[arg-type]
        compare = resolve(wiring().reconcilers[domain])
        bar = Progress(
            TextColumn("comparing"), BarColumn(), TextColumn("{task.fields[day]}"),
            TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        try:
            with bar:
                task = bar.add_task("", total=1.0, day="")

                def progress(begins: datetime, done: datetime, ends: datetime) -> None:
                    part = (done - begins) / (ends - begins)
                    bar.update(task, completed=part, day=f"{done:%Y-%m-%d %H:%M}")

                report: Report = compare(
                    since=options["since"], apply=options["apply"], progress=progress
                )
        except Unfinished as error:
            raise CommandError(
                f"Not finished, so nothing is proven: {error}", returncode=BROKEN
            ) from error
        print_report(console, report, applied=options["apply"])
        if report.unfinished:
            raise SystemExit(BROKEN)
        if report.unhealed:
            raise SystemExit(FOUND)


def print_report(console: Console, report: Report, *, applied: bool) -> None:
    """Print what was compared, what differs, and how it stands."""
    compared = ", ".join(f"{count:,} {what}" for what, count in sorted(report.compared.items()))
    console.print(f"Compared {compared or 'nothing: there was nothing'}.")
    for what in report.waiting:
        console.print(f"Not compared: {escape(what)}.")
    if report.unfinished:
        console.print(f"{report.unfinished} could not be looked at: the log says why.")
    if report.found:
        table = Table("Difference", "Found", "Healed", "Left", box=None, pad_edge=False)
        for kind, found in sorted(report.found.items()):
            healed = report.healed[kind]
            table.add_row(str(kind), str(found), str(healed), str(found - healed))
        console.print(table)
        for words in report.examples:
            console.print(escape(words))
        if (more := report.found.total() - len(report.examples)) > 0:
            console.print(f"... and {more} more")
    if report.closed:
        console.print(f"{report.closed} cases closed: a difference is gone.")
    if not report.unhealed:
        console.print("Nothing differs." if not report.found else "All of it is healed.")
    elif applied:
        console.print("What is left is a case of its own in the staff pages.")
    else:
        console.print("Nothing was changed; --apply heals what is safe and opens cases.")
