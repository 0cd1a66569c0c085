"""A failpoint crashes what it was told to, once, and costs nothing where nobody told it."""

import contextlib
import json
import os
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from globalmart.core import failpoints
from globalmart.core.failpoints import Crash, failpoint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder that this process looks into."""
    failpoints.arm(tmp_path)
    yield tmp_path
    failpoints.arm(None)


def order_crash(folder: Path, name: str = "CP7.x", **wanted: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"action": "raise", **wanted}))


def crashes(name: str = "CP7", **facts: object) -> bool:
    try:
        failpoint(name, **facts)
    except Crash:
        return True
    return False


def hits(folder: Path) -> list[dict[str, Any]]:
    log = folder / failpoints.HITS
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


class TestUnarmed:
    def test_does_nothing(self, tmp_path: Path) -> None:
        order_crash(tmp_path)

        assert not failpoints.is_armed()
        assert not crashes()

    def test_costs_no_more_than_a_call(self) -> None:
        def nothing(name: str, **facts: object) -> None: ...

        def seconds(call: Callable[..., None]) -> float:
            return min(timeit.repeat(lambda: call("CP7", order=1), number=2_000, repeat=50))

        # Against each other, for a busy machine is slow with both.
        assert seconds(failpoint) < 3 * seconds(nothing)

    def test_does_not_look_at_its_facts(self) -> None:
        facts = iter([1, 2, 3])

        failpoint("CP13", order=facts)

        assert next(facts) == 1


class TestScope:
    def test_is_the_point_and_the_facts(self, folder: Path) -> None:
        order_crash(folder, scope={"order": 17})

        assert not crashes("CP6", order=17)
        assert not crashes(order=18)
        assert not crashes()
        assert crashes(order=17)

    def test_fits_one_of_several(self, folder: Path) -> None:
        order_crash(folder, scope={"order": 17})

        assert crashes(order=(number for number in (16, 17)))

    def test_follows_a_key_to_its_order(self, folder: Path) -> None:
        order_crash(folder, scope={"key": "k-1"})

        failpoint("CP1", key="k-2", order=16)
        failpoint("CP1", key="k-1", order=17)

        assert not crashes(order=16)
        assert crashes(order=17)

    def test_can_be_one_kind_of_process(self, folder: Path) -> None:
        order_crash(folder, process="relay")
        assert not crashes()

        order_crash(folder, name="CP7.y", process=failpoints.process_kind())
        assert crashes()


class TestCrash:
    def test_happens_once(self, folder: Path) -> None:
        order_crash(folder)

        assert [crashes(), crashes()] == [True, False]

    def test_happens_at_the_hit_that_was_asked_for(self, folder: Path) -> None:
        order_crash(folder, hit=3)

        assert [crashes() for _ in range(5)] == [False, False, True, False, False]

    def test_is_logged_before_it_happens(self, folder: Path) -> None:
        order_crash(folder, action="note")
        failpoint("CP7", order=17)

        (hit,) = hits(folder)
        assert (hit["cell"], hit["action"], hit["pid"]) == ("CP7.x", "note", os.getpid())
        assert hit["facts"] == {"order": ["17"]}

    def test_is_not_swallowed(self, folder: Path) -> None:
        order_crash(folder)

        with pytest.raises(Crash), contextlib.suppress(Exception):
            failpoint("CP7")

    @pytest.mark.parametrize(("action", "code"), [("kill", -9), ("terminate", -15)])
    def test_ends_the_process(self, folder: Path, action: str, code: int) -> None:
        order_crash(folder, action=action)
        words = (
            "import sys, pathlib; from globalmart.core import failpoints as f;"
            "f.arm(pathlib.Path(sys.argv[1])); f.failpoint('CP7'); print('alive')"
        )

        done = subprocess.run(
            [sys.executable, "-c", words, str(folder)],
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=False,
        )

        assert (done.returncode, done.stdout) == (code, b"")
        assert [hit["action"] for hit in hits(folder)] == [action]


@pytest.mark.django_db(transaction=True)
class TestDatabase:
    @pytest.fixture(autouse=True)
    def _table(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE crashed (number int)")
        yield
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE crashed")

    def insert(self) -> None:
        connection.cursor().execute("INSERT INTO crashed VALUES (1)")
        failpoint("CP1")

    def count_after(self) -> int:
        """Crash in front of a COMMIT; return how many rows are there to those who come later."""
        with pytest.raises((Crash, OperationalError)), transaction.atomic():
            self.insert()
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM crashed")
            return int(cursor.fetchone()[0])

    def test_forgets_what_was_not_committed(self, folder: Path) -> None:
        order_crash(folder, name="CP1.x", action="drop")
        assert self.count_after() == 0

        order_crash(folder, name="CP1.y", action="raise")
        assert self.count_after() == 0

    @pytest.mark.parametrize("action", ["drop", "raise"])
    def test_keeps_what_was_committed_and_not_answered(self, folder: Path, action: str) -> None:
        order_crash(folder, name="CP1.x", action=action, commit_first=True)

        assert self.count_after() == 1
