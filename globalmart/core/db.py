"""What every app's tables share: ordered locks, work rows, no network in transactions."""

import select
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID, uuid4

from django.db import close_old_connections, connection, models
from django.db.models import Q

LOCK_NOT_AVAILABLE = "55P03"
# One statement that commits by itself: workers claim so often that four would be felt.
CLAIM = """
WITH due(key) AS MATERIALIZED ({due} FOR NO KEY UPDATE SKIP LOCKED)
UPDATE {table} AS work
   SET lease_until = %s, lease_token = %s, tries = work.tries + 1
  FROM due
 WHERE work.{key} = due.key
RETURNING work.{key}
"""
Row = TypeVar("Row", bound=models.Model, covariant=True)


class NetworkInTransaction(RuntimeError):
    """Somebody was about to wait for the network while holding row locks."""


def in_real_transaction() -> bool:
    """Tell whether a transaction is open that the code itself opened (not a test's wrapper)."""
    blocks = getattr(connection, "atomic_blocks", [])
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def forbid_transaction() -> None:
    """Refuse to go on inside a transaction (rule R1). Raises NetworkInTransaction."""
    if in_real_transaction():
        raise NetworkInTransaction("No network call while a database transaction is open.")


def renew_connection() -> None:
    """Begin a piece of work without what the last one has broken, and without what is too old.

    Django would ask the server each time whether it is still there. Here it is asked only where
    the connection has something to say although nobody has asked: that it has hung up, mostly.
    """
    close_old_connections()
    if connection.connection is not None and not _has_spoken(connection.connection.fileno()):
        connection.health_check_done = True  # type: ignore[attr-defined]  # its own switch


def _has_spoken(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def sqlstate(error: BaseException) -> str:
    """Return the five-character SQLSTATE behind a Django database error, or an empty string."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_lock_timeout(error: BaseException) -> bool:
    """Tell whether the error says that a lock was not had within lock_timeout."""
    return sqlstate(error) == LOCK_NOT_AVAILABLE


def constraint_name(error: BaseException) -> str:
    """Return the name of the constraint that an IntegrityError broke, or an empty string."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


class LockingQuerySet(models.QuerySet[Row]):
    def locked(self) -> Self:
        """Rows in primary-key order, locked until the transaction ends.

        FOR NO KEY UPDATE of this table alone: plain FOR UPDATE fights with the foreign-key
        checks of other apps' rows, and joined tables must not be locked by accident.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Lease(NamedTuple):
    """A work row and the token of the claim that leased it."""

    key: int
    token: UUID


class WorkQuerySet(LockingQuerySet[Row]):
    def due(self, *, now: datetime) -> Self:
        """Rows whose time has come and that no live worker holds."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        return self.filter(free, due_at__lte=now)

    def claim(self, *, now: datetime, limit: int, lease_seconds: float) -> list[int]:
        """Lease up to `limit` due rows, oldest first, and return their keys; commits.

        For work that is one transaction under the row's lock: who comes too late finds it done.
        """
        leases = self.lease(now=now, limit=limit, lease_seconds=lease_seconds)
        return [lease.key for lease in leases]

    def lease(self, *, now: datetime, limit: int, lease_seconds: float) -> list[Lease]:
        """Lease up to `limit` due rows, oldest first, and return them with the token; commits.

        For work that waits for the network: it must compare the token before it sends and before
        it writes, for its lease may have ended while the row waited for a thread.
        """
        forbid_transaction()
        token = uuid4()
        due = self.due(now=now).order_by("due_at", "pk").values_list("pk", flat=True)[:limit]
        query, params = due.query.sql_with_params()
        table, key = self.model._meta.db_table, self.model._meta.pk.column
        with connection.cursor() as cursor:
            cursor.execute(
                CLAIM.format(due=query, table=table, key=key),
                [*params, now + timedelta(seconds=lease_seconds), token],
            )
            return [Lease(found, token) for (found,) in sorted(cursor.fetchall())]


class WorkRow(models.Model):
    """A row that says: this is to be done, from `due_at` on. The only retry clock there is.

    `lease_until` keeps other workers away while one holds the row; `lease_token` lets that one
    see that it still does. A row with `due_at` NULL waits for nothing.
    """

    due_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        abstract = True

    def rest(self) -> None:
        """Nothing more to do: no due time, no lease. The caller saves WORK_FIELDS."""
        self.due_at = None
        self.lease_until = None

    def postpone(self, *, now: datetime, seconds: float, error: str = "") -> None:
        """Free the lease and make the row due again later. The caller saves WORK_FIELDS."""
        self.due_at = now + timedelta(seconds=seconds)
        self.lease_until = None
        self.last_error = error[:500]

    def is_held_by(self, token: UUID | None) -> bool:
        """Tell whether this lease is still the given one (a zombie's is not)."""
        return token is not None and self.lease_token == token


WORK_FIELDS = ("due_at", "lease_until", "last_error")


def due_index(table: str, **condition: Any) -> models.Index:
    """A partial index on the rows of a work table that are due some day."""
    return models.Index(
        fields=["due_at"], name=f"{table}_due", condition=Q(due_at__isnull=False, **condition)
    )
