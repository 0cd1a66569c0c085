"""Whether an order's money adds up: rows against ledger, parts against sums. Pure."""

from collections import Counter
from collections.abc import Iterator

from payments.queries.order_money import OrderMoney
from payments.states import REFUND_RESERVED, CaseKind, RefundState

# An open case of these kinds says that our books and Stripe's differ.
DIFFERENCES = (
    CaseKind.MISSING_HERE,
    CaseKind.MISSING_THERE,
    CaseKind.AMOUNT,
    CaseKind.STATE,
    CaseKind.DUPLICATE,
    CaseKind.ORPHAN_HOLD,
    CaseKind.BALANCE,
)
SUMS = ("authorized_minor", "captured_minor", "refunded_minor", "refund_reserved_minor")


def list_differences(money: OrderMoney) -> list[str]:
    """Return what does not add up, in words; empty: every cent is explained. Minor units."""
    return [
        *_bookings(money),
        *_attempts(money),
        *_account(money),
        *_refunds(money),
        *_cases(money),
    ]


def _bookings(money: OrderMoney) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for booking in money.bookings:
        sums[booking.txn] += booking.amount_minor
    for txn, rest in sums.items():
        if rest:
            yield f"booking {txn} does not sum to zero but to {rest}"


def _attempts(money: OrderMoney) -> Iterator[str]:
    booked: Counter[tuple[int | None, str]] = Counter()
    for each in money.bookings:
        booked[each.attempt_id, each.account] += each.amount_minor
    for attempt in money.attempts:
        wanted = {
            "holds": attempt.authorized_minor - attempt.captured_minor,
            "sales": -attempt.captured_minor,
            "refunds": attempt.refunded_minor,
        }
        for account, amount_minor in wanted.items():
            found = booked[attempt.id, account]
            if found != amount_minor:
                yield (
                    f"attempt {attempt.number}: the ledger has {found} on {account}, "
                    f"the attempt says {amount_minor}"
                )


def _account(money: OrderMoney) -> Iterator[str]:
    for name in SUMS:
        said: int = getattr(money, name)
        found = sum(getattr(attempt, name) for attempt in money.attempts)
        if said != found:
            yield f"the account says {name} {said}, its attempts together {found}"
    kept = money.captured_minor - money.refunded_minor - money.refund_reserved_minor
    if kept > money.due_minor:
        yield f"{kept - money.due_minor} more was captured than is due, and is not going back"


def _refunds(money: OrderMoney) -> Iterator[str]:
    gone = sum(each.amount_minor for each in money.refunds if each.state == RefundState.SUCCEEDED)
    if gone != money.refunded_minor:
        yield f"refunds of {gone} have succeeded, the account says {money.refunded_minor}"
    going = sum(each.amount_minor for each in money.refunds if each.state in REFUND_RESERVED)
    if going != money.refund_reserved_minor:
        yield f"refunds of {going} are on their way, {money.refund_reserved_minor} is reserved"
    for each in money.refunds:
        parts = sum(part.amount_minor for part in each.parts)
        if parts != each.amount_minor:
            yield f"refund {each.id} is {each.amount_minor}, its parts sum to {parts}"


def _cases(money: OrderMoney) -> Iterator[str]:
    for case in money.cases:
        if case.closed_at is None and case.kind in DIFFERENCES:
            yield f"open case {case.id}: {case.kind} {case.subject}: {case.detail}"
