"""Everything that may happen to one order's money, as acts that a machine or a walker chooses.

An act takes numbers that pick among what is there, and tells whether it did anything.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from orders.states import OrderState
from payments.services.ranking import adds_something
from tests.payments.machines import promises, workers
from tests.payments.machines.house import TOTAL, House
from tests.payments.machines.stripe import ASKS, DECLINED, SLOW, Event, Fault
from tests.payments.machines.workers import Worker

CARDS = ("pm_good", DECLINED, ASKS, SLOW)
FAULTS = tuple(Fault)
# Seconds that may pass at once: a moment, a poll, a deadline, a day, a hold.
PAUSES = (1, 7, 40, 400, 1900, 30 * 3600, 3 * 86_400)
SHARES = (TOTAL // 3, TOTAL // 2, TOTAL)
MOST_WORKERS = 5
DECLINE = "payment_intent.payment_failed"
Thing = TypeVar("Thing")


@dataclass
class World:
    """One order, the workers that are at it, and the webhooks that may come. Steps are counted
    by act."""

    house: House
    crew: list[Worker] = field(default_factory=list)
    # Events that were stored and not applied, because nobody knew their intent.
    parked: list[Event] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    watch: promises.Watch = field(default_factory=promises.Watch)
    stored: set[int] = field(default_factory=set)
    is_broken: bool = False

    # --- acts ----------------------------------------------------------------------------------

    def work(self, pick: int) -> bool:
        """A worker claims a due operation and commits that it is about to leave."""
        operation = _pick(workers.due_operations(self.house), pick)
        if operation is None:
            return False
        token = workers.claim(self.house, operation)
        return self._begin(workers.send(self.house, operation.pk, token))

    def go_on(self, pick: int, fault: Fault) -> bool:
        """A worker makes its next call, or records what it has heard."""
        worker = _pick(self.crew, pick)
        if worker is None:
            return False
        if not worker.step(fault):
            self.crew.remove(worker)
        return True

    def crash(self, pick: int) -> bool:
        """A worker dies where it stands."""
        worker = _pick(self.crew, pick)
        if worker is None:
            return False
        worker.work.close()
        self.crew.remove(worker)
        return True

    def restart(self) -> bool:
        """All workers die."""
        found = bool(self.crew)
        self.bury(self.crew)
        return found

    def poll(self, pick: int) -> bool:
        """The poller looks an attempt up that is due."""
        found = _pick(self.due_attempts(), pick)
        return found is not None and self._begin(workers.poll(self.house, found))

    def webhook(self, pick: int) -> bool:
        """A webhook comes: late, twice, out of order, or one that had to wait for its intent."""
        events = self.house.stripe.events
        if self.parked and pick % 4 == 0:
            return self._apply(self.parked.pop(0))
        if not events:
            return False
        # Some come twice, and some never: the latest are picked more often.
        place = -1 - pick % min(len(events), 6)
        number = len(events) + place
        if number in self.stored:
            return False
        self.stored.add(number)
        if events[place].type == DECLINE:
            self.house.told[events[place].intent_id] += 1
        return self._apply(events[place])

    def _apply(self, event: Event) -> bool:
        attempt_id = workers.find_attempt(self.house, event)
        if attempt_id is None:
            self.parked.append(event)
            return True
        state = self.house.rows.attempts[attempt_id].state
        if not adds_something(type_=event.type, state=state):
            return True
        return self._begin(workers.look(self.house, attempt_id, actor="webhook"))

    def reconcile(self, pick: int) -> bool:
        """An intent is compared with our books."""
        found = _pick(list(self.house.stripe.intents), pick)
        return found is not None and self._begin(workers.reconcile(self.house, found))

    def open_page(self) -> bool:
        """The customer opens the page to pay, once more perhaps."""
        return self.is_unpaid() and self._begin(workers.open_page(self.house))

    def pay(self, pick: int, card: str) -> bool:
        """The customer confirms with a card, in any tab that is still open."""
        found = _pick(sorted(self.house.secrets), pick)
        if found is not None:
            self.house.stripe.pay(found, card)
        return found is not None

    def come_back(self, pick: int) -> bool:
        """The customer's browser says that it has paid."""
        found = _pick(list(self.house.rows.attempts), pick)
        return found is not None and self._begin(workers.come_back(self.house, found))

    def hear_bank(self, pick: int, is_good: bool) -> bool:
        """The bank has decided: its question was answered, or the slow payment came through."""
        found = _pick(self.house.stripe.waiting_for_bank(), pick)
        if found is not None:
            self.house.stripe.hear_bank(found, is_good=is_good)
        return found is not None

    def hear(self, pick: int) -> bool:
        """The order hears an event of payments; events overtake each other."""
        events = self.house.rows.events
        if not events:
            return False
        self.house.hear(events.pop(pick % len(events)))
        return True

    def expire(self) -> bool:
        """The sweeper ends an order that was not paid in time."""
        self.house.expire()
        return self.is_overdue()

    def ship(self, share: int) -> bool:
        """Goods leave, and so much in all is to be captured."""
        if self.house.state != OrderState.CONFIRMED:
            return False
        self.house.is_shipped = True
        self.house.plan_capture(share)
        return True

    def cancel(self) -> bool:
        """Staff cancel the order, of which nothing has left: what is held or taken goes back."""
        if self.house.state == OrderState.EXPIRED or self.house.is_shipped:
            return False
        self.house.state = OrderState.CANCELLED
        self.house.give_back()
        return True

    def by_hand(self, pick: int, is_capture: bool) -> bool:
        """Somebody captures or cancels one of our intents in Stripe's dashboard."""
        rows = self.house.rows.attempts.values()
        found = _pick([each.stripe_intent_id for each in rows if each.stripe_intent_id], pick)
        if found is None:
            return False
        if is_capture:
            self.house.stripe.capture_by_hand(found)
        else:
            self.house.stripe.cancel_by_hand(found)
        return True

    def find_money(self, pick: int) -> bool:
        """Somebody else who has our secret key confirms an open intent: nothing of ours expects
        this money."""
        found = _pick(list(self.house.stripe.intents), pick)
        if found is None or found in self.house.secrets:
            return False
        self.house.stripe.find_money(found)
        return True

    def wait(self, seconds: int) -> bool:
        """Time passes. Calls end, and processes that hang are replaced."""
        self.house.now += timedelta(seconds=seconds)
        self.house.stripe.move_to(self.house.now)
        over = [each for each in self.crew if self.house.now - each.begun_at > workers.LIFE]
        self.bury(over)
        return True

    # --- around them ---------------------------------------------------------------------------

    def act(self, name: str, *arguments: object) -> None:
        """Do one act, count it, and look at the promises."""
        method: Callable[..., bool] = getattr(self, name)
        try:
            self.steps[name] += method(*arguments)
            self.check()
        except Exception:
            self.is_broken = True
            raise

    def is_unpaid(self) -> bool:
        """Tell whether the order waits for its money."""
        return self.house.state == OrderState.PENDING_PAYMENT

    def is_overdue(self) -> bool:
        """Tell whether the order should have been paid by now."""
        return self.house.now >= self.house.deadline

    def due_attempts(self) -> list[int]:
        """Return the attempts that the poller would look up now."""
        return [
            each.pk
            for each in self.house.rows.attempts.values()
            if each.next_check_at is not None and each.next_check_at <= self.house.now
        ]

    def check(self) -> None:
        """Look at the promises as they are now."""
        self.watch.check(self.books(), self.house.stripe)

    def books(self) -> promises.Books:
        """Return the order's money."""
        rows = self.house.rows
        attempts = list(rows.attempts.values())
        return promises.Books(
            rows.account,
            attempts,
            list(rows.operations.values()),
            {each.pk: rows.held_minor(each) for each in attempts},
            {each.pk: rows.sold_minor(each) for each in attempts},
            {key for key, _ in rows.ledger},
        )

    def _begin(self, work: workers.Work) -> bool:
        if len(self.crew) >= MOST_WORKERS:
            self.bury(self.crew[:1])
        worker = workers.begin(self.house, work)
        if worker is not None:
            self.crew.append(worker)
        return worker is not None

    def bury(self, dead: Sequence[Worker]) -> None:
        """Let workers die where they stand."""
        for worker in list(dead):
            worker.work.close()
            self.crew.remove(worker)


def _pick(things: Sequence[Thing], number: int) -> Thing | None:
    return things[number % len(things)] if things else None
