"""The one way in for every answer about money: direct, return page, webhook, poller, staff."""

from datetime import datetime

from django.db import transaction

from globalmart.core import timeline
from globalmart.core.failpoints import failpoint
from payments.gateways.intents import Answer, Outcome
from payments.models import OrderAccount, PaymentAttempt, StripeEvent
from payments.services.adopting import make_heir
from payments.services.books import Books, open_books
from payments.services.decisions import decide
from payments.services.giving_back import refund_late
from payments.states import LATE, LIVE

DECLINE_EVENT = "payment_intent.payment_failed"


@transaction.atomic
def apply_outcome(
    *,
    attempt_id: int,
    answer: Answer,
    actor: str,
    now: datetime,
    operation_id: int | None = None,
) -> str:
    """Record what an answer means and return the attempt's state.

    `operation_id` is the operation that the answer is to, if it is to one. Writes operation,
    attempt, account, ledger, timeline and outbox in one transaction. Applied in any order and any
    number of times, the same answers give the same end state.
    """
    order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
    OrderAccount.objects.locked().get(order_id=order_id)
    taken = _taken_over(attempt_id, answer)
    if taken is not None:
        attempt_id, operation_id = taken, None
    with open_books(
        attempt_id=attempt_id, actor=actor, now=now, operation_id=operation_id
    ) as books:
        if answer.outcome == Outcome.DECLINED:
            books.declines_told = _count_told(books)
        decide(books, answer)
    failpoint("CP9", order=books.attempt.order_id, state=books.attempt.state)
    if books.is_late:
        _adopt(books)
        failpoint("CP11", order=books.attempt.order_id)
    if books.attempt.purpose.startswith(LATE) and books.attempt.captured_minor:
        refund_late(attempt_id=attempt_id, now=now)
    return books.attempt.state


def _taken_over(attempt_id: int, answer: Answer) -> int | None:
    """Return the attempt that has taken this one's intent over (see _adopt), or None."""
    if answer.intent is None:
        return None
    holder = PaymentAttempt.objects.filter(stripe_intent_id=answer.intent.id).exclude(pk=attempt_id)
    ended = PaymentAttempt.objects.filter(pk=attempt_id, stripe_intent_id=None)
    if not ended.exclude(state__in=LIVE).exists():
        return None
    return holder.values_list("pk", flat=True).first()


def _count_told(books: Books) -> int:
    """Return of how many declines the webhooks told; each event is stored once."""
    intent_id = books.attempt.stripe_intent_id
    if not intent_id:
        return 0
    return StripeEvent.objects.filter(intent_id=intent_id, type=DECLINE_EVENT).count()


def _adopt(books: Books) -> None:
    """An attempt had ended, and its intent shows money: a new attempt takes the intent over.

    The new attempt is looked up at once: the answer that brought us here may be an old one.
    """
    dead = books.attempt
    intent_id = dead.stripe_intent_id
    heir = make_heir(
        dead, others=list(PaymentAttempt.objects.filter(order_id=dead.order_id)), now=books.now
    )
    dead.save(update_fields=["stripe_intent_id"])
    heir.save()
    timeline.record(
        subject_type="order",
        subject_id=dead.order_id,
        kind="payment.late",
        actor=books.actor,
        reason=f"attempt {heir.number} of {heir.purpose} takes over intent {intent_id}",
        data={"attempt": dead.number, "amount_minor": dead.amount_minor},
    )
