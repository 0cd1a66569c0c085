"""The acts as a Hypothesis state machine: what breaks a promise is shrunk to its shortest story."""

from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orders.states import OrderState
from tests.payments.machines.ending import settle
from tests.payments.machines.house import House
from tests.payments.machines.stripe import Fault
from tests.payments.machines.workers import due_operations
from tests.payments.machines.world import CARDS, FAULTS, PAUSES, SHARES, World

picks = st.integers(0, 59)
# Mostly nothing goes wrong, or no order would get far.
faults = st.sampled_from((Fault.NONE,) * len(FAULTS) + FAULTS)
pauses = st.sampled_from((1, 1, 7, 7, 40, 40, *PAUSES))


class MoneyMachine(RuleBasedStateMachine):
    """One order's money, from its placing to its end."""

    steps: ClassVar[Counter[str]] = Counter()
    examples: ClassVar[int] = 0
    world: World

    @initialize(
        card=st.sampled_from(("", *CARDS)), is_multicapture=st.booleans(), is_in_stock=st.booleans()
    )
    def place(self, card: str, is_multicapture: bool, is_in_stock: bool) -> None:
        house = House(card=card, is_multicapture=is_multicapture, is_in_stock=is_in_stock)
        self.world = World(house)

    @precondition(lambda self: due_operations(self.world.house))
    @rule(pick=picks)
    def work(self, pick: int) -> None:
        self.world.act("work", pick)

    @precondition(lambda self: due_operations(self.world.house))
    @rule(pick=picks, first=faults, second=faults)
    def work_through(self, pick: int, first: Fault, second: Fault) -> None:
        """Nobody comes between; the worker that began last is the last of the crew."""
        self.world.act("work", pick)
        for fault in (first, second, Fault.NONE):
            if self.world.crew:
                self.world.act("go_on", len(self.world.crew) - 1, fault)

    @precondition(lambda self: self.world.crew)
    @rule(pick=picks, fault=faults)
    def go_on(self, pick: int, fault: Fault) -> None:
        self.world.act("go_on", pick, fault)

    @precondition(lambda self: self.world.crew)
    @rule(pick=picks, fault=faults)
    def go_on_as_well(self, pick: int, fault: Fault) -> None:
        self.world.act("go_on", pick, fault)

    @precondition(lambda self: self.world.crew)
    @rule(pick=picks)
    def crash(self, pick: int) -> None:
        self.world.act("crash", pick)

    @precondition(lambda self: len(self.world.crew) > 1)
    @rule()
    def restart(self) -> None:
        self.world.act("restart")

    @precondition(lambda self: self.world.due_attempts())
    @rule(pick=picks)
    def poll(self, pick: int) -> None:
        self.world.act("poll", pick)

    @precondition(lambda self: self.world.house.stripe.events)
    @rule(pick=picks)
    def webhook(self, pick: int) -> None:
        self.world.act("webhook", pick)

    @precondition(lambda self: self.world.house.stripe.intents)
    @rule(pick=picks)
    def reconcile(self, pick: int) -> None:
        self.world.act("reconcile", pick)

    @precondition(lambda self: self.world.is_unpaid() and len(self.world.crew) < 2)
    @rule()
    def open_page(self) -> None:
        self.world.act("open_page")

    @precondition(lambda self: self.world.house.secrets)
    @rule(pick=picks, card=st.sampled_from(CARDS))
    def pay(self, pick: int, card: str) -> None:
        self.world.act("pay", pick, card)

    @precondition(lambda self: self.world.house.secrets)
    @rule(pick=picks)
    def come_back(self, pick: int) -> None:
        self.world.act("come_back", pick)

    @precondition(lambda self: self.world.house.stripe.waiting_for_bank())
    @rule(pick=picks, is_good=st.booleans())
    def hear_bank(self, pick: int, is_good: bool) -> None:
        self.world.act("hear_bank", pick, is_good)

    @precondition(lambda self: self.world.house.rows.events)
    @rule(pick=picks)
    def hear(self, pick: int) -> None:
        self.world.act("hear", pick)

    @precondition(lambda self: self.world.is_unpaid() and self.world.is_overdue())
    @rule()
    def expire(self) -> None:
        self.world.act("expire")

    @precondition(lambda self: self.world.house.state == OrderState.CONFIRMED)
    @rule(share=st.sampled_from(SHARES))
    def ship(self, share: int) -> None:
        self.world.act("ship", share)

    @rule(is_meant=st.integers(0, 9))
    def cancel(self, is_meant: int) -> None:
        # A cancelled order has little more to tell.
        if is_meant == 1:
            self.world.act("cancel")

    @precondition(lambda self: self.world.house.stripe.intents)
    @rule(pick=picks, is_capture=st.booleans(), is_meant=st.integers(0, 4))
    def by_hand(self, pick: int, is_capture: bool, is_meant: int) -> None:
        if is_meant == 1:
            self.world.act("by_hand", pick, is_capture)

    @precondition(lambda self: self.world.house.stripe.intents)
    @rule(pick=picks, is_meant=st.integers(0, 4))
    def find_money(self, pick: int, is_meant: int) -> None:
        if is_meant == 1:
            self.world.act("find_money", pick)

    @rule(seconds=pauses)
    def wait(self, seconds: int) -> None:
        self.world.act("wait", seconds)

    def teardown(self) -> None:
        world = getattr(self, "world", None)
        if world is None:
            return
        type(self).examples += 1
        type(self).steps.update(world.steps)
        # After a promise was broken the rest would only hide it.
        if not world.is_broken:
            settle(world)


def profile(*, examples: int, steps: int) -> settings:
    """Return how long a machine runs."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def run(*, examples: int, steps: int, chance: int = 1) -> Counter[str]:
    """Run the machine; return how often each act did something. The same `chance` takes the same
    way. Raises what breaks a promise."""
    MoneyMachine.steps, MoneyMachine.examples = Counter(), 0
    how = profile(examples=examples, steps=steps)
    run_state_machine_as_test(seed(chance)(MoneyMachine), settings=how)
    return MoneyMachine.steps
