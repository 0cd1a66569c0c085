"""What an order's account says."""

from collections.abc import Sequence

from django.db.models import Sum

from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.queries import disputes
from payments.queries.attempts import AttemptView
from payments.states import LATE, OPEN, AttemptState, OperationKind


def get_account(*, order_id: int) -> OrderAccount:
    """Return the order's account. Raises OrderAccount.DoesNotExist."""
    return OrderAccount.objects.get(order_id=order_id)


def is_covered(*, order_id: int) -> bool:
    """Tell whether what is due is authorized or captured, and not about to be cancelled.

    A cancel that may have reached Stripe counts against a hold until its answer is known; that of
    a late attempt, which pays for nothing, does not.
    """
    if _paying(order_id, "authorized_minor") < get_account(order_id=order_id).due_minor:
        return False
    cancels = PaymentOperation.objects.filter(
        attempt__order_id=order_id,
        attempt__state=AttemptState.AUTHORIZED,
        kind=OperationKind.CANCEL,
        finished_at__isnull=True,
    ).exclude(attempt__purpose__startswith=LATE)
    return not cancels.exists()


def is_settled(*, order_id: int) -> bool:
    """Tell whether all that is due has been captured."""
    captured_minor = _paying(order_id, "captured_minor")
    return captured_minor >= get_account(order_id=order_id).due_minor


def captured_minor(*, order_id: int) -> int:
    """Return what was captured for the order, whatever has gone back since."""
    return _paying(order_id, "captured_minor")


def due_of(order_ids: Sequence[int]) -> dict[int, int]:
    """Return what is due of each order, in minor units; an order without an account is left out."""
    accounts = OrderAccount.objects.filter(order_id__in=order_ids)
    return dict(accounts.values_list("order_id", "due_minor"))


def _paying(order_id: int, field: str) -> int:
    """Sum a field of the attempts that pay for the order; a late one's money is given back."""
    attempts = PaymentAttempt.objects.filter(order_id=order_id).exclude(purpose__startswith=LATE)
    return attempts.aggregate(sum=Sum(field))["sum"] or 0


def summaries(order_ids: Sequence[int]) -> dict[int, str]:
    """Return each order's payment status, derived from its account and its live attempt:
    unpaid, pending, authorized, partially_paid, paid, overpaid, partially_refunded, refunded; or
    disputed while a dispute or an inquiry has no end."""
    accounts = OrderAccount.objects.filter(order_id__in=order_ids)
    attempts = PaymentAttempt.objects.filter(order_id__in=order_ids, state__in=OPEN)
    waiting = set(attempts.values_list("order_id", flat=True))
    in_dispute = disputes.disputed(order_ids)
    return {
        row.order_id: "disputed"
        if row.order_id in in_dispute
        else _summary(row, row.order_id in waiting)
        for row in accounts
    }


def summarize(
    account: OrderAccount | None,
    attempts: Sequence[AttemptView],
    in_bank: Sequence[disputes.DisputeView],
) -> str:
    """Return one order's payment status as `summaries` does, from what was read of it already: its
    account, all its attempts and all its disputes."""
    if account is None:
        return "unpaid"
    if any(each.state in disputes.OPEN for each in in_bank):
        return "disputed"
    return _summary(account, any(each.state in OPEN for each in attempts))


def _summary(account: OrderAccount, is_waiting: bool) -> str:
    if account.refunded_minor:
        whole = account.refunded_minor >= account.captured_minor
        return "refunded" if whole else "partially_refunded"
    if account.captured_minor:
        # What is on its way back is not kept: the order may have shrunk after its capture.
        kept_minor = account.captured_minor - account.refund_reserved_minor
        if kept_minor > account.due_minor:
            return "overpaid"
        return "paid" if account.captured_minor >= account.due_minor else "partially_paid"
    if account.authorized_minor:
        return "authorized"
    return "pending" if is_waiting else "unpaid"
