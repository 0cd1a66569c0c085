"""Workers in memory: everything that takes several steps, between which anything may happen.

A worker is a generator. It stops where the real one waits for the network or has committed, and
is sent the fault of its next call. Closed, it has died there.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from payments.gateways.intents import Answer, Outcome
from payments.gateways.lists import ListedIntent
from payments.models import PaymentOperation
from payments.services.books import Books
from payments.services.reconciling.comparing import Cure, Ours, compare
from payments.services.sending import (
    LEASE_SECONDS,
    is_hopeless,
    mark_sent,
    settle_without_call,
)
from payments.states import LATE, LIVE, AttemptState, OperationKind
from tests.payments.machines.house import House
from tests.payments.machines.rows import as_read
from tests.payments.machines.stripe import Event, Fault

Work = Generator[None, Fault, None]
# A call ends after ten seconds, and a process that was frozen for so long has been replaced.
LIFE = timedelta(minutes=45)
CHECK_LEASE = timedelta(seconds=30)
PAYABLE = (AttemptState.CREATED, AttemptState.REQUIRES_ACTION)


@dataclass(slots=True)
class Worker:
    """One thread at work, since `begun_at`."""

    work: Work
    begun_at: datetime

    def step(self, fault: Fault) -> bool:
        """Go on to the next stop; tell whether there is one."""
        try:
            self.work.send(fault)
        except StopIteration:
            return False
        return True


def begin(house: House, work: Work) -> Worker | None:
    """Start a worker up to its first stop; None where it had nothing to do."""
    worker = Worker(work, house.now)
    try:
        next(work)
    except StopIteration:
        return None
    return worker


def due_operations(house: House) -> list[PaymentOperation]:
    """Return what a worker could claim."""
    return [
        each
        for each in house.rows.operations.values()
        if each.due_at is not None
        and each.due_at <= house.now
        and (each.lease_until is None or each.lease_until < house.now)
    ]


def claim(house: House, operation: PaymentOperation) -> UUID:
    """Lease a due operation, as a worker does before it sends it."""
    operation.lease_until = house.now + timedelta(seconds=LEASE_SECONDS)
    operation.lease_token = uuid4()
    operation.tries += 1
    return operation.lease_token


def send(house: House, operation_id: int, token: UUID | None = None) -> Work:
    """As operations.send_operation. A worker has leased the operation; a page has no token."""
    row = house.rows.operations[operation_id]
    with house.rows.open_books(
        row.attempt_id, actor="system", now=house.now, operation_id=operation_id
    ) as books:
        marked, was_sent = mark_sent(books, token=token)
    if marked is None:
        return
    operation = as_read(marked)
    fault = yield
    told = None
    if was_sent:
        told = _ask_first(house, operation, fault)
        fault = yield
    answer = told or _call(house, operation, fault)
    yield
    house.apply(operation.attempt_id, answer, actor="stripe", operation_id=operation_id)
    is_repeated = was_sent and told is None and answer.outcome == Outcome.UNKNOWN
    if is_repeated and is_hopeless(operation, is_replayed=answer.is_replayed):
        yield
        house.cancel_if_open(operation.attempt_id)


def _ask_first(house: House, operation: PaymentOperation, fault: Fault) -> Answer | None:
    attempt, looked_up = operation.attempt, None
    if attempt.stripe_intent_id is not None:
        looked_up = house.stripe.retrieve(attempt.stripe_intent_id, fault)
    siblings = house.rows.of(attempt)
    return settle_without_call(operation, looked_up, siblings=siblings, now=house.now)


def _call(house: House, operation: PaymentOperation, fault: Fault) -> Answer:
    intent_id = operation.attempt.stripe_intent_id or ""
    kind = str(operation.kind)
    target = "" if kind == OperationKind.CREATE else intent_id
    return house.stripe.call(kind, target, operation.request, operation.idempotency_key, fault)


def look_up(house: House, attempt_id: int, *, actor: str) -> Generator[None, Fault, bool]:
    """As operations.look_up."""
    intent_id = house.rows.attempts[attempt_id].stripe_intent_id
    if intent_id is None:
        return False
    answer = house.stripe.retrieve(intent_id, (yield)).as_look_up()
    yield
    house.apply(attempt_id, answer, actor=actor)
    return answer.intent is not None


def look(house: House, attempt_id: int, *, actor: str) -> Work:
    """Look an attempt's intent up."""
    yield from look_up(house, attempt_id, actor=actor)


def poll(house: House, attempt_id: int) -> Work:
    """As jobs.check_attempts, for one attempt that is due."""
    attempt = house.rows.attempts[attempt_id]
    attempt.next_check_at = house.now + CHECK_LEASE
    attempt.checks += 1
    yield from look(house, attempt_id, actor="poller")


def come_back(house: House, attempt_id: int) -> Work:
    """As payment.settle_return: the customer's browser says that it has confirmed."""
    is_shown = yield from look_up(house, attempt_id, actor="customer")
    if not is_shown:
        with house.rows.open_books(attempt_id, actor="customer", now=house.now) as books:
            _wait_for_outcome(books)
    house.confirm()


def _wait_for_outcome(books: Books) -> None:
    """As returning._wait_for_outcome."""
    attempt = books.attempt
    if attempt.state in PAYABLE and attempt.stripe_intent_id is not None:
        books.move(AttemptState.UNKNOWN)
        attempt.checks = 0
        attempt.next_check_at = books.now + timedelta(seconds=5)


def open_page(house: House) -> Work:
    """As payment.start_browser_payment: the page asks for a client secret."""
    attempt_id = _ensure_attempt(house)
    if attempt_id is None:
        return
    cancel = _open_cancel(house, attempt_id)
    if cancel is not None:
        yield from send(house, cancel)
        if house.rows.attempts[attempt_id].state not in LIVE:
            attempt_id = _ensure_attempt(house)
            if attempt_id is None:
                return
    attempt = house.rows.attempts[attempt_id]
    if attempt.stripe_intent_id is None:
        creations = [each for each in house.rows.of(attempt) if each.kind == OperationKind.CREATE]
        if creations:
            yield from send(house, creations[-1].pk)
    if any(
        each.kind == OperationKind.CANCEL and each.first_sent_at and each.finished_at is None
        for each in house.rows.of(attempt)
    ):
        # It could end a good payment.
        return
    is_shown = yield from look_up(house, attempt_id, actor="stripe")
    if is_shown and attempt.stripe_intent_id and attempt.state in PAYABLE:
        house.secrets.add(attempt.stripe_intent_id)


def _ensure_attempt(house: House) -> int | None:
    """As payment._ensure_attempt."""
    rows = house.rows.attempts.values()
    live = [each for each in rows if each.state in LIVE and not each.purpose.startswith(LATE)]
    if live:
        return live[0].pk
    if house.state != "pending_payment":
        return None
    house.plan_next("")
    return len(house.rows.attempts)


def _open_cancel(house: House, attempt_id: int) -> int | None:
    rows = house.rows.of(house.rows.attempts[attempt_id])
    found = (each.pk for each in rows if each.kind == "cancel" and each.finished_at is None)
    return next(found, None)


def reconcile(house: House, intent_id: str) -> Work:
    """As reconciling.intents, for one intent of Stripe's list: compare, look up, adopt, cancel."""
    theirs = ListedIntent(
        house.stripe.intents[intent_id], house.now, house.stripe.refunded.get(intent_id, 0)
    )
    yield
    found = compare(theirs, _ours(house, theirs))
    if found is None or found.attempt_id is None:
        return
    if found.cure == Cure.LOOK_UP:
        yield from look(house, found.attempt_id, actor="reconciler")
    elif found.cure == Cure.ADOPT:
        answer = house.stripe.retrieve(intent_id, (yield))
        yield
        if answer.intent is not None:
            house.apply(found.attempt_id, answer, actor="reconciler")
    elif found.cure == Cure.CANCEL:
        fault = yield
        if all(each.stripe_intent_id != intent_id for each in house.rows.attempts.values()):
            key = f"cancel-stray-{intent_id}-{house.now:%Y%m%d%H}"
            house.stripe.call("cancel", intent_id, {}, key, fault)


def _ours(house: House, theirs: ListedIntent) -> Ours | None:
    rows = list(house.rows.attempts.values())
    holder = next((each for each in rows if each.stripe_intent_id == theirs.intent.id), None)
    if holder is not None:
        return Ours(holder, True)
    uuid = theirs.intent.metadata["attempt_id"]
    named = next(each for each in rows if str(each.uuid) == uuid)
    return Ours(named, False, [each.pk for each in rows if each.authorized_minor])


def find_attempt(house: House, event: Event) -> int | None:
    """Return the attempt whose intent the event names."""
    rows = house.rows.attempts.values()
    return next((each.pk for each in rows if each.stripe_intent_id == event.intent_id), None)
