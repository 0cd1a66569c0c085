"""Waiting until the imported orders have come to their end."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from orders.imports.progress import show_progress
from orders.imports.spool import Spool
from orders.models import Order
from orders.states import AT_REST

BATCH = 1_000
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An order that is not final: its number, its invoice, its state and since when."""

    number: str
    invoice: str
    state: str
    since: datetime


@dataclass(slots=True)
class Finals:
    """How many orders ended in which state, and those that did not end."""

    counts: dict[str, int] = field(default_factory=dict)
    unfinished: list[Unfinished] = field(default_factory=list)


def wait_for_finals(*, spool: Spool, client_id: int, timeout_seconds: float, stop: Event) -> Finals:
    """Return when every placed or found order is completed, cancelled or expired.

    Gives up after `timeout_seconds` or when `stop` is set, and then lists those that are not.
    """
    total = spool.count("SELECT count(*) FROM awaited")
    until = time.monotonic() + timeout_seconds
    with show_progress(title="Final", unit="orders", total=total) as meter:
        while True:
            _look(spool, client_id)
            final = spool.count("SELECT count(*) FROM awaited WHERE state <> ''")
            meter(final)
            if final == total or time.monotonic() >= until or stop.wait(PAUSE_SECONDS):
                break
    return Finals(
        counts=dict(
            spool.database.execute(
                "SELECT state, count(*) FROM awaited WHERE state <> '' GROUP BY state ORDER BY 1"
            )
        ),
        unfinished=_list_unfinished(spool, client_id),
    )


def _batches(spool: Spool) -> Iterator[list[str]]:
    """Yield the invoices that are still open, some at a time."""
    after = ""
    while True:
        rows = spool.database.execute(
            "SELECT invoice FROM awaited WHERE state = '' AND invoice > ? ORDER BY invoice LIMIT ?",
            (after, BATCH),
        ).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [invoice for (invoice,) in rows]


def _look(spool: Spool, client_id: int) -> None:
    """Note the orders that came to their end since the last look."""
    for batch in _batches(spool):
        orders = Order.objects.filter(
            api_client_id=client_id, external_ref__in=batch, state__in=AT_REST
        )
        spool.database.executemany(
            "UPDATE awaited SET state = ? WHERE invoice = ?",
            list(orders.values_list("state", "external_ref")),
        )


def _list_unfinished(spool: Spool, client_id: int) -> list[Unfinished]:
    unfinished = []
    for batch in _batches(spool):
        orders = Order.objects.filter(api_client_id=client_id, external_ref__in=batch)
        unfinished += [
            Unfinished(order.number, order.external_ref or "", order.state, order.state_changed_at)
            for order in orders.order_by("external_ref")
        ]
    return unfinished
