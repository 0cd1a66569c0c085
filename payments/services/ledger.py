"""Double entry: every booking is two entries that sum to zero."""

from uuid import uuid4

from payments.models import LedgerEntry, PaymentAttempt

HOLDS, HOLDS_CONTRA = "holds", "holds_contra"
STRIPE, SALES = "stripe", "sales"


def book(*, attempt: PaymentAttempt, debit: str, credit: str, amount_minor: int) -> None:
    """Book an amount (minor units, not zero) from `credit` to `debit`."""
    txn = uuid4()
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                txn=txn,
                order_id=attempt.order_id,
                attempt=attempt,
                account=account,
                amount_minor=amount,
                currency=attempt.currency,
            )
            for account, amount in ((debit, amount_minor), (credit, -amount_minor))
        ]
    )


def book_hold(*, attempt: PaymentAttempt, amount_minor: int) -> None:
    """Money is held on the customer's card; not ours yet."""
    book(attempt=attempt, debit=HOLDS, credit=HOLDS_CONTRA, amount_minor=amount_minor)


def book_release(*, attempt: PaymentAttempt, amount_minor: int) -> None:
    """A hold, or what is left of it, has ended."""
    book(attempt=attempt, debit=HOLDS_CONTRA, credit=HOLDS, amount_minor=amount_minor)


def book_capture(*, attempt: PaymentAttempt, amount_minor: int) -> None:
    """Held money has become ours, at Stripe."""
    book_release(attempt=attempt, amount_minor=amount_minor)
    book(attempt=attempt, debit=STRIPE, credit=SALES, amount_minor=amount_minor)
