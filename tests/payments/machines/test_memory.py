"""The money core in memory: the small size of the proof `machines`, the same way each time."""

from collections import Counter

from tests.payments.machines.machine import profile, run
from tests.payments.machines.walker import WEIGHTS, walk


class TestMachine:
    def test_keeps_its_promises_whatever_happens(self) -> None:
        steps = run(profile(examples=30, steps=40, is_repeatable=True))

        assert steps.total() > 500


class TestWalker:
    def test_keeps_its_promises_whatever_happens(self) -> None:
        steps: Counter[str] = Counter()
        for number in range(60):
            steps += walk(seed=1, number=number)

        assert steps.total() > 1_500
        assert steps.keys() == WEIGHTS.keys()
