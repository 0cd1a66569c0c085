"""Read Stripe's own account with us, line by line, and book what only it tells of: fees, payouts.

What captures, refunds and disputes moved is booked by their own services; `balancing` compares.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from payments import gateways
from payments.gateways.lists import Movement
from payments.models import BalanceTransaction, Cursor, LedgerEntry, PaymentAttempt
from payments.services import ledger
from payments.services.reconciling.matching import pages

CURSOR = "stripe.balance"
# One list at a time covers so much; and so much of what was read is read again, for what Stripe
# lists late.
WINDOW, OVERLAP = timedelta(days=1), timedelta(minutes=10)
# Money between Stripe and our bank, and what Stripe charges without a payment.
BANK_TYPES = (
    "payout",
    "payout_cancel",
    "payout_failure",
    "topup",
    "topup_reversal",
)
FEE_TYPES = ("stripe_fee", "stripe_fx_fee", "tax_fee")


def read_balance(*, now: datetime, again: timedelta = OVERLAP) -> int:
    """Read the lines that are new since the last time, and return how many they were.

    `again` is how far before the last line it begins. Each page is one transaction; whoever dies
    here is replaced by the next, and no line is booked twice. Waits for the network. Raises
    ListBroken.
    """
    cursor, _ = Cursor.objects.get_or_create(
        name=CURSOR, defaults={"read_until": _beginning(now=now)}
    )
    since, count = cursor.read_until - again, 0
    while since < now:
        until = min(since + WINDOW, now)
        for page in pages(gateways.lists().movements(since=since, until=until)):
            count += _store(page)
        Cursor.objects.filter(name=CURSOR, read_until__lt=until).update(read_until=until)
        since = until
    return count


def _beginning(*, now: datetime) -> datetime:
    """Stripe's account is ours from the first attempt on; what was before is not in our books."""
    first = PaymentAttempt.objects.order_by("pk").values_list("created_at", flat=True).first()
    return min(first or now, now)


@transaction.atomic(durable=True)
def _store(page: Sequence[Movement]) -> int:
    """Write the lines of a page that are not there yet, with their bookings."""
    # Two readers at once: the second waits here, and then finds the first one's lines.
    Cursor.objects.locked().get(name=CURSOR)
    ids = [each.id for each in page]
    known = set(
        BalanceTransaction.objects.filter(stripe_id__in=ids).values_list("stripe_id", flat=True)
    )
    new = [each for each in page if each.id not in known]
    BalanceTransaction.objects.bulk_create(_row(each) for each in new)
    LedgerEntry.objects.bulk_create(entry for each in new for entry in _entries(each))
    return len(new)


def _row(line: Movement) -> BalanceTransaction:
    return BalanceTransaction(
        stripe_id=line.id,
        type=line.type[:60],
        source=line.source,
        amount_minor=line.amount_minor,
        fee_minor=line.fee_minor,
        net_minor=line.net_minor,
        currency=line.currency,
        created=line.created,
        payout_id=line.source if line.type == "payout" else "",
    )


def _entries(line: Movement) -> list[LedgerEntry]:
    """Return the bookings of a line: its fee, what went to or came from the bank, and where
    Stripe exchanged it, its way from the customer's currency into the account's."""
    sides = {ledger.FEES: line.fee_minor}
    if line.type in BANK_TYPES:
        sides[ledger.BANK] = -line.amount_minor
    elif line.type in FEE_TYPES:
        sides[ledger.FEES] -= line.amount_minor
    elif line.presented_currency:
        sides[ledger.EXCHANGE] = -line.amount_minor
    booked = ledger.against_stripe(sides, currency=line.currency, source=line.id)
    if ledger.EXCHANGE not in sides:
        return booked
    return booked + ledger.against_stripe(
        {ledger.EXCHANGE: line.presented_minor},
        currency=line.presented_currency,
        source=f"{line.id}:exchanged",
    )
