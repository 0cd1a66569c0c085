"""What must hold after every step, and what in the end. Broken promises are AssertionErrors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from globalmart.core.states import Table
from orders.states import OrderState
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.states import (
    ATTEMPT,
    LATE,
    LIVE,
    OPERATION,
    AttemptState,
    OperationKind,
)
from tests.payments.machines.stripe import Stripe

HOLDING = {AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED}
ENDED = {AttemptState.FAILED, AttemptState.CANCELLED, AttemptState.EXPIRED}
ALONE = {OperationKind.CAPTURE, OperationKind.CANCEL}
# A person was called because an operation has had no definite answer for a day.
TOO_OLD = "operation_too_old"


@dataclass(slots=True)
class Books:
    """One order's money as it stands: account, attempts, operations, and what is booked of each
    attempt on holds and sales (minor units). `booked` are the attempts that ever held money."""

    account: OrderAccount
    attempts: Sequence[PaymentAttempt]
    operations: Sequence[PaymentOperation]
    held: dict[int, int]
    sold: dict[int, int]
    booked: set[int]


@dataclass(slots=True)
class Watch:
    """Compares each state with the one before it."""

    attempts: dict[int, str] = field(default_factory=dict)
    operations: dict[int, str] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)

    def check(self, books: Books, stripe: Stripe) -> None:
        """Raise AssertionError for what must never be."""
        _check_sums(books)
        _check_uniqueness(books)
        _check_stripe(stripe, books.account.due_minor)
        _check_captures(books, stripe)
        self.attempts = _follow(ATTEMPT, self.attempts, books.attempts)
        self.operations = _follow(OPERATION, self.operations, books.operations)
        for each in books.operations:
            key = self.keys.setdefault(each.pk, each.idempotency_key)
            assert key == each.idempotency_key, f"{each.kind} {each.pk} has got another key"


def _reachable(table: Table) -> dict[str, set[str]]:
    found = {state: set(after) for state, after in table.items()}
    for _ in table:
        for after in found.values():
            after |= {last for state in list(after) for last in found.get(state, ())}
    return found


_WAYS = {id(table): _reachable(table) for table in (ATTEMPT, OPERATION)}


def _follow(
    table: Table, before: dict[int, str], rows: Iterable[PaymentAttempt | PaymentOperation]
) -> dict[int, str]:
    """Check that each row's state can follow the one that was seen last; return the new ones."""
    ways, now = _WAYS[id(table)], {each.pk: str(each.state) for each in rows}
    for key, state in now.items():
        last = before.get(key, state)
        assert state == last or state in ways.get(last, ()), f"{key} went from {last} to {state}"
    return now


def _check_sums(books: Books) -> None:
    account = books.account
    held = sum(each.authorized_minor for each in books.attempts)
    captured = sum(each.captured_minor for each in books.attempts)
    assert (account.authorized_minor, account.captured_minor) == (held, captured), "account"
    for each in books.attempts:
        amounts = (0, each.captured_minor, each.authorized_minor, each.amount_minor)
        assert list(amounts) == sorted(amounts), f"{each}: {amounts}"
        assert 0 <= each.capture_target_minor <= each.amount_minor, f"{each}: target"
        assert books.held[each.pk] == each.authorized_minor - each.captured_minor, f"{each}: holds"
        assert books.sold[each.pk] == each.captured_minor, f"{each}: sales"


def _check_uniqueness(books: Books) -> None:
    live = Counter(each.purpose for each in books.attempts if each.state in LIVE)
    assert not live or max(live.values()) == 1, f"live attempts: {live}"
    numbers = Counter((each.purpose, each.number) for each in books.attempts)
    assert max(numbers.values()) == 1, f"attempts' numbers: {numbers}"
    intents = Counter(each.stripe_intent_id for each in books.attempts if each.stripe_intent_id)
    assert not intents or max(intents.values()) == 1, f"intents: {intents}"
    keys = Counter(each.idempotency_key for each in books.operations)
    assert not keys or max(keys.values()) == 1, "a key is used twice"
    own = Counter((each.attempt_id, each.kind, each.number) for each in books.operations)
    assert not own or max(own.values()) == 1, f"operations' numbers: {own}"
    alone = Counter(
        (each.attempt_id, each.kind)
        for each in books.operations
        if each.kind in ALONE and each.finished_at is None
    )
    assert not alone or max(alone.values()) == 1, f"under way at once: {alone}"


def _check_stripe(stripe: Stripe, total_minor: int) -> None:
    assert not stripe.conflicts, f"a key came with another request: {stripe.conflicts}"
    assert not stripe.forgotten, f"sent when Stripe had forgotten them: {stripe.forgotten}"
    again = {key: count for key, count in stripe.charges.items() if count > 1}
    assert not again, f"charged twice: {again}"
    # What somebody takes in the dashboard is theirs to answer for; it is given back where late.
    ours = [each for key, each in stripe.intents.items() if key not in stripe.by_hand]
    captured = [each.received_minor for each in ours if each.received_minor]
    assert len(captured) <= 1, f"captured intents: {captured}"
    assert sum(captured) <= total_minor, f"captured in all: {captured}"


def _check_captures(books: Books, stripe: Stripe) -> None:
    """Nobody pays for goods that have not left, where a hold can be captured in parts."""
    for each in books.attempts:
        intent = stripe.intents.get(each.stripe_intent_id or "")
        if intent is not None and intent.is_multicapture and intent.id not in stripe.by_hand:
            asked = each.capture_target_minor
            assert intent.received_minor <= asked, f"{intent.received_minor} of {asked} captured"


def check_end(
    books: Books, stripe: Stripe, *, state: OrderState, alerts: set[str], cases: set[str]
) -> None:
    """Check what must hold when faults have stopped and everything has had its time."""
    is_asked = TOO_OLD in alerts
    for operation in books.operations:
        is_over = operation.finished_at is not None
        assert is_over or is_asked, f"{operation.kind} {operation.state} was forgotten"
    for attempt in books.attempts:
        _check_agreement(attempt, stripe, is_asked=is_asked)
    known = {each.stripe_intent_id: each for each in books.attempts if each.stripe_intent_id}
    for key, intent in stripe.intents.items():
        is_held = intent.status == "requires_capture"
        assert not is_held or key in known, f"a hold that nobody knows: {key}"
        attempt = known.get(key)
        is_late = attempt is not None and attempt.purpose.startswith(LATE)
        assert not (is_held and is_late) or is_asked, f"a late hold is left: {key}"
        # An old answer brings no money, and needs no case.
        if is_late and attempt is not None and attempt.pk in books.booked:
            assert "late_payment" in cases, "late money without a case"
        kept = intent.received_minor - stripe.refunded.get(key, 0)
        assert not is_late or kept == 0, f"late money was kept: {key}"
    _check_order(books, stripe, state, alerts, is_asked=is_asked)


def _check_agreement(attempt: PaymentAttempt, stripe: Stripe, *, is_asked: bool) -> None:
    """The attempt is where its intent is at Stripe."""
    key, words = attempt.stripe_intent_id, f"{attempt} is {attempt.state}"
    if key is None:
        assert attempt.state in ENDED or is_asked, f"{words} without an intent"
        return
    intent = stripe.intents[key]
    words += f", and Stripe says {intent.status}"
    if attempt.state in ENDED:
        assert intent.status == "canceled" or is_asked, words
    elif attempt.state in HOLDING:
        assert intent.status == "requires_capture", words
    elif attempt.state == AttemptState.CAPTURED:
        assert intent.status == "succeeded", words
    else:
        assert is_asked, f"{words}: nothing was decided"
    assert attempt.captured_minor == intent.received_minor, words


def _check_order(
    books: Books, stripe: Stripe, state: OrderState, alerts: set[str], *, is_asked: bool
) -> None:
    paying = [each for each in books.attempts if not each.purpose.startswith(LATE)]
    held = sum(each.authorized_minor for each in paying)
    kept = sum(
        each.received_minor - stripe.refunded.get(key, 0) for key, each in stripe.intents.items()
    )
    assert kept <= books.account.due_minor, f"{kept} was kept"
    if state == OrderState.CONFIRMED:
        is_told = is_asked or bool(alerts & {"hold_lost", "capture_failed"})
        assert held >= books.account.due_minor or is_told, "confirmed without money"
    elif state in {OrderState.EXPIRED, OrderState.CANCELLED}:
        assert (held == 0 or kept == 0) or is_asked, f"{state}, and {held} is held"
        open_holds = [each for each in stripe.intents.values() if each.status == "requires_capture"]
        assert not open_holds or is_asked, f"{state} with a hold"
    else:
        assert is_asked, f"the order is still {state}"
