"""Short ways to a refund in a state, for tests."""

from django.utils import timezone

from orders.models import Order
from payments.models import LedgerEntry, PaymentOperation, Refund, RefundItem
from payments.services import refunding
from payments.services.refunds import Part, approve_refund, request_refund
from tests.builders import NOON
from tests.payments.conftest import account_of, attempt_of

ASKER, CHIEF = "staff:1", "staff:2"


def request(order: Order, amount_minor: int = 500, requested_by: str = ASKER) -> Refund:
    return request_refund(
        order_id=order.pk,
        items=[Part(RefundItem.Kind.AMOUNT, amount_minor)],
        reason=Refund.Reason.GOODWILL,
        requested_by=requested_by,
        now=NOON,
    )


def approved(order: Order, amount_minor: int = 500) -> Refund:
    refund = request(order, amount_minor)
    return approve_refund(refund_id=refund.pk, approved_by=CHIEF, now=NOON)


def last_operation(refund: Refund) -> PaymentOperation:
    return refund.operations.latest("number")


def send(refund: Refund) -> Refund:
    """Send the refund's last operation now, whatever its time, and return the refund."""
    operation = last_operation(refund)
    PaymentOperation.objects.filter(pk=operation.pk).update(due_at=timezone.now(), lease_until=None)
    refunding.send_refund(operation_id=operation.pk)
    refund.refresh_from_db()
    return refund


def sums(order: Order) -> tuple[int, int, int]:
    """Return what is refunded, reserved, and booked on `refunds`; account and attempt agree."""
    account, attempt = account_of(order), attempt_of(order)
    found = (account.refunded_minor, account.refund_reserved_minor)
    assert (attempt.refunded_minor, attempt.refund_reserved_minor) == found
    entries = LedgerEntry.objects.filter(order=order, account="refunds")
    return (*found, sum(entry.amount_minor for entry in entries))
