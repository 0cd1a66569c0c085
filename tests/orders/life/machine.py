"""The acts of all sides as a Hypothesis state machine: what breaks a promise is shrunk to its
shortest story."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from fulfillment.services.stock import OutOfStock
from orders.queries.discounts import VoucherRefused
from orders.services.drafts import NoDraft
from orders.services.payment import CoolDown, NotPayable
from orders.services.refunds import BadSelection
from orders.services.returns.steps import CannotReturn
from orders.services.submissions import NoLines, TotalChanged
from orders.services.withdrawing import CannotWithdraw
from tests.orders.life import ending, house, promises
from tests.orders.life.comebacks import Comebacks
from tests.orders.life.customers import Customers
from tests.orders.life.drafts import Drafts
from tests.orders.life.outside import Banks, Machinery, Time, Warehouses
from tests.orders.life.staff import Staff
from tests.orders.life.world import World, open_shop, tell_story

# What the house may say instead of doing it.
REFUSED = (
    *ending.REFUSED,
    *(OutOfStock, CoolDown, NotPayable, BadSelection, VoucherRefused),
    *(CannotReturn, CannotWithdraw, NoDraft, NoLines, TotalChanged),
)
# Each side, and how often each of its acts is drawn.
SIDES: dict[type[Any], dict[str, int]] = {
    Customers: {
        "place": 4,
        "open_page": 2,
        "pay": 3,
        "come_back": 1,
        "cancel": 1,
        "cancel_units": 2,
        "correct": 2,
        "decide": 3,
    },
    Comebacks: {
        "request": 3,
        "withdraw": 2,
        "cancel": 1,
        "send": 4,
        "judge": 3,
        "receive": 1,
        "inspect": 4,
        "give_up": 1,
    },
    Drafts: {"note": 2, "submit": 2, "discard": 1},
    Staff: {
        "hold": 1,
        "release": 2,
        "cancel": 1,
        "cancel_units": 1,
        "correct": 1,
        "decide": 1,
        "refund": 2,
        "settle_refund": 2,
        "repair": 2,
        "close_case": 1,
    },
    Warehouses: {
        "pick": 2,
        "ship": 6,
        "close_short": 2,
        "carry": 1,
        "change": 2,
        "count": 2,
        "misbehave": 2,
        "take_back": 1,
    },
    Banks: {
        "webhook": 2,
        "all_webhooks": 2,
        "decide": 2,
        "fail": 2,
        "refund_will": 1,
        "settle_refund": 1,
        "dispute": 2,
        "warn": 1,
        "by_hand": 1,
    },
    Machinery: {
        "relay": 6,
        "deliver": 3,
        "deliver_all": 5,
        "tell_again": 1,
        "work": 10,
        "watch": 1,
    },
    Time: {"wait": 1},
}
# What carries orders on, where the act that was drawn has nothing to do.
GOING_ON = (
    (Machinery, "deliver_all"),
    (Machinery, "relay"),
    (Machinery, "work"),
    (Warehouses, "ship"),
    (Banks, "all_webhooks"),
    (Customers, "pay"),
    (Customers, "place"),
)
numbers = st.integers(0, 59)


def acts_of(side: type[Any]) -> st.SearchStrategy[str]:
    """Return how an act of this side is drawn."""
    return st.sampled_from([name for name, weight in SIDES[side].items() for _ in range(weight)])


class LifeMachine(RuleBasedStateMachine):
    """Some orders, from their placing to their end."""

    counts: ClassVar[Counter[str]] = Counter()
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.is_broken = False

    @initialize(is_multicapture=st.booleans(), pick=numbers, how=numbers)
    def begin(self, is_multicapture: bool, pick: int, how: int) -> None:
        self.stack.enter_context(house.rolled_back())
        self.world = World(is_multicapture)
        self.world.clock.tell()
        self.stack.enter_context(house.running(self.world.house))
        self.sides = {side: side(self.world) for side in SIDES}
        self.act(Customers, "place", pick, 0, how)

    @rule(name=acts_of(Customers), pick=numbers, more=numbers, how=numbers)
    def customer(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Customers, name, pick, more, how)

    @rule(name=acts_of(Comebacks), pick=numbers, more=numbers, how=numbers)
    def comeback(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Comebacks, name, pick, more, how)

    @rule(name=acts_of(Drafts), pick=numbers, more=numbers, how=numbers, is_meant=st.booleans())
    def draft(self, name: str, pick: int, more: int, how: int, is_meant: bool) -> None:
        if is_meant:
            self.act(Drafts, name, pick, more, how)

    @rule(name=acts_of(Staff), pick=numbers, more=numbers, how=numbers)
    def staff(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Staff, name, pick, more, how)

    @rule(name=acts_of(Warehouses), pick=numbers, more=numbers, how=numbers)
    def warehouse(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Warehouses, name, pick, more, how)

    @rule(name=acts_of(Banks), pick=numbers, more=numbers, how=numbers)
    def bank(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Banks, name, pick, more, how)

    @rule(name=acts_of(Machinery), pick=numbers, more=numbers, how=numbers)
    def machinery(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Machinery, name, pick, more, how)

    @rule(name=acts_of(Machinery), pick=numbers, more=numbers, how=numbers)
    def more_machinery(self, name: str, pick: int, more: int, how: int) -> None:
        self.act(Machinery, name, pick, more, how)

    @rule(pick=numbers)
    def wait(self, pick: int) -> None:
        self.act(Time, "wait", pick, 0, 0)

    @rule(is_meant=st.integers(0, 9))
    def rest(self, is_meant: int) -> None:
        """Nobody does anything for a while, so that all of the promises can be looked at."""
        if is_meant == 1:
            self.guarded("rest", lambda: ending.assert_quiet(self.world))

    def act(self, side: type[Any], name: str, pick: int, more: int, how: int) -> None:
        """Take one step of one side, and look at what must always hold.

        Where there is nothing to do for the act that was drawn, orders go on instead: else most
        steps would be none, and most lives short.
        """
        for who, what in ((side, name), *GOING_ON):
            step = getattr(self.sides[who], what)
            act = f"{who.__name__}.{what}"
            if self.guarded(act, partial(self.step, step, (pick, more, how))):
                return
        self.count("nothing to do")

    def step(self, step: Callable[..., bool], how: tuple[int, int, int]) -> bool:
        self.world.tick()
        is_done = step(*how)
        if not is_done:
            return False
        house.check_constraints()
        broken = [*promises.find_broken_now(), *self.world.house.errors]
        assert not broken, "\n".join([*broken, tell_story(self.world)])
        return is_done

    def guarded(self, name: str, step: Callable[[], Any]) -> bool:
        """Take a step, count how it ended, and tell whether it was one."""
        try:
            is_done = step() is not False
        except REFUSED as refusal:
            self.count(f"{name}: {type(refusal).__name__}")
            return True
        except Exception:
            self.is_broken = True
            raise
        if is_done:
            self.count(name)
        return is_done

    def count(self, name: str) -> None:
        self.counts[name] += 1

    def teardown(self) -> None:
        try:
            # After a promise was broken the rest would only hide it.
            if hasattr(self, "sides") and not self.is_broken:
                self.counts.update(ending.settle(self.world))
                self.counts["orders"] += len(self.world.orders)
                self.counts["examples"] += 1
        finally:
            self.stack.close()


def profile(*, examples: int, steps: int) -> settings:
    """Return how long the machine runs."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def open_once() -> None:
    """Make ready, in this database and session, what lasts for all examples."""
    house.install()
    open_shop()
    house.check_constraints()


def run(*, examples: int, steps: int, chance: int) -> Counter[str]:
    """Run the machine in the shop that was opened; return how often each act did something.

    The same `chance` takes the same way. Raises what breaks a promise, after its shortest story.
    """
    LifeMachine.counts = Counter()
    how = profile(examples=examples, steps=steps)
    run_state_machine_as_test(seed(chance)(LifeMachine), settings=how)
    return LifeMachine.counts
