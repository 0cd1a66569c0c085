"""Whole lives of orders: the proof's small size, the same way each time."""

import pytest

from tests.orders.life.machine import open_once, run


@pytest.mark.django_db
class TestLives:
    def test_keep_the_promises_whatever_happens(self) -> None:
        open_once()

        counts = run(examples=6, steps=40, chance=1)

        assert counts["examples"] >= 6
