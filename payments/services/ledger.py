"""Double entry: every booking is two entries that sum to zero, made together or not at all."""

from collections.abc import Mapping
from uuid import uuid4

from payments.models import LedgerEntry, PaymentAttempt

HOLDS, HOLDS_CONTRA = "holds", "holds_contra"
STRIPE, SALES = "stripe", "sales"
# Captured money that a bank has taken back for now, and for good.
DISPUTES, LOSSES = "disputes", "losses"
# What Stripe keeps, our own bank, and money on its way from one currency into another.
FEES, BANK, EXCHANGE = "fees", "bank", "exchange"


def entries(
    *,
    debit: str,
    credit: str,
    amount_minor: int,
    currency: str = "",
    attempt: PaymentAttempt | None = None,
    source: str = "",
) -> list[LedgerEntry]:
    """Return the two unsaved entries that book an amount (minor units) from `credit` to `debit`.

    `currency` is needed without an attempt alone. `source` is Stripe's id of what is booked,
    where the same may be told twice: the second booking is an IntegrityError.
    """
    txn = uuid4()
    return [
        LedgerEntry(
            txn=txn,
            order_id=attempt.order_id if attempt else None,
            attempt=attempt,
            account=account,
            amount_minor=amount,
            currency=attempt.currency if attempt else currency,
            source=source,
        )
        for account, amount in ((debit, amount_minor), (credit, -amount_minor))
    ]


def hold(attempt: PaymentAttempt, amount_minor: int) -> list[LedgerEntry]:
    """Money is held on the customer's card; not ours yet."""
    return entries(attempt=attempt, debit=HOLDS, credit=HOLDS_CONTRA, amount_minor=amount_minor)


def release(attempt: PaymentAttempt, amount_minor: int) -> list[LedgerEntry]:
    """A hold, or what is left of it, has ended."""
    return entries(attempt=attempt, debit=HOLDS_CONTRA, credit=HOLDS, amount_minor=amount_minor)


def capture(attempt: PaymentAttempt, amount_minor: int) -> list[LedgerEntry]:
    """Held money has become ours, at Stripe."""
    booked = entries(attempt=attempt, debit=STRIPE, credit=SALES, amount_minor=amount_minor)
    return [*release(attempt, amount_minor), *booked]


def book(
    *,
    debit: str,
    credit: str,
    amount_minor: int,
    currency: str = "",
    attempt: PaymentAttempt | None = None,
    source: str = "",
) -> None:
    """Write the two entries of a booking; arguments as in `entries`."""
    LedgerEntry.objects.bulk_create(
        entries(
            debit=debit,
            credit=credit,
            amount_minor=amount_minor,
            currency=currency,
            attempt=attempt,
            source=source,
        )
    )


def against_stripe(debits: Mapping[str, int], *, currency: str, source: str) -> list[LedgerEntry]:
    """Return unsaved entries that debit these accounts and credit `stripe` with the sum, or the
    other way round where an amount is negative (minor units). They belong to no order.

    `source` is the line of Stripe's account that tells of it.
    """
    txn = uuid4()
    amounts = {**debits, STRIPE: -sum(debits.values())}
    return [
        LedgerEntry(txn=txn, account=account, amount_minor=amount, currency=currency, source=source)
        for account, amount in amounts.items()
        if amount
    ]
