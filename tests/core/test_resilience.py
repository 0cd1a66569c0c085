"""Somebody else's server is spared when it is slow, and found again when it is back."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from globalmart.core.budget import budget, seconds_left
from globalmart.core.resilience import Breaker, Bucket, Bulkhead, Ticket


@dataclass
class Clock:
    """A clock that moves when somebody sleeps by it."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A breaker without jitter that has seen one success, a window ago."""
    made = Breaker(name="there", clock=clock, dice=lambda low, high: (low + high) / 2)
    call(made, is_failure=False)
    clock.now += 21
    return made


def admitted(breaker: Breaker) -> Ticket:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def call(breaker: Breaker, *, is_failure: bool, times: int = 1) -> None:
    for _ in range(times):
        breaker.settle(admitted(breaker), is_failure=is_failure)


class TestBucket:
    def bucket(self, clock: Clock, per_second: float = 5.0) -> Bucket:
        return Bucket(per_second=per_second, clock=clock, sleep=clock.sleep)

    def test_begins_with_one_call_and_then_waits(self, clock: Clock) -> None:
        bucket = self.bucket(clock)

        assert [bucket.take(wait_seconds=1) for _ in range(3)] == [0, 0, 0]
        assert clock.slept == pytest.approx([0.2, 0.2])

    def test_lets_no_more_pass_in_a_second_than_a_fifth_above_its_limit(self, clock: Clock) -> None:
        bucket = self.bucket(clock, per_second=25.0)
        clock.now += 60

        passed: list[float] = []
        while clock.now < 1062:
            bucket.take(wait_seconds=1)
            passed.append(clock.now)

        most = max(sum(start <= at < start + 1 for at in passed) for start in passed)
        assert 25 <= most <= 30
        assert len(passed) == pytest.approx(2 * 25, abs=6)

    def test_says_how_long_it_would_have_taken_and_takes_nothing(self, clock: Clock) -> None:
        bucket = self.bucket(clock, per_second=0.5)
        bucket.take(wait_seconds=0)

        assert bucket.take(wait_seconds=1) == pytest.approx(2)
        assert bucket.take(wait_seconds=1) == pytest.approx(2)
        assert clock.slept == []
        clock.now += 2
        assert bucket.take(wait_seconds=0) == 0

    def test_rests_when_asked_to(self, clock: Clock) -> None:
        bucket = self.bucket(clock)
        bucket.rest(seconds=7)
        bucket.rest(seconds=3)

        assert bucket.take(wait_seconds=1) == pytest.approx(7)
        assert bucket.snapshot() == {"per_second": 5.0, "rests_seconds": pytest.approx(7)}
        clock.now += 7
        assert bucket.take(wait_seconds=0) == 0

    def test_keeps_its_limit_among_threads(self) -> None:
        bucket = Bucket(per_second=200.0)
        started = time.monotonic()

        with ThreadPoolExecutor(16) as pool:
            waited = list(pool.map(lambda _: bucket.take(wait_seconds=5), range(100)))

        assert waited == [0] * 100
        assert time.monotonic() - started >= (100 - 41) / 200


class TestBulkhead:
    def test_lets_so_many_in_and_no_more(self) -> None:
        bulkhead = Bulkhead(places=2)

        assert [bulkhead.enter(wait_seconds=0) for _ in range(3)] == [True, True, False]
        assert bulkhead.snapshot() == {"inside": 2, "places": 2}
        bulkhead.leave()
        assert bulkhead.enter(wait_seconds=0)

    def test_waits_for_a_place(self) -> None:
        bulkhead = Bulkhead(places=1)
        bulkhead.enter(wait_seconds=0)
        threading.Timer(0.05, bulkhead.leave).start()

        assert bulkhead.enter(wait_seconds=5)

    def test_holds_among_threads(self) -> None:
        bulkhead, inside, most = Bulkhead(places=3), [0], [0]
        lock = threading.Lock()

        def work(_: int) -> bool:
            if not bulkhead.enter(wait_seconds=10):
                return False
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            with lock:
                inside[0] -= 1
            bulkhead.leave()
            return True

        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(work, range(120)))

        assert most[0] == 3
        assert bulkhead.snapshot()["inside"] == 0


class TestBreaker:
    def test_opens_at_failures_in_a_row(self, breaker: Breaker) -> None:
        call(breaker, is_failure=False, times=100)
        call(breaker, is_failure=True, times=9)
        assert breaker.snapshot()["state"] == "closed"

        call(breaker, is_failure=True)

        assert breaker.snapshot()["state"] == "open"
        assert breaker.admit() is None
        assert breaker.pause() == pytest.approx(10)

    def test_opens_when_most_of_many_fail(self, breaker: Breaker) -> None:
        for _ in range(9):
            call(breaker, is_failure=True)
            call(breaker, is_failure=False)
        call(breaker, is_failure=True)

        assert breaker.snapshot()["state"] == "open"

    def test_bears_a_minority_of_failures(self, breaker: Breaker) -> None:
        for _ in range(50):
            call(breaker, is_failure=False, times=2)
            call(breaker, is_failure=True, times=2)

        assert breaker.snapshot()["state"] == "closed"

    def test_forgets_failures_older_than_its_window(self, breaker: Breaker, clock: Clock) -> None:
        for _ in range(40):
            call(breaker, is_failure=True)
            clock.now += 2.5

        assert breaker.snapshot() == {
            "state": "closed",
            "calls": 8,
            "failures": 8,
            "opened": 0,
            "pause_seconds": 0.0,
        }

    def test_gives_up_sooner_before_the_first_success(self, clock: Clock) -> None:
        newborn = Breaker(name="there", clock=clock)

        call(newborn, is_failure=True, times=5)

        assert newborn.snapshot()["state"] == "open"

    def test_lets_one_probe_pass_after_its_pause(self, breaker: Breaker, clock: Clock) -> None:
        call(breaker, is_failure=True, times=10)
        clock.now += 10

        assert breaker.pause() == 0
        probe = admitted(breaker)

        assert breaker.snapshot()["state"] == "half_open"
        assert breaker.admit() is None
        assert breaker.pause() == 1
        breaker.settle(probe, is_failure=False)
        assert breaker.snapshot()["state"] == "closed"
        assert breaker.snapshot()["failures"] == 0
        call(breaker, is_failure=True, times=9)
        assert breaker.snapshot()["state"] == "closed"

    def test_doubles_its_pause_up_to_a_minute_and_begins_anew(
        self, breaker: Breaker, clock: Clock
    ) -> None:
        call(breaker, is_failure=True, times=10)
        pauses = []
        for _ in range(4):
            clock.now += breaker.pause()
            call(breaker, is_failure=True)
            pauses.append(breaker.pause())
        clock.now += breaker.pause()
        call(breaker, is_failure=False)
        call(breaker, is_failure=True, times=10)

        assert pauses == pytest.approx([20, 40, 60, 60])
        assert breaker.pause() == pytest.approx(10)

    def test_spreads_its_pause(self, clock: Clock) -> None:
        pauses = set()
        for _ in range(20):
            made = Breaker(name="there", clock=clock)
            call(made, is_failure=True, times=5)
            pauses.add(made.pause())

        assert len(pauses) > 1
        assert all(8 <= pause <= 12 for pause in pauses)

    def test_hears_nothing_of_calls_that_left_before_it_opened(
        self, breaker: Breaker, clock: Clock
    ) -> None:
        early = [admitted(breaker) for _ in range(3)]
        call(breaker, is_failure=True, times=10)

        breaker.settle(early[0], is_failure=False)
        assert breaker.snapshot()["state"] == "open"
        clock.now += 10
        probe = admitted(breaker)
        breaker.settle(early[1], is_failure=True)
        breaker.settle(early[2], is_failure=False)

        assert breaker.snapshot()["state"] == "half_open"
        assert breaker.admit() is None
        breaker.settle(probe, is_failure=False)
        assert breaker.snapshot()["state"] == "closed"

    def test_tells_operators_of_every_change(
        self, breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            call(breaker, is_failure=True, times=10)
            clock.now += 10
            call(breaker, is_failure=False)

        said = [record.getMessage() for record in caplog.records]
        assert [line.split(",")[0] for line in said] == [
            "the breaker of there is open",
            "the breaker of there is half_open",
            "the breaker of there is closed",
        ]
        assert "for 10 s (10 of 10 calls failed)" in said[0]

    def test_lets_one_probe_pass_among_threads(self, breaker: Breaker, clock: Clock) -> None:
        call(breaker, is_failure=True, times=10)
        clock.now += 10
        together = threading.Barrier(16)

        def ask(_: int) -> Ticket | None:
            together.wait()
            return breaker.admit()

        with ThreadPoolExecutor(16) as pool:
            probes = [ticket for ticket in pool.map(ask, range(16)) if ticket]

        assert len(probes) == 1

    def test_counts_right_among_threads(self, breaker: Breaker) -> None:
        def work(_: int) -> None:
            for number in range(40):
                call(breaker, is_failure=number % 4 == 3)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

        assert breaker.snapshot()["calls"] == 8 * 40
        assert breaker.snapshot()["failures"] == 8 * 10


class TestBudget:
    def test_is_none_where_nobody_waits(self) -> None:
        assert seconds_left() is None

    def test_is_what_the_shortest_leaves(self) -> None:
        with budget(seconds=5):
            with budget(seconds=60):
                assert 4 < (seconds_left() or 0) <= 5
            with budget(seconds=0):
                assert seconds_left() == 0
            assert 4 < (seconds_left() or 0) <= 5
        assert seconds_left() is None

    def test_decorates_what_is_to_end_in_time(self) -> None:
        @budget(seconds=3)
        def look() -> float | None:
            return seconds_left()

        assert [2 < (look() or 0) <= 3 for _ in range(2)] == [True, True]

    def test_is_each_threads_own(self) -> None:
        with budget(seconds=3), ThreadPoolExecutor(1) as pool:
            assert pool.submit(seconds_left).result() is None
