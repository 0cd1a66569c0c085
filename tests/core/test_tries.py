"""Tries are counted, forgotten after their time, and never let through beyond the limit."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from globalmart.core import tries
from globalmart.core.models import TryCount
from globalmart.core.tries import Limit
from tests.builders import NOON

LIMIT = Limit(scope="door", most=3, window=timedelta(minutes=15))


def take(minute: float = 0, subject: str = "eve") -> int:
    return tries.take(limit=LIMIT, subject=subject, now=NOON + timedelta(minutes=minute))


@pytest.mark.django_db
class TestTries:
    def test_are_so_many_and_then_there_is_a_wait(self) -> None:
        assert [take(), take(1), take(2)] == [0, 0, 0]
        assert take(5) == 600
        assert take(subject="ada") == 0

    def test_that_are_refused_do_not_prolong_the_wait(self) -> None:
        for minute in range(14):
            take(minute)
        assert take(14.5) == 30
        assert take(15) == 0
        assert TryCount.objects.get().tries == 1

    def test_given_back_are_free_again(self) -> None:
        for _ in range(5):
            assert take() == 0
            tries.give_back(limit=LIMIT, subject="eve")
        assert TryCount.objects.get().tries == 0

    def test_of_another_scope_count_apart(self) -> None:
        other = Limit(scope="window", most=3, window=LIMIT.window)
        for _ in range(4):
            take()
        assert tries.take(limit=other, subject="eve", now=NOON) == 0


@pytest.mark.django_db(transaction=True)
def test_simultaneous_tries_are_all_counted() -> None:
    limit = Limit(scope="door", most=5, window=timedelta(minutes=15))
    start, answers = Barrier(12), []

    def knock() -> None:
        start.wait(timeout=20)
        answers.append(tries.take(limit=limit, subject="eve", now=NOON))
        connection.close()

    threads = [Thread(target=knock) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0] * 5 + [900] * 7
