"""The money core in memory: the small size of the proof `machines`, the same way each time."""

from collections import Counter

from tests.payments.machines.machine import run
from tests.payments.machines.walker import WEIGHTS, walk


class TestMachine:
    def test_keeps_its_promises_whatever_happens(self) -> None:
        steps = run(examples=40, steps=40)

        assert steps.total() > 300


class TestWalker:
    def test_keeps_its_promises_whatever_happens(self) -> None:
        steps: Counter[str] = Counter()
        for number in range(100):
            steps += walk(seed=1, number=number)

        assert steps.total() > 2_000
        assert steps.keys() == WEIGHTS.keys()
