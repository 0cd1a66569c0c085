"""Plan a call to Stripe: intent is committed before the act (rule R2)."""

from datetime import datetime

from django.db import transaction

from globalmart.core.alerts import open_alert
from payments.models import OrderAccount, PaymentAttempt
from payments.services import holding
from payments.services.books import Books, open_books
from payments.services.capturing import HELD, drop_unsent_capture, plan_next_capture
from payments.states import LATE, OPEN, AttemptState, OperationKind


@transaction.atomic
def plan_capture(*, order_id: int, now: datetime, amount_minor: int | None = None) -> None:
    """Have so much captured in all for the order (minor units; None: all that is due).

    Told twice, it captures once. Where the card allows one capture alone, the first takes all
    that is still due (Stripe's multicapture rule). Where nothing is held and not all is captured,
    an alert says so.
    """
    account = OrderAccount.objects.locked().get(order_id=order_id)
    wanted = account.due_minor if amount_minor is None else min(amount_minor, account.due_minor)
    left, captured, is_held = wanted, 0, False
    for attempt in list_holding(order_id):
        share = min(left, attempt.amount_minor)
        left -= share
        with open_books(attempt_id=attempt.pk, actor="system", now=now) as books:
            raise_target(books, share)
            captured += books.attempt.captured_minor
            is_held = is_held or books.attempt.state in HELD
    if not is_held and captured < wanted:
        open_alert(
            kind="capture_failed",
            subject_type="order",
            subject_id=order_id,
            detail="Goods have left, and no hold is there to be captured",
        )


def lock_account(*, order_id: int) -> None:
    """Lock the order's account ahead of its requests and its stock: the house's lock order. An
    order that was never placed has none."""
    OrderAccount.objects.locked().filter(order_id=order_id).first()


def list_holding(order_id: int) -> list[PaymentAttempt]:
    """Return the attempts that pay for the order, first to last; late ones pay for nothing."""
    states = (AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED, AttemptState.CAPTURED)
    found = PaymentAttempt.objects.filter(order_id=order_id, state__in=states)
    return list(found.exclude(purpose__startswith=LATE).order_by("pk"))


@transaction.atomic
def plan_cancel(*, order_id: int, now: datetime) -> bool:
    """Plan to cancel what is open or held for the order; tell whether nothing is live any more.

    An attempt that Stripe cannot charge is ended at once.
    """
    OrderAccount.objects.locked().get(order_id=order_id)
    live = PaymentAttempt.objects.filter(
        order_id=order_id,
        state__in=[*OPEN, AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED],
    )
    is_over = True
    for attempt_id in live.order_by("pk").values_list("pk", flat=True):
        with open_books(attempt_id=attempt_id, actor="system", now=now) as books:
            is_over = cancel_or_end(books) and is_over
    return is_over


@transaction.atomic
def cancel_if_open(*, attempt_id: int, now: datetime) -> None:
    """Plan to cancel an attempt about which nothing is decided; a hold is left alone."""
    with open_books(attempt_id=attempt_id, actor="system", now=now) as books:
        if books.attempt.state in OPEN:
            holding.plan_cancel(books, is_given_up=True)


def raise_target(books: Books, share_minor: int) -> None:
    """Have so much of the attempt captured in all; less than was asked before changes nothing."""
    books.attempt.capture_target_minor = max(share_minor, books.attempt.capture_target_minor)
    plan_next_capture(books, is_told=True)


def cancel_or_end(books: Books) -> bool:
    """Plan to cancel the attempt's intent; tell whether the attempt could be ended at once."""
    if is_harmless(books):
        holding.end_unsent(books, "no card was ever given")
        return True
    drop_unsent_capture(books)
    holding.plan_cancel(books)
    return False


def is_harmless(books: Books) -> bool:
    """Tell whether nobody can have paid: we know no intent, so nobody was given its secret, and
    no confirmation has left. An unconfirmed intent moves no money."""
    confirmation = books.last(OperationKind.CONFIRM)
    is_confirmed = confirmation is not None and confirmation.first_sent_at is not None
    return books.attempt.stripe_intent_id is None and not is_confirmed
