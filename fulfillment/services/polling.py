"""Reading a warehouse: its lists are the truth, and one poll at a time reads them.

An answer that cannot be had, a page or an entry that cannot be recorded: none of them keeps the
rest from being read. A push only makes the next poll come sooner.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from fulfillment import gateways
from fulfillment.gateways.wms import (
    ChangePage,
    EntryUnreadable,
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
# Reading again begins anew where it was cut off, so it may take longer; but not for ever.
BUDGET_AGAIN = timedelta(minutes=10)
# How long a silent warehouse is left alone at most; and one that only its counts cannot be had of.
MOST_SECONDS, SECONDS_FOR_COUNTS = 60, 10
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
        reader.fail(str(error))
    except NO_DATABASE as error:
        # A lock that was not had in time. What was being recorded is read again.
        reader.fail(f"The database did not answer: {type(error).__name__}")
    if reader.is_back():
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
        self.was_due_at, self.was_polled_at = warehouse.due_at, warehouse.polled_at
        self.began = timezone.now()
        self.gateway = gateways.current()
        self.errors: list[str] = []
        self.has_failed = False
        self.is_at_end = True

    def read(self) -> None:
        """Read all that is due. What fails of the counts is noted, and stops nothing else.

        Raises WarehouseUnavailable where the changes cannot be had: then nothing can be.
        """
        row = self.warehouse
        count = self._fetch_count()
        is_whole = self._try(self._read_changes)
        if is_whole and self._is_due(row.reread_at, settings.WMS_REREAD_SECONDS):
            self._try(self._read_again)
        if count is not None and is_whole:
            self._write_count(count)
        if self._is_due(row.stock_read_at, settings.WMS_STOCK_SECONDS):
            ends = [self._try_aside(step) for step in (self._read_deltas, self._read_receipts)]
            if all(ends):
                self._keep(stock_read_at=self.began)

    def fail(self, error: str) -> None:
        """The changes could not be read: less is asked for next time, and later."""
        self.errors.append(error)
        self.has_failed = True

    def is_back(self) -> bool:
        """Tell whether the changes could be read, and could not the last time."""
        return not self.has_failed and self.warehouse.tries > 1

    def rest(self) -> None:
        """Free the lease and set the next poll, unless a push has done so meanwhile."""
        row, now = self.warehouse, timezone.now()
        seconds: float = settings.WMS_POLL_SECONDS if self.is_at_end else 0
        if self.has_failed:
            seconds = backoff(row.tries, most=MOST_SECONDS)
        elif self.errors:
            seconds = SECONDS_FOR_COUNTS
        fields: dict[str, Any] = {
            # Of the changes alone: what goes wrong with counts must not make their pages small.
            "tries": row.tries if self.has_failed else 0,
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

    def _try(self, step: Callable[[], bool]) -> bool:
        """Read changes; what cannot be understood is noted. Raises WarehouseUnavailable."""
        try:
            return step()
        except (OutcomeUnknown, WarehouseRejected) as error:
            self.fail(str(error))
            return False

    def _try_aside(self, step: Callable[[], bool]) -> bool:
        """Read something else; one operation that is turned away says nothing of the others."""
        try:
            return step()
        except (OutcomeUnknown, WarehouseRejected, WarehouseUnavailable) as error:
            self.errors.append(str(error))
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

        self._try_aside(fetch)
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
        """Record what has changed from where we are; tell whether the end was reached."""
        for page in self._pages(self.warehouse.poll_cursor, None):
            self._keep(poll_cursor=page.next_cursor, polled_at=timezone.now())
            if not page.has_more or not self._has_time():
                return not page.has_more
        return True

    def _read_again(self) -> bool:
        """Read the list again from some time before the last such reading: an entry that came late
        stands before the place that we have come to.

        That place stays: `since` is of our clock and the list of theirs, so this reading may begin
        too late, and end before what is still to be read.
        """
        last = self.warehouse.reread_at or self.was_polled_at
        if last is not None:
            since = last - timedelta(seconds=settings.WMS_OVERLAP_SECONDS)
            ends = timezone.now() + BUDGET_AGAIN
            for page in self._pages("", since):
                if page.has_more and timezone.now() > ends:
                    log.warning("%s was not read again to its end", self.warehouse.code)
                    break
        self._keep(reread_at=self.began)
        return True

    def _pages(self, cursor: str, since: datetime | None) -> Iterator[ChangePage]:
        """Give each page of the list of changes when it is recorded."""
        row = self.warehouse
        # Smaller after each failure: what cannot be read in one answer may be in several.
        limit = max(1, PAGE >> min(max(0, row.tries - 1), 10))
        has_more = True
        while has_more:
            self._keep()
            page = self._ask_for_page(since, cursor, limit)
            shipments.record_page(warehouse_id=row.pk, orders=page.orders)
            yield page
            since, cursor, has_more = None, page.next_cursor, page.has_more
            limit = min(PAGE, limit * 2)

    def _ask_for_page(self, since: datetime | None, cursor: str, limit: int) -> ChangePage:
        """Ask for a page; an entry that cannot be read even by itself is passed over, with an
        alert, for it would keep all that follow from being read."""
        try:
            return self.gateway.list_changes(self.warehouse.code, since, cursor, limit)
        except EntryUnreadable as error:
            if limit > 1:
                raise
            log.warning("%s tells of %r: %s", self.warehouse.code, error.reference, error)
            self._alert(f"word on {error.reference or 'an order'}", str(error))
            return ChangePage((), error.next_cursor, error.has_more)

    def _read_deltas(self) -> bool:
        """Record what has changed on the shelves; tell whether the end was reached."""
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
        return not has_more

    def _read_receipts(self) -> bool:
        """Record what came back; tell whether the end was reached."""
        row = self.warehouse
        has_more = True
        while has_more and self._has_time():
            self._keep()
            page = self.gateway.return_receipts(row.code, row.returns_cursor, PAGE)
            self._record(
                page.receipts,
                lambda some: returns.record(warehouse_id=row.pk, receipts=some, now=timezone.now()),
            )
            self._keep(returns_cursor=page.next_cursor)
            has_more = page.has_more
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
                what, name = type(entry).__name__, type(error).__name__
                log.warning("the %s %s cannot be recorded: %s", what, _key(entry), name)
                self._alert(what, name)

    def _alert(self, what: str, error: str) -> None:
        open_alert(
            kind="warehouse_entry_refused",
            subject_type="warehouse",
            subject_id=self.warehouse.pk,
            detail=f"A {what} of {self.warehouse.code} cannot be recorded: {error}",
        )


def _key(entry: object) -> str:
    """Return the warehouse's own key of what it told."""
    return str(getattr(entry, "delta_id", "") or getattr(entry, "receipt_id", ""))
