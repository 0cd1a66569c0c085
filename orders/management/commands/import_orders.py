"""manage.py import_orders FILE"""

from argparse import ArgumentParser
from pathlib import Path
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from globalmart.core.money import display
from orders.imports.invoices import CURRENCY
from orders.imports.orders import OrderImport, OrdersReport
from orders.imports.reading import UnreadableFile
from orders.imports.report import row_lines
from orders.imports.returns import import_returns, wait_for_refunds
from orders.imports.spool import Spool, open_spool
from orders.imports.stopping import stop_on_interrupt
from orders.imports.waiting import Finals, wait_for_finals
from orders.queries.pricing import UnknownShippingMethod

INTERRUPTED = 130


class Command(BaseCommand):
    help = "Place one order per sales invoice of a file of past sales (Online Retail format)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--limit", type=int, metavar="N", help="place at most N orders now")
        parser.add_argument(
            "--notify", action="store_true", help="send messages to .invalid addresses all the same"
        )
        parser.add_argument(
            "--wait", action="store_true", help="return when every order of the file is final"
        )
        parser.add_argument(
            "--wait-timeout", type=float, default=3600.0, metavar="SECONDS", help="default: an hour"
        )
        parser.add_argument("--rejects", type=Path, help="default: var/rejects-NAME.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_LIVE:
            raise CommandError(
                "import_orders pays with a test card, which live Stripe keys refuse. "
                "Use test keys (sk_test_...)."
            )
        path: Path = options["file"]
        rejects = options["rejects"] or Path("var") / f"rejects-{path.stem}.csv"
        with stop_on_interrupt() as stop, open_spool() as spool:
            job = OrderImport(
                spool=spool,
                path=path,
                stop=stop,
                notify=options["notify"],
                limit=options["limit"],
            )
            try:
                job.run(rejects=rejects)
            except UnreadableFile as error:
                raise CommandError(str(error)) from error
            except UnknownShippingMethod as error:
                raise CommandError(
                    "The shop has no active shipping method `standard` with a rate in GBP. "
                    "Add one in the admin, or run manage.py seed_demo."
                ) from error
            except DatabaseError as error:
                self._print(job.report, rejects)
                raise CommandError(
                    f"The database gave up: {error}. Run the same command again: it goes on."
                ) from error
            self._print(job.report, rejects)
            if job.report.is_interrupted:
                self.stdout.write("Stopped. Run the same command again: it goes on from here.")
                raise SystemExit(INTERRUPTED)
            finals = None
            if options["wait"]:
                finals = self._wait(spool, job.client_id, options["wait_timeout"], stop)
            is_settled = self._import_returns(job, rejects, options)
            if finals is not None and finals.unfinished:
                left = len(finals.unfinished)
                raise CommandError(f"{left:,} orders are not final.", returncode=1)
            if not is_settled:
                raise CommandError("Some refunds have not come to their end.", returncode=1)

    def _print(self, report: OrdersReport, rejects: Path) -> None:
        difference = report.order_total_minor - report.invoice_total_minor
        lines = row_lines(rows=report.rows, rejects=rejects)
        lines += [
            f"Orders: {report.placed:,} placed, {report.present:,} were already there"
            f" ({report.partly:,} without some of their rows),"
            f" {report.empty:,} invoices without a usable row",
            f"Speed: {report.per_second:,.1f} orders per second over {report.seconds:,.1f} s",
            f"Invoices of these orders: {display(report.invoice_total_minor, CURRENCY)},"
            f" of it {display(report.used_total_minor, CURRENCY)} on the rows used",
            f"Orders by our prices: {display(report.order_total_minor, CURRENCY)},"
            f" of it {display(report.shipping_minor, CURRENCY)} shipping",
            f"Difference (orders - invoices): {display(difference, CURRENCY)}",
        ]
        if report.busy:
            lines.append(f"Busy: {report.busy:,} orders could not be placed now. Run it again.")
        self.stdout.write("\n".join(lines))

    def _import_returns(self, job: OrderImport, rejects: Path, options: dict[str, Any]) -> bool:
        """Book the C-invoices; tell whether their refunds came to their end, where that is waited
        for."""
        done = import_returns(spool=job.spool, client_id=job.client_id, stop=job.stop)
        job.account(rejects=rejects)
        self.stdout.write(
            f"Returns: {done.booked:,} rows of C-invoices booked, {done.present:,} were already"
            f" there, {done.unmatched:,} reverse no sale that is here\n"
            f"Refunds of these orders: {display(done.refunded_minor, CURRENCY)}"
        )
        if done.waiting:
            self.stdout.write(
                f"Waiting: {done.waiting:,} returns whose orders are not completed yet."
                " Run the same command again, with --wait."
            )
        self.stdout.write("\n".join(row_lines(rows=job.report.rows, rejects=rejects)))
        if not options["wait"]:
            return True
        left = wait_for_refunds(report=done, timeout_seconds=options["wait_timeout"], stop=job.stop)
        if left:
            self.stdout.write(f"Not final: the refunds of {left:,} orders")
        return not left

    def _wait(self, spool: Spool, client_id: int, timeout_seconds: float, stop: Event) -> Finals:
        finals = wait_for_finals(
            spool=spool, client_id=client_id, timeout_seconds=timeout_seconds, stop=stop
        )
        counts = [f"{count:,} {state}" for state, count in finals.counts.items()]
        self.stdout.write("Final: " + (", ".join(counts) or "none"))
        for order in finals.unfinished:
            since = order.since.isoformat(timespec="seconds")
            self.stdout.write(
                f"Not final: {order.number} (invoice {order.invoice}) {order.state} since {since}"
            )
        return finals
