"""The rows that one answer about money may change, and what is to be written beside them.

Decisions about money (decisions, settling) work on these plain rows in memory and ask nothing of
the database: so they can be tried a million times. Only `open_books` reads, locks and writes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Sum

from globalmart.core import outbox, states, timeline
from globalmart.core.alerts import open_alert
from globalmart.core.failpoints import failpoint
from globalmart.core.outbox import Event
from payments import events
from payments.models import LedgerEntry, OrderAccount, PaymentAttempt, PaymentOperation
from payments.services import cases
from payments.states import ATTEMPT, LATE, AttemptState, CaseKind, OperationKind, OperationState


@dataclass(slots=True)
class Books:
    """Account, attempt and its operations, all locked, in lock order; and what happened."""

    account: OrderAccount
    attempt: PaymentAttempt
    operations: list[PaymentOperation]
    actor: str
    now: datetime
    # The operation that the answer is to, where it is to one.
    operation: PaymentOperation | None = None
    # How many declines of this intent Stripe's webhooks have told of.
    declines_told: int = 0
    # What other attempts that pay for the order have captured.
    elsewhere_minor: int = 0
    is_late: bool = False
    changed: list[PaymentOperation] = field(default_factory=list)
    planned: list[PaymentOperation] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    story: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def is_answer_to(self, kind: OperationKind) -> bool:
        """Tell whether the answer is to an operation of this kind."""
        return self.operation is not None and self.operation.kind == kind

    def last(self, kind: OperationKind) -> PaymentOperation | None:
        """Return the latest operation of a kind."""
        found = [each for each in (*self.operations, *self.planned) if each.kind == kind]
        return max(found, key=lambda each: each.number, default=None)

    def under_way(self, kind: OperationKind) -> PaymentOperation | None:
        """Return the unfinished operation of a kind; there is one at most."""
        last = self.last(kind)
        return last if last is not None and last.finished_at is None else None

    def change(self, operation: PaymentOperation) -> None:
        """Have a changed operation written."""
        if operation not in self.changed and operation not in self.planned:
            self.changed.append(operation)

    def plan(
        self,
        kind: OperationKind,
        *,
        amount_minor: int,
        request: Mapping[str, Any],
        tries: int = 0,
        seconds: float = 0,
    ) -> None:
        """Plan an operation with a key of its own, due now or some `seconds` from now.

        `tries` is how often the same was tried under an earlier key.
        """
        uuid, last = uuid4(), self.last(kind)
        self.planned.append(
            PaymentOperation(
                uuid=uuid,
                attempt=self.attempt,
                kind=kind,
                number=last.number + 1 if last else 1,
                amount_minor=amount_minor,
                idempotency_key=f"{kind}-{uuid}",
                request=dict(request),
                due_at=self.now + timedelta(seconds=seconds),
                tries=tries,
            )
        )
        self.tell(
            events.OperationPlanned(subject_id=self.attempt.order_id, attempt_id=self.attempt.pk)
        )

    def end_operation(self, operation: PaymentOperation, state: OperationState) -> None:
        """Finish an operation. Raises nothing: whether it may end so is the caller's business."""
        operation.state = state
        operation.finished_at = self.now
        operation.rest()
        self.change(operation)

    def drop_planned(self) -> None:
        """What was planned for an attempt that has ended is not sent any more."""
        for operation in (*self.operations, *self.planned):
            if operation.state == OperationState.PLANNED:
                self.end_operation(operation, OperationState.REFUSED)

    def drop_unfinished(self) -> None:
        """What is under way is not sent again: the attempt's intent goes to another attempt."""
        for operation in (*self.operations, *self.planned):
            if operation.finished_at is None:
                self.end_operation(operation, OperationState.REFUSED)

    def move(self, state: AttemptState, reason: str = "") -> None:
        """Take one step of the attempt's machine, with its line in the order's timeline.

        Raises IllegalTransition.
        """
        attempt = self.attempt
        states.require(ATTEMPT, "attempt", attempt.state, state)
        self.note(f"payment.{state}", before=attempt.state, after=state, reason=reason)
        attempt.state = state
        attempt.state_changed_at = self.now

    def note(self, kind: str, *, before: str = "", after: str = "", reason: str = "") -> None:
        """Add a line to the order's timeline."""
        data = {"attempt": self.attempt.number, "amount_minor": self.attempt.amount_minor}
        self.story.append(
            {
                "subject_type": "order",
                "subject_id": self.attempt.order_id,
                "kind": kind,
                "before": before,
                "after": after,
                "actor": self.actor,
                "reason": reason,
                "data": data,
            }
        )

    def tell(self, event: Event) -> None:
        """Have an event published."""
        self.events.append(event)

    def alarm(self, kind: str, detail: str) -> None:
        """Have an alert about the order opened."""
        self.alerts.append(
            {
                "kind": kind,
                "subject_type": "order",
                "subject_id": self.attempt.order_id,
                "detail": detail,
            }
        )

    def report(self, kind: CaseKind, detail: str) -> None:
        """Have a case about the attempt's intent opened."""
        self.cases.append(
            {
                "kind": kind,
                "subject": self.attempt.stripe_intent_id or str(self.attempt.uuid),
                "detail": detail,
                "order_id": self.attempt.order_id,
                "attempt_id": self.attempt.pk,
                "their_minor": self.attempt.amount_minor,
                "currency": self.attempt.currency,
            }
        )


@contextmanager
def open_books(
    *, attempt_id: int, actor: str, now: datetime, operation_id: int | None = None
) -> Iterator[Books]:
    """Lock account, attempt and operations; write what was decided when the block ends.

    One transaction (or a part of the caller's). Raises PaymentAttempt.DoesNotExist.
    """
    order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
    with transaction.atomic():
        account = OrderAccount.objects.locked().get(order_id=order_id)
        attempt = PaymentAttempt.objects.locked().get(pk=attempt_id)
        # Refunds are settled by themselves.
        own = PaymentOperation.objects.filter(attempt_id=attempt_id, refund__isnull=True)
        operations = list(own.locked())
        for each in operations:
            each.attempt = attempt
        answered = next((each for each in operations if each.pk == operation_id), None)
        books = Books(account, attempt, operations, actor, now, answered)
        if account.captured_minor != attempt.captured_minor:
            books.elsewhere_minor = _captured_elsewhere(attempt)
        yield books
        _write(books)


def _captured_elsewhere(attempt: PaymentAttempt) -> int:
    """Sum what other attempts have captured for the order; a late one's money is given back."""
    others = PaymentAttempt.objects.filter(order_id=attempt.order_id).exclude(pk=attempt.pk)
    paying = others.exclude(purpose__startswith=LATE)
    return paying.aggregate(sum=Sum("captured_minor"))["sum"] or 0


def _write(books: Books) -> None:
    books.attempt.save()
    books.account.save()
    for operation in books.changed:
        operation.save()
    PaymentOperation.objects.bulk_create(books.planned)
    LedgerEntry.objects.bulk_create(books.entries)
    failpoint("CP22", order=books.attempt.order_id, state=books.attempt.state)
    for line in books.story:
        timeline.record(**line)
    for alert in books.alerts:
        open_alert(**alert)
    for case in books.cases:
        cases.open_case(**case)
    for event in books.events:
        outbox.publish(event)
