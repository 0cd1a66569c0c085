"""The rows that a refund's step changes, all locked, and the one place where its money moves."""

from dataclasses import dataclass
from datetime import datetime

from globalmart.core import outbox, states, timeline
from payments import events
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation, Refund
from payments.services import ledger
from payments.services.cases import close_case, open_case
from payments.states import REFUND, REFUND_RESERVED, CaseKind, RefundState

REFUNDS, BANK = "refunds", "bank"
MONEY_FIELDS = ["refunded_minor", "refund_reserved_minor"]
STEP_FIELDS = [
    "state",
    "state_changed_at",
    "approved_by",
    "stripe_refund_id",
    "failure_code",
    "next_check_at",
    "checks",
]


class RefundRefused(Exception):
    """This refund, or this step of it, is not possible.

    `code` is `nothing_captured`, `too_much`, `disputed`, `second_person`, `not_system`,
    `wrong_state`, `bad_items`, `external` or `too_early`; `room_minor` is what could be refunded,
    where that matters.
    """

    def __init__(self, code: str, detail: str, *, room_minor: int | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.room_minor = code, detail, room_minor


@dataclass(slots=True)
class RefundBooks:
    """Account, attempt and refund of one order: locked, in lock order."""

    account: OrderAccount
    attempt: PaymentAttempt
    refund: Refund
    actor: str
    now: datetime

    def move(self, state: RefundState, reason: str = "") -> None:
        """Take one step of the refund's machine: money, ledger, timeline and row together.

        Raises IllegalTransition, and RefundRefused where the step needs money that is not there.
        """
        refund, before = self.refund, RefundState(self.refund.state)
        states.require(REFUND, "refund", before, state)
        self._move_money(before, state)
        refund.state = state
        refund.state_changed_at = self.now
        refund.checks = 0
        tell(refund, before=before, actor=self.actor, reason=reason)
        refund.save(update_fields=STEP_FIELDS)

    def save(self) -> None:
        """Write what changed on the refund without a step."""
        self.refund.save(update_fields=STEP_FIELDS)

    def open_operation(self) -> PaymentOperation | None:
        """Return the refund's unfinished operation, locked; there is one at most."""
        rows = PaymentOperation.objects.locked().filter(refund=self.refund)
        return rows.filter(finished_at__isnull=True).first()

    def last_operation(self) -> PaymentOperation | None:
        """Return the latest operation that was planned for the refund."""
        return self.refund.operations.order_by("-number").first()

    def _move_money(self, before: RefundState, after: RefundState) -> None:
        amount = self.refund.amount_minor
        reserved = (after in REFUND_RESERVED) - (before in REFUND_RESERVED)
        refunded = (after == RefundState.SUCCEEDED) - (before == RefundState.SUCCEEDED)
        if reserved + refunded > 0:
            require_room(self.account, self.attempt, amount)
        if not reserved and not refunded:
            return
        for row in (self.account, self.attempt):
            row.refund_reserved_minor += reserved * amount
            row.refunded_minor += refunded * amount
            row.save(update_fields=MONEY_FIELDS)
        if refunded:
            self._book(is_reversal=refunded < 0)

    def _book(self, *, is_reversal: bool) -> None:
        """Book once per refund of Stripe's; without one it was paid back another way."""
        refund = self.refund
        source = refund.stripe_refund_id or f"refund-{refund.uuid}-manual"
        paid_from = ledger.STRIPE if refund.stripe_refund_id else BANK
        debit, credit = (paid_from, REFUNDS) if is_reversal else (REFUNDS, paid_from)
        ledger.book(
            attempt=self.attempt,
            debit=debit,
            credit=credit,
            amount_minor=refund.amount_minor,
            source=f"{source}-failed" if is_reversal else source,
        )


def tell(refund: Refund, *, before: str, actor: str, reason: str = "") -> None:
    """Write a refund's step into the order's timeline."""
    timeline.record(
        subject_type="order",
        subject_id=refund.order_id,
        kind=f"refund.{refund.state}",
        before=before,
        after=refund.state,
        actor=actor,
        reason=reason,
        data={
            "refund": refund.pk,
            "amount_minor": refund.amount_minor,
            "stripe_refund_id": refund.stripe_refund_id or "",
        },
    )


def room_minor(account: OrderAccount, attempt: PaymentAttempt) -> int:
    """Return how much of what was captured is neither refunded nor reserved, in minor units."""
    return min(
        row.captured_minor - row.refunded_minor - row.refund_reserved_minor
        for row in (account, attempt)
    )


def require_room(account: OrderAccount, attempt: PaymentAttempt, amount_minor: int) -> None:
    """Check that so much can be refunded. Raises RefundRefused."""
    room = room_minor(account, attempt)
    if not attempt.captured_minor:
        raise RefundRefused("nothing_captured", "Nothing was captured yet.", room_minor=0)
    if amount_minor > room:
        raise RefundRefused(
            "too_much", f"Only {room} of the captured amount is left.", room_minor=room
        )


def open_books(*, refund_id: int, actor: str, now: datetime) -> RefundBooks:
    """Lock account, attempt and refund in the caller's transaction. Raises Refund.DoesNotExist."""
    known = Refund.objects.values("order_id", "attempt_id").get(pk=refund_id)
    account = OrderAccount.objects.locked().get(order_id=known["order_id"])
    attempt = PaymentAttempt.objects.locked().get(pk=known["attempt_id"])
    refund = Refund.objects.locked().get(pk=refund_id)
    return RefundBooks(account, attempt, refund, actor, now)


def require_state(refund: Refund, *allowed: RefundState) -> None:
    """Check that a step is possible now. Raises RefundRefused."""
    if refund.state not in allowed:
        raise RefundRefused("wrong_state", f"The refund is {refund.state} by now.")


def tell_succeeded(books: RefundBooks) -> None:
    """Publish that a refund has succeeded, and close the case of its failure."""
    refund = books.refund
    outbox.publish(
        events.RefundSucceeded(
            subject_id=refund.order_id,
            attempt_id=refund.attempt_id,
            refund_id=refund.pk,
            amount_minor=refund.amount_minor,
        )
    )
    close_failure(books, "the money has gone back")


def tell_cancelled(books: RefundBooks) -> None:
    """Publish that a refund will not be made: what it was for may still be owed."""
    refund = books.refund
    outbox.publish(
        events.RefundCancelled(
            subject_id=refund.order_id,
            attempt_id=refund.attempt_id,
            refund_id=refund.pk,
            amount_minor=refund.amount_minor,
        )
    )


def tell_failed(books: RefundBooks) -> None:
    """The customer waits for money that does not come: a person must look."""
    refund = books.refund
    outbox.publish(
        events.RefundFailed(
            subject_id=refund.order_id,
            attempt_id=refund.attempt_id,
            refund_id=refund.pk,
            amount_minor=refund.amount_minor,
        )
    )
    open_case(
        kind=CaseKind.REFUND_FAILED,
        subject=str(refund.uuid),
        detail=f"The refund is {refund.state}: {refund.failure_code or 'no reason given'}. "
        + _what_to_do(refund),
        order_id=refund.order_id,
        attempt_id=refund.attempt_id,
        our_minor=refund.amount_minor,
        their_minor=0,
        currency=refund.currency,
    )


def _what_to_do(refund: Refund) -> str:
    if refund.reason == Refund.Reason.EXTERNAL or refund.state == RefundState.CANCELLED:
        return "Where the money is still owed, ask for a new refund."
    return "Try it again, or pay the customer back another way."


def close_failure(books: RefundBooks, resolution: str) -> None:
    """Close the case of a failure, if there is one; `resolution` says why."""
    close_case(
        kind=CaseKind.REFUND_FAILED,
        subject=str(books.refund.uuid),
        closed_by=books.actor,
        resolution=resolution,
        now=books.now,
    )
