"""Stripe's account with us against the ledger's account `stripe`: each payment, each currency.

Of a payment we compare what it brought, what was refunded and what was disputed; of one that is
not in our books the sum alone: it is settled when all of it has gone back. Only what has been at
rest for an hour is compared, because each side hears of the other a moment late; and a payment
with a refund under way is not at rest.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction

from payments.models import Cursor, PaymentCase
from payments.services.reconciling.balance import BANK_TYPES, CURSOR, FEE_TYPES
from payments.services.reconciling.comparing import Difference
from payments.services.reconciling.healing import Run, close
from payments.states import CaseKind, RefundState

AT_REST = timedelta(hours=1)
# As many things that differ are told; more of them have one cause.
MOST_THINGS = 1_000
# Longer than a worker's statements may take: it reads everything, and nobody waits for its locks.
TIME_LIMIT = "10min"
WHOLE = "balance-"
UNDER_WAY = [
    state.value
    for state in (
        RefundState.PROCESSING,
        RefundState.UNKNOWN,
        RefundState.PENDING,
        RefundState.REQUIRES_ACTION,
        RefundState.EXTERNAL,
    )
]

# What each side says of each payment, in the currency that the customer paid in.
SIDES = """
WITH ours AS (
    SELECT coalesce(attempt.stripe_intent_id, attempt.uuid::text) AS thing, entry.currency,
           min(entry.order_id) AS order_id, min(entry.attempt_id) AS attempt_id,
           sum(entry.amount_minor) AS amount_minor,
           coalesce(sum(entry.amount_minor) FILTER (WHERE entry.source = ''), 0) AS captured,
           coalesce(sum(entry.amount_minor)
                    FILTER (WHERE entry.source LIKE '%%:%%'), 0) AS disputed,
           max(entry.booked_at) AS moved_at
      FROM payments_ledgerentry entry
      JOIN payments_paymentattempt attempt ON attempt.id = entry.attempt_id
     WHERE entry.account = 'stripe'
     GROUP BY thing, entry.currency
), line AS (
    SELECT CASE WHEN told.source = '' THEN told.stripe_id ELSE told.source END AS thing,
           told.type, told.created,
           coalesce(exchanged.currency, told.currency) AS currency,
           coalesce(-exchanged.amount_minor, told.amount_minor) AS amount_minor
      FROM payments_balancetransaction told
      LEFT JOIN payments_ledgerentry exchanged
             ON exchanged.account = 'stripe' AND exchanged.source = told.stripe_id || ':exchanged'
     WHERE NOT told.type = ANY(%(own)s)
), theirs AS (
    SELECT thing, currency, sum(amount_minor) AS amount_minor, max(created) AS moved_at,
           coalesce(sum(amount_minor) FILTER (WHERE type IN ('charge', 'payment')), 0) AS captured,
           coalesce(sum(amount_minor) FILTER (WHERE type = 'adjustment'), 0) AS disputed
      FROM line GROUP BY thing, currency
), compared AS (
    SELECT coalesce(ours.thing, theirs.thing) AS thing,
           coalesce(ours.currency, theirs.currency) AS currency,
           ours.order_id, ours.attempt_id,
           coalesce(ours.amount_minor, 0) AS our_minor,
           coalesce(theirs.amount_minor, 0) AS their_minor,
           coalesce(ours.amount_minor, 0) <> coalesce(theirs.amount_minor, 0)
               OR coalesce(ours.captured <> theirs.captured OR ours.disputed <> theirs.disputed,
                           false) AS is_different,
           greatest(ours.moved_at, theirs.moved_at) < %(at_rest)s
               AND NOT EXISTS (
                   SELECT 1 FROM payments_refund refund
                    WHERE refund.attempt_id = ours.attempt_id
                      AND refund.state = ANY(%(under_way)s)) AS is_at_rest
      FROM ours FULL JOIN theirs ON theirs.thing = ours.thing AND theirs.currency = ours.currency
)
"""
THINGS = f"""{SIDES}
SELECT thing, currency, order_id, attempt_id, our_minor, their_minor, is_at_rest
  FROM compared
 WHERE is_different
 ORDER BY is_at_rest DESC, thing
 LIMIT {MOST_THINGS}
"""  # noqa: S608 - made of this file's own words
# The whole of each currency, less what still moves. What one side has alone (a fee, a payout, an
# exchange) was booked from the very line that tells of it, so it must be on both.
CURRENCIES = f"""{SIDES}, moving AS (
    SELECT currency, sum(our_minor) AS our_minor, sum(their_minor) AS their_minor
      FROM compared WHERE NOT is_at_rest GROUP BY currency
), ledger AS (
    SELECT currency, sum(amount_minor) AS amount_minor
      FROM payments_ledgerentry WHERE account = 'stripe' GROUP BY currency
), account AS (
    SELECT currency, sum(net_minor) AS amount_minor
      FROM payments_balancetransaction GROUP BY currency
)
SELECT known.currency,
       coalesce(ledger.amount_minor, 0) - coalesce(moving.our_minor, 0) AS our_minor,
       coalesce(account.amount_minor, 0) - coalesce(moving.their_minor, 0) AS their_minor
  FROM (SELECT currency FROM ledger UNION SELECT currency FROM account) AS known
  LEFT JOIN ledger USING (currency)
  LEFT JOIN account USING (currency)
  LEFT JOIN moving USING (currency)
"""  # noqa: S608 - as above


def compare_balance(run: Run) -> None:
    """Compare what was read of Stripe's account with the ledger, and keep its cases true.

    Where nothing has been read yet there is nothing to compare, and the report says so.
    """
    read_until = Cursor.objects.filter(name=CURSOR).values_list("read_until", flat=True).first()
    if read_until is None:
        run.report.waiting.append("Stripe's balance, which the job, or --apply, reads first")
        return
    differing = _find(run, at_rest=min(read_until, run.now) - AT_REST)
    for found, is_at_rest in differing:
        if is_at_rest:
            run.settle(partial(_same, found))
    still = {found.subject for found, _ in differing}
    if not run.apply or len(differing) >= MOST_THINGS:
        return
    for case in PaymentCase.objects.filter(kind=CaseKind.BALANCE, closed_at__isnull=True):
        if case.subject not in still:
            run.report.closed += close(CaseKind.BALANCE, case.subject, "both books agree by now")


def _same(found: Difference) -> Difference:
    """The database is both sides' book here: there is nobody to ask anew."""
    return found


@transaction.atomic
def _find(run: Run, *, at_rest: datetime) -> list[tuple[Difference, bool]]:
    """Return what differs, each with whether both sides are at rest about it."""
    told: dict[str, Any] = {
        "own": [*BANK_TYPES, *FEE_TYPES],
        "at_rest": at_rest,
        "under_way": UNDER_WAY,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIME_LIMIT])
        cursor.execute(THINGS, told)
        things = cursor.fetchall()
        cursor.execute(CURRENCIES, told)
        currencies = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM payments_balancetransaction")
        run.report.compared["lines of Stripe's balance"] = cursor.fetchone()[0]
    whole = [
        (_whole(currency, int(ours), int(theirs)), True)
        for currency, ours, theirs in currencies
        if ours != theirs
    ]
    return [(_thing(*row[:-1]), row[-1]) for row in things] + whole


def _thing(
    thing: str,
    currency: str,
    order_id: int | None,
    attempt_id: int | None,
    our_minor: int,
    their_minor: int,
) -> Difference:
    return Difference(
        kind=CaseKind.BALANCE,
        subject=thing,
        detail="Stripe's balance and the ledger differ about the payment, in all or in a part",
        order_id=order_id,
        attempt_id=attempt_id,
        our_minor=int(our_minor),
        their_minor=int(their_minor),
        currency=currency,
    )


def _whole(currency: str, our_minor: int, their_minor: int) -> Difference:
    return Difference(
        kind=CaseKind.BALANCE,
        subject=f"{WHOLE}{currency}",
        detail=f"The sum of all {currency} at Stripe is not the ledger's",
        our_minor=our_minor,
        their_minor=their_minor,
        currency=currency,
    )
