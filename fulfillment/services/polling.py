"""Reading a warehouse: its lists are the truth, and one poll at a time reads them.

An answer that cannot be had, a page or an entry that cannot be recorded: none of them keeps the
rest from being read. A push only makes the next poll come sooner.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from fulfillment import gateways
from fulfillment.gateways.wms import (
    OutcomeUnknown,
    StockSnapshot,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Warehouse
from fulfillment.services import counts, dead_letters, returns, shipments
from globalmart.core import bell
from globalmart.core.alerts import open_alert
from globalmart.core.work import backoff

log = logging.getLogger(__name__)

PAGE = 100
# Longer than a call's deadline and the recording of a page together; each call renews it.
LEASE_SECONDS = 90
# After so long a poll makes way; the next one goes on where it ended.
BUDGET = timedelta(seconds=60)
# How long a silent warehouse is left alone at most; and one that only its counts cannot be had of.
MOST_SECONDS, MOST_SECONDS_FOR_COUNTS = 60, 10
NO_DATABASE = (OperationalError, InterfaceError)
Entry = TypeVar("Entry")


class _LeaseLost(Exception):
    """Somebody else polls this warehouse by now."""


def poll(*, warehouse_id: int, token: UUID) -> None:
    """Read what is due of the warehouse's lists and record it; set the time of the next poll.

    The count is fetched before the list of changes is read to its end, and written after it: every
    parcel that left before the count is known by then. Ends when the lease with this token has
    passed to somebody else. Waits for the network; refuses to run in a transaction.
    """
    warehouse = Warehouse.objects.filter(pk=warehouse_id, lease_token=token).first()
    if warehouse is None:
        return
    reader = _Reader(warehouse)
    try:
        reader.read()
    except _LeaseLost:
        return
    except WarehouseUnavailable as error:
        reader.fail(str(error), most=MOST_SECONDS)
    except NO_DATABASE as error:
        # A lock that was not had in time. What was being recorded is read again.
        reader.fail(f"The database did not answer: {type(error).__name__}", most=MOST_SECONDS)
    if not reader.errors and warehouse.last_error:
        dead_letters.resume_waiting(warehouse_id=warehouse.pk, now=timezone.now())
    reader.rest()


def hint(*, location: str, now: datetime) -> bool:
    """Poll this warehouse soon: somebody says that it has news. False if we know no such one.

    However often that is said, one poll at a time reads what is new. Rings; refuses to run in a
    transaction.
    """
    if not Warehouse.objects.filter(code=location).update(due_at=now):
        return False
    bell.ring(["fulfillment.polls"])
    return True


class _Reader:
    """One poll of one warehouse: what it has read, what failed, until when it may take."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.was_due_at = warehouse.due_at
        self.began = timezone.now()
        self.gateway = gateways.current()
        self.errors: list[str] = []
        self.most_seconds = 0.0
        self.is_at_end = True

    def read(self) -> None:
        count = self._fetch_count()
        is_whole = self._try(self._read_changes, most=MOST_SECONDS)
        if count is not None and is_whole:
            self._write_count(count)
        if self._is_due(self.warehouse.stock_read_at, settings.WMS_STOCK_SECONDS):
            self._try(self._read_stock, most=MOST_SECONDS_FOR_COUNTS)

    def fail(self, error: str, *, most: float) -> None:
        self.errors.append(error)
        self.most_seconds = max(self.most_seconds, most)

    def rest(self) -> None:
        """Free the lease and set the next poll, unless a push has done so meanwhile."""
        row, now = self.warehouse, timezone.now()
        seconds: float = settings.WMS_POLL_SECONDS if self.is_at_end else 0
        if self.errors:
            seconds = backoff(row.tries, most=self.most_seconds)
        fields: dict[str, Any] = {
            "tries": row.tries if self.errors else 0,
            "lease_until": None,
            "last_error": "; ".join(self.errors)[:500],
        }
        ours = Warehouse.objects.filter(pk=row.pk, lease_token=row.lease_token)
        due_at = now + timedelta(seconds=seconds)
        if not ours.filter(due_at=self.was_due_at).update(**fields, due_at=due_at):
            ours.update(**fields)

    def _is_due(self, read_at: datetime | None, seconds: float) -> bool:
        """Tell whether so many seconds have gone by; 0 means never."""
        if seconds <= 0:
            return False
        return read_at is None or self.began - read_at >= timedelta(seconds=seconds)

    def _try(self, step: Callable[[], bool], *, most: float) -> bool:
        """Take a step; what cannot be understood is noted, and the others are taken all the same.

        Raises WarehouseUnavailable: then none of them can be.
        """
        try:
            return step()
        except (OutcomeUnknown, WarehouseRejected) as error:
            self.fail(str(error), most=most)
            return False

    def _keep(self, **fields: Any) -> None:
        """Write these and renew the lease. Raises _LeaseLost."""
        row = self.warehouse
        ours = Warehouse.objects.filter(pk=row.pk, lease_token=row.lease_token)
        until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        if not ours.update(**fields, lease_until=until):
            raise _LeaseLost
        for name, value in fields.items():
            setattr(row, name, value)

    def _has_time(self) -> bool:
        self.is_at_end = timezone.now() - self.began < BUDGET
        return self.is_at_end

    def _fetch_count(self) -> StockSnapshot | None:
        if not self._is_due(self.warehouse.counted_at, settings.WMS_COUNT_HOURS * 3600):
            return None
        found: list[StockSnapshot] = []

        def fetch() -> bool:
            found.append(self.gateway.stock_snapshot(self.warehouse.code))
            return True

        self._try(fetch, most=MOST_SECONDS_FOR_COUNTS)
        return found[0] if found else None

    def _write_count(self, count: StockSnapshot) -> None:
        def write(snapshots: Sequence[StockSnapshot]) -> None:
            for each in snapshots:
                counts.apply_snapshot(
                    warehouse_id=self.warehouse.pk, snapshot=each, now=timezone.now()
                )

        self._keep()
        self._record([count], write)
        self._keep(counted_at=self.began)

    def _read_changes(self) -> bool:
        """Record every page of what has changed; tell whether the end was reached.

        Now and then the list is read again from some time before the last such reading: an entry
        that came late stands before the place that we have come to.
        """
        row = self.warehouse
        since, cursor = None, row.poll_cursor
        kept: dict[str, Any] = {}
        if self._is_due(row.reread_at, settings.WMS_REREAD_SECONDS):
            last = row.reread_at or row.polled_at
            since = last and last - timedelta(seconds=settings.WMS_OVERLAP_SECONDS)
            cursor, kept = "", {"reread_at": self.began}
        # Smaller after each failure: what cannot be read in one answer may be in several.
        limit = max(1, PAGE >> min(max(0, row.tries - 1), 10))
        while True:
            self._keep()
            page = self.gateway.list_changes(row.code, since, cursor, limit)
            shipments.record_page(warehouse_id=row.pk, orders=page.orders)
            # With the place of the second reading, its beginning counts: it goes on from there.
            self._keep(poll_cursor=page.next_cursor, polled_at=timezone.now(), **kept)
            since, cursor, kept = None, page.next_cursor, {}
            limit = min(PAGE, limit * 2)
            if not page.has_more or not self._has_time():
                return not page.has_more

    def _read_stock(self) -> bool:
        """Record what has changed on the shelves and what came back, to the end of both lists."""
        row = self.warehouse
        has_more = True
        while has_more and self._has_time():
            self._keep()
            page = self.gateway.stock_deltas(row.code, row.stock_cursor, PAGE)
            self._record(
                page.deltas,
                lambda some: counts.apply_deltas(
                    warehouse_id=row.pk, deltas=some, now=timezone.now()
                ),
            )
            self._keep(stock_cursor=page.next_cursor)
            has_more = page.has_more
        has_more = True
        while has_more and self._has_time():
            self._keep()
            found = self.gateway.return_receipts(row.code, row.returns_cursor, PAGE)
            self._record(
                found.receipts,
                lambda some: returns.record(warehouse_id=row.pk, receipts=some, now=timezone.now()),
            )
            self._keep(returns_cursor=found.next_cursor)
            has_more = found.has_more
        if not has_more:
            self._keep(stock_read_at=self.began)
        return not has_more

    def _record(self, entries: Sequence[Entry], record: Callable[[Sequence[Entry]], Any]) -> None:
        """Record a page; where that fails, each entry by itself, and alarm at those that fail."""
        try:
            record(entries)
            return
        except NO_DATABASE:
            raise
        except Exception:
            log.exception("a page of the warehouse %s cannot be recorded", self.warehouse.code)
        for entry in entries:
            try:
                record([entry])
            except NO_DATABASE:
                raise
            except Exception as error:
                self._alert(type(entry).__name__, type(error).__name__)

    def _alert(self, what: str, error: str) -> None:
        open_alert(
            kind="warehouse_entry_refused",
            subject_type="warehouse",
            subject_id=self.warehouse.pk,
            detail=f"A {what} of {self.warehouse.code} cannot be recorded: {error}",
        )
