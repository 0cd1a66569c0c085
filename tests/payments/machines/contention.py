"""The state machine in PostgreSQL: each step is two acts at once, statement by statement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payments import gateways
from tests import builders
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.machines.gateway import Clock, Gateway
from tests.payments.machines.interleaving import Pair, Script
from tests.payments.machines.machine import profile
from tests.payments.machines.shop import Shop, open_shop
from tests.payments.machines.stripe import Fault, Stripe
from tests.payments.machines.world import CARDS, FAULTS

# What is done most often in life is drawn most often.
ACTS = (
    *("send",) * 6,
    *("check", "webhook", "webhook", "page", "page", "back", "confirm", "confirm"),
    *("expire", "pay_again", "capture", "capture", "cancel", "refund", "send_refund"),
)
acts = st.sampled_from(ACTS)
picks = st.integers(0, 11)
scripts = st.builds(
    Script,
    faults=st.lists(st.sampled_from((Fault.NONE,) * len(FAULTS) + FAULTS), max_size=3),
    dies_at=st.one_of(st.just(0), st.just(0), st.integers(1, 40)),
)
# How many steps the one takes, then the other, and so on: an act takes about forty.
plans = st.lists(st.integers(1, 25), max_size=8)


class ContentionMachine(RuleBasedStateMachine):
    """One order, and two connections that work at it."""

    pair: ClassVar[Pair]
    steps: ClassVar[Counter[str]] = Counter()
    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.patches: list[Any] = []
        self.is_broken = False

    @initialize(card=st.sampled_from(("", "", *CARDS)), is_multicapture=st.booleans())
    def place(self, card: str, is_multicapture: bool) -> None:
        clock = Clock()
        self.shop = open_shop(
            stripe_of=lambda now: Stripe(now=now, is_multicapture=is_multicapture),
            clock=clock,
            card=card,
        )
        gateway, refunds = Gateway(self.shop.stripe, self.pair), FakeRefunds()
        self.patches = [
            patch.object(gateways, "current", lambda: gateway),
            patch.object(gateways, "refunds", lambda: refunds),
            patch("django.utils.timezone.now", clock.now),
        ]
        for each in self.patches:
            each.start()

    @rule(
        first=acts,
        second=acts,
        picks=st.tuples(picks, picks),
        script=scripts,
        other=scripts,
        plan=plans,
    )
    def do_at_once(
        self,
        first: str,
        second: str,
        picks: tuple[int, int],
        script: Script,
        other: Script,
        plan: Sequence[int],
    ) -> None:
        self.run_both((first, second), picks, (script, other), plan)

    @precondition(lambda self: self.shop.stripe.intents)
    @rule(name=st.sampled_from(("send", "webhook", "check")), pick=picks, plan=plans)
    def do_the_same_at_once(self, name: str, pick: int, plan: Sequence[int]) -> None:
        """Two workers have the same row in their hands: a zombie and its successor."""
        self.run_both((name, name), (pick, pick), (Script(), Script()), plan)

    @rule(second=acts, pick=picks, plan=plans)
    def open_page(self, second: str, pick: int, plan: Sequence[int]) -> None:
        self.run_both(("page", second), (0, pick), (Script(), Script()), plan)

    @precondition(lambda self: self.shop.secrets)
    @rule(pick=picks, card=st.sampled_from(("pm_good", *CARDS)))
    def pay(self, pick: int, card: str) -> None:
        found = sorted(self.shop.secrets)
        self.shop.stripe.pay(found[pick % len(found)], card)

    @precondition(lambda self: self.shop.stripe.waiting_for_bank())
    @rule(is_good=st.booleans())
    def hear_bank(self, is_good: bool) -> None:
        for each in self.shop.stripe.waiting_for_bank():
            self.shop.stripe.hear_bank(each, is_good=is_good)

    @rule(seconds=st.sampled_from((1, 40, 400, 2_000)))
    def wait(self, seconds: int) -> None:
        self.shop.wait(seconds)

    def run_both(
        self,
        names: tuple[str, str],
        numbers: tuple[int, int],
        both: tuple[Script, Script],
        plan: Sequence[int],
    ) -> None:
        """Run two acts at once; count how each ended; look at the promises."""
        found = [getattr(self.shop, name)(pick) for name, pick in zip(names, numbers, strict=True)]
        callers = tuple(each or (lambda: None) for each in found)
        try:
            results = self.pair.run((callers[0], callers[1]), both, plan)
            for name, caller, result in zip(names, found, results, strict=True):
                word = self.shop.judge(result)
                if caller is not None:
                    self.steps[f"{name}: {word}"] += 1
            self.shop.check_promises()
        except Exception:
            self.is_broken = True
            raise

    def teardown(self) -> None:
        try:
            if self.patches and not self.is_broken:
                self.shop.settle()
        finally:
            for each in self.patches:
                each.stop()


def run(*, examples: int, steps: int, chance: int = 1) -> dict[str, int]:
    """Run the machine in this database; return how often each act ended how.

    The same `chance` takes the same way. Raises what breaks a promise.
    """
    builders.open_shop()
    builders.add_product(on_hand=100_000)
    ContentionMachine.pair, ContentionMachine.steps = Pair(), Counter()
    try:
        run_state_machine_as_test(
            seed(chance)(ContentionMachine), settings=profile(examples=examples, steps=steps)
        )
    finally:
        ContentionMachine.pair.close()
    acts_done = ContentionMachine.steps
    return {
        "acts": acts_done.total(),
        "lock waits": ContentionMachine.pair.lock_waits,
        **dict(sorted(acts_done.items())),
    }
