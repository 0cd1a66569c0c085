"""C-invoices as returns of the orders that they reverse: matched, or listed with the reason.

A row of a C-invoice reverses a sale to the same customer, of the same code, on the same day or an
earlier one, of which at least so many units have not come back: the latest of these. Nothing is
bent into a match: what has none is rejected, and says why.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from orders.imports.cleaning import Reason
from orders.imports.progress import show_progress
from orders.imports.spool import Spool, SpooledLine
from orders.models import OrderLine, Return
from orders.queries.returns import asked_back
from orders.services.returns import inspecting, receiving, requesting
from orders.services.returns.steps import IMPORT, CannotReturn
from orders.states import Decision, Disposition, OrderState, Reception
from payments import queries as payments

# Names the rows of C-invoices, so that a row is booked once however often the file is read.
ROWS = UUID("6d3f4a52-6d2f-4f2c-9a51-1f6f3a2b9e07")
PAUSE_SECONDS = 1.0
NO_CONTRACT = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.DRAFT)
MOVING = ("requested", "approved", "processing", "pending", "unknown", "requires_action")


@dataclass(slots=True)
class ReturnsReport:
    """Rows of C-invoices: booked now, booked by an earlier run, waiting for their order to end, and
    without a match. `refunded_minor` is what was asked for, in pence; `orders` are their keys."""

    booked: int = 0
    present: int = 0
    waiting: int = 0
    unmatched: int = 0
    refunded_minor: int = 0
    orders: set[int] = field(default_factory=set)


def import_returns(*, spool: Spool, client_id: int, stop: Event) -> ReturnsReport:
    """Book the returns of the file, in the order of their dates, and note what became of each row.

    Run again, it books only what is missing.
    """
    report, nth, kept = ReturnsReport(), Counter[tuple[str, str]](), Counter[int]()
    rows = spool.list_returns()
    with show_progress(title="Returns", unit="rows", total=len(rows)) as meter:
        for done, row in enumerate(rows, start=1):
            if stop.is_set():
                break
            nth[row.invoice, row.sku] += 1
            uuid = uuid5(ROWS, f"{client_id}:{row.invoice}:{row.sku}:{nth[row.invoice, row.sku]}")
            _import_row(spool, row, uuid, client_id, kept, report)
            meter(done)
    report.refunded_minor = sum(_asked_for(order_id) for order_id in report.orders)
    return report


def _import_row(
    spool: Spool,
    row: SpooledLine,
    uuid: UUID,
    client_id: int,
    kept: Counter[int],
    report: ReturnsReport,
) -> None:
    found = Return.objects.filter(uuid=uuid).first()
    if found is not None:
        report.present += 1
        report.orders.add(found.order_id)
        spool.mark([row.line], "returned")
        return
    line = find_sale(row=row, client_id=client_id, kept=kept)
    if line is None:
        report.unmatched += 1
        spool.reject([row.line], Reason.RETURN, "no sale of so many to this customer before it")
        return
    if line.order.state != OrderState.COMPLETED:
        kept[line.pk] -= row.quantity
        report.waiting += 1
        return
    try:
        book(row=row, line=line, uuid=uuid, now=timezone.now())
    except CannotReturn as error:
        report.unmatched += 1
        spool.reject([row.line], Reason.RETURN, str(error))
        return
    report.booked += 1
    report.orders.add(line.order_id)
    spool.mark([row.line], "returned")


def find_sale(*, row: SpooledLine, client_id: int, kept: Counter[int]) -> OrderLine | None:
    """Return the line of an imported order that the row reverses, or None. `row.quantity` is below
    zero; `kept` counts by line what earlier rows wait for."""
    lines = OrderLine.objects.filter(
        order__api_client_id=client_id,
        order__email=f"customer-{row.customer}@import.invalid",
        sku=row.sku,
    ).select_related("order")
    fitting = [
        # Orders of one moment are placed side by side: their invoices' numbers tell the later one.
        (line.order.metadata["invoice_date"], line.order.external_ref or "", line.pk, line)
        for line in lines.exclude(order__state__in=NO_CONTRACT)
        if line.order.metadata["invoice_date"][:10] <= row.invoiced_at[:10]
        and _left(line, kept) >= -row.quantity
    ]
    return max(fitting, key=lambda each: each[:3])[3] if fitting else None


def _left(line: OrderLine, kept: Counter[int]) -> int:
    gone = line.cancelled + line.returned + asked_back(order_id=line.order_id)[line.pk]
    return line.quantity - gone - kept[line.pk]


@transaction.atomic
def book(*, row: SpooledLine, line: OrderLine, uuid: UUID, now: datetime) -> None:
    """Book a return from its wish to its refund, as far as the refund's own way allows.

    The goods are taken back into nobody's stock: they came back long ago. Raises CannotReturn.
    """
    units = -row.quantity
    rma = requesting.request_return(
        order_id=line.order_id,
        uuid=uuid,
        units={line.position: units},
        reasons={line.position: "C invoice"},
        actor=IMPORT,
        now=now,
        method="own",
        note=f"C-invoice {row.invoice} of {row.invoiced_at}",
    )
    receiving.receive_by_hand(
        return_id=rma.pk,
        uuid=uuid,
        sku=row.sku,
        quantity=units,
        reception=Reception.RECEIVED,
        actor=IMPORT,
        now=now,
    )
    for each in rma.lines.all():
        inspecting.inspect(
            row_id=each.pk,
            quantity=each.quantity,
            decision=Decision.ACCEPTED,
            disposition=Disposition.RESTOCK,
            actor=IMPORT,
            now=now,
        )


def _asked_for(order_id: int) -> int:
    views = payments.list_refunds(order_id=order_id)
    return sum(view.amount_minor for view in views if view.is_counted)


def wait_for_refunds(*, report: ReturnsReport, timeout_seconds: float, stop: Event) -> int:
    """Return how many orders have a refund that has not come to its end, when none has, or after
    the time."""
    until = time.monotonic() + timeout_seconds
    left = set(report.orders)
    total = len(left)
    with show_progress(title="Refunds", unit="orders", total=total) as meter:
        while left:
            left = {order_id for order_id in left if _is_moving(order_id)}
            meter(total - len(left))
            if not left or time.monotonic() >= until or stop.wait(PAUSE_SECONDS):
                break
    return len(left)


def _is_moving(order_id: int) -> bool:
    return any(view.state in MOVING for view in payments.list_refunds(order_id=order_id))
