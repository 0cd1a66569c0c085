"""Read all that is known about an order's money, for an operator."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from payments.models import (
    FraudWarning,
    LedgerEntry,
    OrderAccount,
    PaymentAttempt,
    PaymentCase,
    PaymentOperation,
    Refund,
    StripeEvent,
)
from payments.queries.disputes import AWAITS_EVIDENCE, list_disputes
from payments.queries.order_money import (
    AttemptLine,
    Booking,
    CaseLine,
    Next,
    OperationLine,
    OrderMoney,
    WebhookLine,
)
from payments.queries.refunds import list_refunds

# How many webhooks of an order are shown, the newest; a busy one has a dozen.
MOST_WEBHOOKS = 100


def find_money(*, order_id: int) -> OrderMoney | None:
    """Return all about the order's money, or None where no account was opened for it."""
    account = OrderAccount.objects.filter(order_id=order_id).first()
    if account is None:
        return None
    attempts = list(PaymentAttempt.objects.filter(order_id=order_id).order_by("pk"))
    money = OrderMoney(
        currency=account.currency,
        due_minor=account.due_minor,
        authorized_minor=account.authorized_minor,
        captured_minor=account.captured_minor,
        refunded_minor=account.refunded_minor,
        refund_reserved_minor=account.refund_reserved_minor,
        attempts=[_attempt(row) for row in attempts],
        bookings=_bookings(order_id),
        refunds=list_refunds(order_id=order_id),
        disputes=list_disputes(order_id=order_id),
        fraud_warnings=[
            f"{row.stripe_id} {row.kind}"
            for row in FraudWarning.objects.filter(order_id=order_id).order_by("pk")
        ],
        webhooks=_webhooks([row.stripe_intent_id for row in attempts if row.stripe_intent_id]),
        cases=_cases(order_id),
        coming=[],
    )
    return replace(money, coming=_coming(money))


def _attempt(row: PaymentAttempt) -> AttemptLine:
    return AttemptLine(
        id=row.pk,
        number=row.number,
        purpose=row.purpose,
        mode=row.mode,
        state=row.state,
        intent_id=row.stripe_intent_id or "",
        amount_minor=row.amount_minor,
        authorized_minor=row.authorized_minor,
        captured_minor=row.captured_minor,
        refunded_minor=row.refunded_minor,
        refund_reserved_minor=row.refund_reserved_minor,
        declines=row.declines,
        decline_code=row.decline_code,
        capture_before=row.capture_before,
        next_check_at=row.next_check_at,
        operations=[_operation(each) for each in row.operations.order_by("pk")],
    )


def _operation(row: PaymentOperation) -> OperationLine:
    # Without its request, which holds the order's secret link.
    return OperationLine(
        id=row.pk,
        kind=row.kind,
        number=row.number,
        state=row.state,
        amount_minor=row.amount_minor,
        key=row.idempotency_key,
        tries=row.tries,
        last_error=row.last_error,
        refund_id=row.refund_id,
        first_sent_at=row.first_sent_at,
        finished_at=row.finished_at,
        due_at=row.due_at,
    )


def _bookings(order_id: int) -> list[Booking]:
    balances: dict[str, int] = defaultdict(int)
    found = []
    for row in LedgerEntry.objects.filter(order_id=order_id).order_by("booked_at", "pk"):
        balances[row.account] += row.amount_minor
        found.append(
            Booking(
                at=row.booked_at,
                txn=str(row.txn),
                attempt_id=row.attempt_id,
                account=row.account,
                amount_minor=row.amount_minor,
                balance_minor=balances[row.account],
                source=row.source,
            )
        )
    return found


def _webhooks(intent_ids: list[str]) -> list[WebhookLine]:
    rows = StripeEvent.objects.filter(intent_id__in=intent_ids).order_by("-pk")[:MOST_WEBHOOKS]
    return [
        WebhookLine(
            id=row.pk,
            received_at=row.received_at,
            type=row.type,
            object_id=row.object_id,
            tries=row.tries,
            last_error=row.last_error,
            due_at=row.due_at,
            done_at=row.done_at,
        )
        for row in reversed(rows)
    ]


def _cases(order_id: int) -> list[CaseLine]:
    about = Q(order_id=order_id) | Q(attempt__order_id=order_id)
    return [
        CaseLine(
            id=row.pk,
            kind=row.kind,
            subject=row.subject,
            detail=row.detail,
            our_minor=row.our_minor,
            their_minor=row.their_minor,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            resolution=row.resolution,
        )
        for row in PaymentCase.objects.filter(about).order_by("pk")
    ]


def _coming(money: OrderMoney) -> list[Next]:
    """Return what will be done by itself, the next first."""
    due = [each for attempt in money.attempts for each in _coming_of(attempt)]
    looks = Refund.objects.filter(pk__in=[each.id for each in money.refunds])
    due += [(at, f"look up refund {key}") for key, at in looks.values_list("pk", "next_check_at")]
    due += [(each.due_at, f"apply {each.type}") for each in money.webhooks if not each.done_at]
    due += [
        (each.evidence_due_at, f"the last moment for evidence on {each.stripe_id}")
        for each in money.disputes
        if each.state in AWAITS_EVIDENCE
    ]
    found = [Next(at=at, what=what) for at, what in due if at is not None]
    return sorted(found, key=lambda each: each.at)


def _coming_of(attempt: AttemptLine) -> list[tuple[datetime | None, str]]:
    name = f"attempt {attempt.number}"
    due = [(attempt.next_check_at, f"look up the intent of {name}")]
    if attempt.authorized_minor > attempt.captured_minor:
        due.append((attempt.capture_before, f"the hold of {name} ends by itself"))
    for call in attempt.operations:
        verb = "send" if call.first_sent_at is None else "settle"
        due.append((call.due_at, f"{verb} {call.kind} {call.number} of {name}"))
    return due
