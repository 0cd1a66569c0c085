"""Rows are worked in a bounded pool, for a bounded time."""

import threading
import time
from threading import Event
from unittest import mock

import pytest
from django.db import connection, connections
from redis import Redis

from globalmart.core import bell
from globalmart.core.db import renew_connection
from globalmart.core.work import BATCH_PER_THREAD, TURN_SECONDS, backoff, close_pools, drain


class TestDrain:
    def run(self, rows: list[int], work: object, **limits: float) -> int:
        left = list(rows)

        def claim(limit: int) -> list[int]:
            taken, left[:] = left[:limit], left[limit:]
            return taken

        return drain(claim=claim, work=work, linger_seconds=0, **limits)  # type: ignore[arg-type]

    def test_works_every_row_once(self) -> None:
        done: list[int] = []

        assert self.run(list(range(50)), done.append, threads=4) == 50
        assert sorted(done) == list(range(50))

    def test_uses_no_more_threads_than_allowed(self) -> None:
        seen: set[str] = set()

        self.run(list(range(40)), lambda _: seen.add(threading.current_thread().name), threads=3)

        assert 1 <= len(seen) <= 3

    def test_goes_on_after_a_row_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        done: list[int] = []

        def work(key: int) -> None:
            if key == 2:
                raise ValueError("broken mug")
            done.append(key)

        assert self.run([1, 2, 3], work, threads=2) == 3
        assert sorted(done) == [1, 3]
        assert "broken mug" in caplog.text

    def test_stops_claiming_when_its_time_is_over(self) -> None:
        started = time.monotonic()

        count = drain(
            claim=lambda limit: [1],
            work=lambda _: time.sleep(0.01),
            threads=2,
            budget_seconds=0.2,
            linger_seconds=0,
        )

        assert 0 < count < 500
        assert time.monotonic() - started < 5

    def test_waits_a_little_for_rows_that_come_late(self) -> None:
        started, given = time.monotonic(), [False]

        def claim(limit: int) -> list[int]:
            if given[0] or time.monotonic() - started < 0.1:
                return []
            given[0] = True
            return [7]

        assert drain(claim=claim, work=lambda _: None, threads=2, linger_seconds=0.5) == 1

    def test_makes_room_for_what_else_its_worker_was_rung_for(self, redis: Redis) -> None:
        started, done = time.monotonic(), Event()
        bell.ring(["fulfillment.polls"])

        with bell.at_work("fulfillment.requests"):
            drain(
                claim=lambda limit: [1],
                work=lambda _: done.wait(10),
                threads=2,
                linger_seconds=0,
            )

        took = time.monotonic() - started
        done.set()
        # It neither went on nor waited for the rows that are being worked, and comes back to them.
        assert TURN_SECONDS <= took < 5
        assert redis.exists("oms:rung:fulfillment.requests")

    def test_makes_room_at_once_when_it_has_nothing_to_do(self, redis: Redis) -> None:
        bell.ring(["fulfillment.polls"])

        with bell.at_work("fulfillment.requests"):
            assert drain(claim=lambda limit: [], work=print, linger_seconds=60) == 0

        assert not redis.exists("oms:rung:fulfillment.requests")

    def test_claims_no_more_than_its_threads_can_work(self) -> None:
        asked: list[int] = []
        done = Event()

        def claim(limit: int) -> list[int]:
            asked.append(limit)
            return list(range(limit))

        for _ in range(3):
            drain(
                claim=claim,
                work=lambda _: done.wait(10),
                threads=2,
                budget_seconds=0.1,
                linger_seconds=0,
            )
        done.set()

        assert asked == [2 * BATCH_PER_THREAD]

    @pytest.mark.django_db(transaction=True)
    def test_keeps_a_connection_a_thread_until_the_end(self) -> None:
        def ask(_: int) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        def sessions() -> int:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                )
                return int(cursor.fetchone()[0])

        before = sessions()
        for _ in range(3):
            self.run(list(range(8)), ask, threads=4)
            assert before < sessions() <= before + 4
        close_pools()
        for _ in range(50):
            if sessions() <= before:
                break
            time.sleep(0.05)

        assert sessions() <= before

    @pytest.mark.django_db(transaction=True)
    def test_goes_on_with_a_new_connection_where_one_was_ended(self) -> None:
        def end_my_own(number: int) -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pg_backend_pid())" if number else "SELECT 1"
                )
            done.append(number)

        done: list[int] = []
        self.run([1], end_my_own, threads=1)
        self.run([0], end_my_own, threads=1)

        assert done == [0]


@pytest.mark.django_db(transaction=True)
class TestRenewConnection:
    def test_asks_nothing_of_a_server_that_is_there(self) -> None:
        renew_connection()
        with mock.patch.object(connections["default"], "is_usable", return_value=True) as asked:
            for _ in range(3):
                renew_connection()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")

        assert not asked.called

    def test_makes_a_new_one_where_the_server_has_hung_up(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        other.close()

        renew_connection()

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone() != (pid,)


class TestBackoff:
    def test_doubles_to_a_ceiling_with_jitter_above_half(self) -> None:
        for tries, ceiling in [(0, 1), (3, 8), (20, 300), (10_000, 300)]:
            found = [backoff(tries) for _ in range(50)]
            assert ceiling / 2 <= min(found) <= max(found) <= ceiling
            assert len(set(found)) > 1
