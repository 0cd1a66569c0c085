"""Sales invoices of a file as orders, each through the checkout that customers use."""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Event

from django.db import connection

from globalmart.core.models import ApiClient
from orders.imports.cleaning import Line, Reason, clean_record
from orders.imports.countries import find_country
from orders.imports.invoices import CLIENT_NAME, Found, Invoice, find_placed, look_up_shop
from orders.imports.placing import Outcome, place_invoice
from orders.imports.progress import Meter, show_progress
from orders.imports.reading import read_records
from orders.imports.report import Rows, count_rows, write_rejects
from orders.imports.spool import Spool, SpooledLine

BATCH = 200
THREADS = 4
AHEAD = 3 * THREADS
# Orders that were placed without some of their invoice's rows.
PARTLY = """
SELECT count(*) FROM awaited WHERE EXISTS (
    SELECT 1 FROM line WHERE line.invoice = awaited.invoice AND line.status = 'rejected')
"""


@dataclass(slots=True)
class OrdersReport:
    """Counts of orders; amounts in pence. `present` orders were placed by an earlier run."""

    rows: Rows
    placed: int = 0
    present: int = 0
    partly: int = 0
    empty: int = 0
    busy: int = 0
    seconds: float = 0.0
    invoice_total_minor: int = 0
    used_total_minor: int = 0
    order_total_minor: int = 0
    shipping_minor: int = 0
    is_interrupted: bool = False

    @property
    def per_second(self) -> float:
        return self.placed / self.seconds if self.seconds else 0.0


class OrderImport:
    """One run over one file, its rows in a spool.

    `limit` bounds the orders placed in this run; once `stop` is set, no further one is begun.
    """

    def __init__(
        self, *, spool: Spool, path: Path, stop: Event, notify: bool, limit: int | None
    ) -> None:
        self.spool, self.path, self.stop = spool, path, stop
        self.notify, self.limit = notify, limit
        self.client_id = 0
        self.report = OrdersReport(rows=Rows())
        self.read = 0

    def run(self, *, rejects: Path) -> OrdersReport:
        """Read the file, place its orders, account for every row.

        A stop ends it after the orders that are under way, with a report of what is done.
        Raises UnreadableFile; errors of the checkout and the database, after the rejects are
        written.
        """
        with show_progress(title="Reading", unit="rows", total=None) as meter:
            self.read = self.spool.load(_watched(self.path, meter, self.stop))
        self.spool.open_returns()
        total = self.spool.count("SELECT count(DISTINCT invoice) FROM line WHERE status = 'open'")
        self.client_id = ApiClient.objects.get_or_create(name=CLIENT_NAME)[0].pk
        started = time.monotonic()
        try:
            with show_progress(title="Orders", unit="orders", total=total) as meter:
                self._place_all(meter)
        finally:
            self.report.is_interrupted = self.stop.is_set()
            self.report.seconds = time.monotonic() - started
            self.report.partly = self.spool.count(PARTLY)
            self.report.used_total_minor = self.spool.used_total()
            self.account(rejects=rejects)
        return self.report

    def account(self, *, rejects: Path) -> None:
        """Count the rows as they are now, and write the rejected ones down."""
        self.report.rows = count_rows(spool=self.spool, read=self.read)
        write_rejects(spool=self.spool, source=self.path, target=rejects)

    def _place_all(self, meter: Meter) -> None:
        """Keep a few orders under way at once, so that waiting for commits overlaps."""
        waiting: deque[Future[Outcome]] = deque()
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="import")
        try:
            for invoice in self._list_wanted(meter):
                waiting.append(pool.submit(self._place, invoice))
                while len(waiting) >= AHEAD:
                    self._take_first(waiting, meter)
            while waiting:
                self._take_first(waiting, meter)
        finally:
            # After an error too, what has begun is finished and recorded.
            for future in waiting:
                future.cancel()
            _close_connections(pool)
            for future in waiting:
                if not future.cancelled() and future.exception() is None:
                    self._record(future.result())

    def _take_first(self, waiting: deque[Future[Outcome]], meter: Meter) -> None:
        outcome = waiting[0].result()
        waiting.popleft()
        self._record(outcome)
        self._tell(meter)

    def _tell(self, meter: Meter) -> None:
        meter(self.report.placed + self.report.present + self.report.empty)

    def _place(self, invoice: Invoice) -> Outcome:
        if self.stop.is_set():
            return Outcome(invoice=invoice, is_untried=True, refused={})
        return place_invoice(invoice=invoice, client_id=self.client_id, notify=self.notify)

    def _list_wanted(self, meter: Meter) -> Iterator[Invoice]:
        """Yield what is still to be placed, in the order of the invoice numbers."""
        after, sent = "", 0
        while numbers := self.spool.list_invoices(after=after, limit=BATCH):
            after = numbers[-1]
            for invoice in self._look_at(numbers):
                if self.stop.is_set() or (self.limit is not None and sent >= self.limit):
                    return
                sent += 1
                yield invoice
            self._tell(meter)

    def _look_at(self, numbers: list[str]) -> list[Invoice]:
        """Sort a batch of invoices: those there already, rows that cannot be, the rest."""
        found = find_placed(client_id=self.client_id, numbers=numbers)
        lines = {number: self.spool.list_open(invoice=number) for number in numbers}
        shop = look_up_shop(skus=(line.sku for rows in lines.values() for line in rows))
        wanted = []
        for number, rows in lines.items():
            total = self.spool.invoice_total(invoice=number)
            skus = found[number].skus if number in found else set()
            usable = []
            for row in rows:
                reason = None if row.sku in skus else _refusal(row, shop.sold, shop.priced)
                if reason is None:
                    usable.append(row)
                else:
                    self.spool.reject([row.line], reason)
            invoice = Invoice(number=number, lines=usable, total_minor=total)
            if number in found:
                self._note_present(invoice, found)
            elif usable:
                wanted.append(invoice)
            else:
                self.report.empty += 1
        return wanted

    def _note_present(self, invoice: Invoice, found: dict[str, Found]) -> None:
        """An earlier run placed it: rows whose SKU it lacks could not be had then."""
        order = found[invoice.number]
        lacking = {line.sku for line in invoice.lines} - order.skus
        self.spool.reject(invoice.lines_of(lacking), Reason.SOLD_OUT, "when it was placed")
        self.spool.mark(invoice.lines_of(order.skus), "present")
        self.spool.await_order(invoice.number, order.number)
        self.report.present += 1
        self._sum(invoice, order.total_minor, order.shipping_minor)

    def _record(self, outcome: Outcome) -> None:
        """Write what became of an invoice into the spool and the report."""
        invoice = outcome.invoice
        if outcome.is_untried:
            self.report.busy += not self.stop.is_set()
            return
        for sku, (reason, detail) in outcome.refused.items():
            self.spool.reject(invoice.lines_of([sku]), reason, detail)
        if not outcome.is_order:
            self.report.empty += 1
            return
        if not outcome.is_new:
            found = find_placed(client_id=self.client_id, numbers=[invoice.number])
            self._note_present(invoice, found)
            return
        used = {line.sku for line in invoice.lines} - set(outcome.refused)
        self.spool.mark(invoice.lines_of(used), "placed")
        self.spool.await_order(invoice.number, outcome.number)
        self.report.placed += 1
        self._sum(invoice, outcome.total_minor, outcome.shipping_minor)

    def _sum(self, invoice: Invoice, total_minor: int, shipping_minor: int) -> None:
        self.report.invoice_total_minor += invoice.total_minor
        self.report.order_total_minor += total_minor
        self.report.shipping_minor += shipping_minor


def _refusal(row: SpooledLine, sold: set[str], priced: set[str]) -> Reason | None:
    if find_country(name=row.country) is None:
        return Reason.COUNTRY
    if row.sku not in sold:
        return Reason.UNKNOWN_SKU if row.description else Reason.NO_DESCRIPTION
    return None if row.sku in priced else Reason.NOT_PRICED


def _watched(path: Path, meter: Meter, stop: Event) -> Iterator[Line]:
    for number, record in enumerate(read_records(path=path), start=1):
        if stop.is_set():
            return
        meter(number)
        yield clean_record(record=record)


def _close_connections(pool: ThreadPoolExecutor) -> None:
    """End the pool; each of its threads first closes its own database connection."""
    together = Barrier(THREADS)

    def close() -> None:
        together.wait()
        connection.close()

    for _ in range(THREADS):
        pool.submit(close)
    pool.shutdown(wait=True)
