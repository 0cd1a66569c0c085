"""Refunds as people and the system ask for them: request, approve, reject, cancel.

The amount is reserved against what was captured from the approval on. Actors are written as in
the timeline: `staff:<id>`, `system`, `api:<client>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from globalmart.core import outbox
from payments import events
from payments.models import (
    Dispute,
    OrderAccount,
    PaymentAttempt,
    PaymentOperation,
    Refund,
    RefundItem,
)
from payments.services.refund_books import (
    RefundBooks,
    RefundRefused,
    close_failure,
    open_books,
    require_room,
    require_state,
    room_minor,
    tell,
    tell_cancelled,
)
from payments.states import DisputeState, OperationKind, OperationState, RefundState

SYSTEM = "system"
Reason = Refund.Reason
PartKind = RefundItem.Kind
# The bank has the money, or may take it: what we gave back would be given twice.
DISPUTED = (DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW, DisputeState.LOST)
# Stripe knows three reasons; what is none of them is sent without.
STRIPE_REASONS = {
    Refund.Reason.REQUESTED: "requested_by_customer",
    Refund.Reason.RETURNED: "requested_by_customer",
    Refund.Reason.CANCELLED: "requested_by_customer",
    Refund.Reason.DUPLICATE: "duplicate",
}
ENDED_UNPAID = (RefundState.FAILED, RefundState.CANCELLED)
UNAPPROVED_ENDS = (RefundState.REJECTED, RefundState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of a refund is for; `line` is the order line's position. Minor units."""

    kind: RefundItem.Kind
    amount_minor: int
    line: int | None = None
    quantity: int = 0


@transaction.atomic
def request_refund(
    *,
    order_id: int,
    items: Sequence[Part],
    reason: Refund.Reason,
    requested_by: str,
    now: datetime,
    note: str = "",
    attempt_id: int | None = None,
    uuid: UUID | None = None,
) -> Refund:
    """Ask for a refund of the sum of `items`, without reserving anything yet.

    The same `uuid` (of a form, say) gives the same refund again. Without `attempt_id` the first
    attempt is taken that has enough left. Raises RefundRefused: `bad_items`, `nothing_captured`,
    `too_much`, `disputed`.
    """
    account = OrderAccount.objects.locked().filter(order_id=order_id).first()
    if account is None:
        raise RefundRefused("nothing_captured", "Nothing was captured yet.", room_minor=0)
    if uuid is not None and (known := Refund.objects.filter(uuid=uuid, order_id=order_id).first()):
        return known
    amount = sum(part.amount_minor for part in items)
    if not items or min(part.amount_minor for part in items) <= 0:
        raise RefundRefused("bad_items", "Each part of a refund has an amount above zero.")
    attempt = _choose_attempt(account, amount, attempt_id)
    refuse_disputed(attempt)
    refund = Refund.objects.create(
        uuid=uuid or uuid4(),
        order_id=order_id,
        attempt=attempt,
        currency=attempt.currency,
        amount_minor=amount,
        reason=reason,
        note=note[:300],
        requested_by=requested_by,
        needs_second_person=_needs_second_person(order_id, amount, requested_by),
        created_at=now,
        state_changed_at=now,
    )
    add_items(refund, items)
    tell(refund, before="", actor=requested_by, reason=note)
    return refund


def add_items(refund: Refund, items: Sequence[Part]) -> None:
    """Write what a refund is for; the database sees that the parts sum to its amount."""
    RefundItem.objects.bulk_create(
        RefundItem(
            refund=refund,
            kind=part.kind,
            line=part.line,
            quantity=part.quantity,
            amount_minor=part.amount_minor,
        )
        for part in items
    )


def _choose_attempt(account: OrderAccount, amount: int, attempt_id: int | None) -> PaymentAttempt:
    attempts = PaymentAttempt.objects.locked().filter(order_id=account.order_id)
    captured = [
        row
        for row in attempts
        if row.captured_minor and (attempt_id is None or row.pk == attempt_id)
    ]
    if not captured:
        raise RefundRefused("nothing_captured", "Nothing was captured yet.", room_minor=0)
    found = next((row for row in captured if room_minor(account, row) >= amount), captured[0])
    require_room(account, found, amount)
    return found


def refuse_disputed(attempt: PaymentAttempt) -> None:
    """Check that the bank has not taken the money. Raises RefundRefused."""
    if Dispute.objects.filter(attempt=attempt, state__in=DISPUTED).exists():
        raise RefundRefused(
            "disputed", "The customer's bank has asked for this payment: answer the dispute."
        )


def _needs_second_person(order_id: int, amount: int, requested_by: str) -> bool:
    """Above the limit, together with what was refunded of the order by one person alone: else
    one large refund would pass as several small ones."""
    if requested_by == SYSTEM:
        return False
    alone = Refund.objects.filter(order_id=order_id, needs_second_person=False)
    others = alone.exclude(state__in=UNAPPROVED_ENDS).exclude(requested_by__in=(SYSTEM, "stripe"))
    so_far: int = others.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    limit: int = settings.REFUND_SECOND_PERSON_ABOVE_MINOR
    return so_far + amount > limit


@transaction.atomic
def approve_refund(*, refund_id: int, approved_by: str, now: datetime) -> Refund:
    """Reserve the amount and plan the call to Stripe; the second telling changes nothing.

    Raises RefundRefused: `second_person`, `not_system`, `wrong_state`, `too_much`, `disputed`.
    """
    books = open_books(refund_id=refund_id, actor=approved_by, now=now)
    refund = books.refund
    if refund.approved_by == approved_by and refund.state != RefundState.REQUESTED:
        return refund
    require_state(refund, RefundState.REQUESTED)
    if approved_by == SYSTEM and refund.requested_by != SYSTEM:
        raise RefundRefused("not_system", "What a person asked for is approved by a person.")
    if refund.needs_second_person and approved_by == refund.requested_by:
        raise RefundRefused("second_person", "A refund of this size needs a second person.")
    refuse_disputed(books.attempt)
    refund.approved_by = approved_by
    books.move(RefundState.APPROVED)
    plan_operation(books)
    return refund


def plan_operation(books: RefundBooks) -> None:
    """Plan a call with a key of its own. Its uuid travels with it, so that a refund at Stripe
    can be told from one of an earlier try."""
    refund, attempt, uuid = books.refund, books.attempt, uuid4()
    of_kind = attempt.operations.filter(kind=OperationKind.REFUND)
    last = of_kind.order_by("-number").values_list("number", flat=True).first()
    request = {
        "payment_intent": attempt.stripe_intent_id,
        "amount": refund.amount_minor,
        "metadata": {
            "refund_id": str(refund.uuid),
            "operation_id": str(uuid),
            "attempt_id": str(attempt.uuid),
        },
    }
    if reason := STRIPE_REASONS.get(Refund.Reason(refund.reason)):
        request["reason"] = reason
    PaymentOperation.objects.create(
        uuid=uuid,
        attempt=attempt,
        kind=OperationKind.REFUND,
        refund=refund,
        number=(last or 0) + 1,
        amount_minor=refund.amount_minor,
        idempotency_key=f"refund-{uuid}",
        request=request,
        due_at=books.now,
    )
    outbox.publish(events.OperationPlanned(subject_id=refund.order_id, attempt_id=attempt.pk))


@transaction.atomic
def reject_refund(*, refund_id: int, rejected_by: str, reason: str, now: datetime) -> None:
    """Say no to a refund that was asked for. Raises RefundRefused."""
    books = open_books(refund_id=refund_id, actor=rejected_by, now=now)
    require_state(books.refund, RefundState.REQUESTED)
    books.move(RefundState.REJECTED, reason)
    tell_cancelled(books)


@transaction.atomic
def cancel_refund(*, refund_id: int, cancelled_by: str, reason: str, now: datetime) -> None:
    """End a refund that has not left, or one that failed and is not owed any more.

    Raises RefundRefused where it may have reached Stripe, or has ended.
    """
    books = open_books(refund_id=refund_id, actor=cancelled_by, now=now)
    require_state(books.refund, RefundState.REQUESTED, RefundState.APPROVED, RefundState.FAILED)
    if operation := books.open_operation():
        operation.state = OperationState.REFUSED
        operation.finished_at = now
        operation.rest()
        operation.save()
    books.move(RefundState.CANCELLED, reason)
    tell_cancelled(books)
    close_failure(books, reason or "not owed any more")


@transaction.atomic
def refund_whole_attempt(*, attempt_id: int, reason: Refund.Reason, now: datetime) -> Refund:
    """Give back, by the system, all that is left of what an attempt captured.

    A caller that holds the attempt or its account in memory saves them first and reads them
    anew afterwards. Where nothing is left the latest refund is returned, so a second telling
    changes nothing; what failed or was given up is a person's, and is not asked for anew. Raises
    RefundRefused: `nothing_captured`, `disputed`.
    """
    order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
    account = OrderAccount.objects.locked().get(order_id=order_id)
    attempt = PaymentAttempt.objects.locked().get(pk=attempt_id)
    ended = attempt.refunds.filter(requested_by=SYSTEM, state__in=ENDED_UNPAID)
    given_up: int = ended.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    room = room_minor(account, attempt) - given_up
    last = ended.order_by("-pk").first() or attempt.refunds.order_by("-pk").first()
    if not attempt.captured_minor:
        raise RefundRefused("nothing_captured", "Nothing was captured yet.", room_minor=0)
    if room <= 0 and last is not None:
        return last
    refund = request_refund(
        order_id=order_id,
        items=[Part(RefundItem.Kind.AMOUNT, room)],
        reason=reason,
        requested_by=SYSTEM,
        now=now,
        attempt_id=attempt_id,
    )
    return approve_refund(refund_id=refund.pk, approved_by=SYSTEM, now=now)
