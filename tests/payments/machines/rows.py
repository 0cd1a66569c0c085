"""The rows of one order's money, in memory: what `open_books` reads and writes in PostgreSQL."""

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from payments.models import LedgerEntry, OrderAccount, PaymentAttempt, PaymentOperation
from payments.services.books import Books
from payments.services.ledger import HOLDS, SALES
from payments.states import LATE, AttemptState, OperationKind


@dataclass(slots=True)
class Rows:
    """Account, attempts and operations of one order; the sums of its ledger; what is told."""

    account: OrderAccount
    attempts: dict[int, PaymentAttempt] = field(default_factory=dict)
    operations: dict[int, PaymentOperation] = field(default_factory=dict)
    # What each attempt's entries sum to, by (attempt, account).
    ledger: Counter[tuple[int, str]] = field(default_factory=Counter)
    alerts: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    # Names of events that nobody has heard yet.
    events: list[str] = field(default_factory=list)

    def add(self, attempt: PaymentAttempt, operations: list[PaymentOperation]) -> None:
        """Insert an attempt with its operations."""
        attempt.pk = len(self.attempts) + 1
        self.attempts[attempt.pk] = attempt
        for operation in operations:
            operation.attempt = attempt
            self._insert(operation)

    def _insert(self, operation: PaymentOperation) -> None:
        operation.pk = len(self.operations) + 1
        self.operations[operation.pk] = operation

    def of(self, attempt: PaymentAttempt) -> list[PaymentOperation]:
        """Return the attempt's operations."""
        return [each for each in self.operations.values() if each.attempt_id == attempt.pk]

    @contextmanager
    def open_books(
        self, attempt_id: int, *, actor: str, now: datetime, operation_id: int | None = None
    ) -> Iterator[Books]:
        """One transaction: nobody else sees or does anything between its begin and its end."""
        attempt = self.attempts[attempt_id]
        operation = self.operations[operation_id] if operation_id is not None else None
        if operation is not None and operation.attempt_id != attempt_id:
            operation = None
        books = Books(self.account, attempt, self.of(attempt), actor, now, operation)
        books.elsewhere_minor = sum(
            each.captured_minor
            for each in self.attempts.values()
            if each is not attempt and not each.purpose.startswith(LATE)
        )
        yield books
        self._write(books)

    def _write(self, books: Books) -> None:
        for operation in books.planned:
            self._insert(operation)
        self._book(books.entries)
        self.alerts |= {str(alert["kind"]) for alert in books.alerts}
        self.cases |= {str(case["kind"]) for case in books.cases}
        self.events += [event.name for event in books.events]

    def _book(self, entries: list[LedgerEntry]) -> None:
        txns: Counter[object] = Counter()
        for entry in entries:
            txns[entry.txn] += entry.amount_minor
            self.ledger[entry.attempt_id or 0, entry.account] += entry.amount_minor
        assert not any(txns.values()), "a booking does not sum to zero"

    def held_minor(self, attempt: PaymentAttempt) -> int:
        """Return what the ledger says that the attempt holds."""
        return self.ledger[attempt.pk, HOLDS]

    def sold_minor(self, attempt: PaymentAttempt) -> int:
        """Return what the ledger says that the attempt captured."""
        return -self.ledger[attempt.pk, SALES]

    def is_covered(self) -> bool:
        """As payments.queries.is_covered."""
        paying = [each for each in self.attempts.values() if not each.purpose.startswith(LATE)]
        if sum(each.authorized_minor for each in paying) < self.account.due_minor:
            return False
        return not any(
            each.kind == OperationKind.CANCEL
            and each.finished_at is None
            and each.attempt.state == AttemptState.AUTHORIZED
            and not each.attempt.purpose.startswith(LATE)
            for each in self.operations.values()
        )


def as_read(operation: PaymentOperation) -> PaymentOperation:
    """Return the row as somebody has read it who does not see how it changes."""
    read = copy.copy(operation)
    read.attempt = copy.copy(operation.attempt)
    return read
