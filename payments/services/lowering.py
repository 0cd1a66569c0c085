"""What is due sinks with a smaller order, and what is held sinks with it. Minor units."""

from datetime import datetime

from django.db import transaction

from globalmart.core import timeline
from payments.models import OrderAccount, PaymentOperation
from payments.services import holding
from payments.services.books import Books, open_books
from payments.services.capturing import HELD, drop_unsent_capture, plan_next_capture
from payments.services.planning import list_holding
from payments.states import OperationKind


@transaction.atomic
def lower_due(*, order_id: int, due_minor: int, now: datetime) -> int:
    """Have so much due for the order, and no more; return what is due now.

    Never below what was captured, or is about to be, and has not gone back: that is refunded
    first, and then this is told again, for a refund on its way may still fail. A capture that has
    not left is planned anew for less; what a hold has above the last capture is released. Due
    never rises, and a second telling changes nothing. Raises OrderAccount.DoesNotExist.
    """
    account = OrderAccount.objects.locked().get(order_id=order_id)
    attempts = list_holding(order_id)
    left = due_minor
    for attempt in attempts:
        share = min(left, attempt.amount_minor)
        left -= share
        with open_books(attempt_id=attempt.pk, actor="system", now=now) as books:
            _lower_target(books, share)
    lowered = min(account.due_minor, max(due_minor, _kept(order_id)))
    if lowered < account.due_minor:
        timeline.record(
            subject_type="order",
            subject_id=order_id,
            kind="payment.due_lowered",
            actor="system",
            data={"before_minor": account.due_minor, "after_minor": lowered},
        )
        OrderAccount.objects.filter(pk=account.pk).update(due_minor=lowered)
    for attempt in attempts:
        with open_books(attempt_id=attempt.pk, actor="system", now=now) as books:
            _release_or_capture(books)
    return lowered


def _lower_target(books: Books, share_minor: int) -> None:
    """Want no more captured than the attempt's share, but for what has left already."""
    attempt = books.attempt
    capture = books.under_way(OperationKind.CAPTURE)
    planned = attempt.captured_minor + (capture.amount_minor if capture else 0)
    if planned > share_minor and drop_unsent_capture(books):
        planned = attempt.captured_minor
    attempt.capture_target_minor = min(attempt.capture_target_minor, max(share_minor, planned))


def _kept(order_id: int) -> int:
    """What pays for the order and stays: captured, or about to be, and not gone back."""
    attempts = list_holding(order_id)
    coming = PaymentOperation.objects.filter(
        attempt__in=[row.pk for row in attempts],
        kind=OperationKind.CAPTURE,
        finished_at__isnull=True,
        first_sent_at__isnull=False,
    )
    kept = sum(row.captured_minor - row.refunded_minor for row in attempts)
    return kept + sum(coming.values_list("amount_minor", flat=True))


def _release_or_capture(books: Books) -> None:
    """Plan what the smaller order still needs of a hold; where that is nothing, let it go."""
    attempt = books.attempt
    if attempt.state not in HELD or books.under_way(OperationKind.CAPTURE):
        return
    if attempt.capture_target_minor > attempt.captured_minor:
        plan_next_capture(books, is_told=True)
    elif attempt.captured_minor + books.elsewhere_minor >= books.account.due_minor:
        holding.plan_cancel(books)
