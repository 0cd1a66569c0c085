"""The embedded PostgreSQL and Redis, and the command that runs something beside them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from globalmart.sandbox import postgres, valkey
from globalmart.sandbox.folders import ROOT, throw_away_state
from globalmart.sandbox.postgres import NoDatabase, Postgres
from globalmart.sandbox.supervisor import Supervisor
from tests.sandbox.test_supervisor import eventually

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with throw_away_state() as folder:
        # The folders of the sockets go with it (pytest has settled on its own folder by now).
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(logs=tmp_path, say=print)
    yield supervisor
    supervisor.stop()


def start_postgres(state: Path, supervisor: Supervisor, *, is_throw_away: bool = True) -> Postgres:
    server = postgres.prepare(state=state, is_throw_away=is_throw_away)
    supervisor.start(server.process(environment=ENVIRONMENT))
    return server


class TestLocale:
    @pytest.mark.parametrize(("major", "is_builtin"), [(14, False), (16, False), (17, True)])
    def test_is_the_builtin_one_where_there_is_one(self, major: int, is_builtin: bool) -> None:
        options = postgres.locale_options(major=major)

        assert ("--locale-provider=builtin" in options) is is_builtin
        assert any(option.startswith("--locale=C") for option in options)


class TestPostgres:
    def test_limits_waiting_by_role(self, state: Path, supervisor: Supervisor) -> None:
        server = start_postgres(state, supervisor)
        server.create_database()

        def limits(role: str) -> list[object]:
            names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
            with psycopg.connect(server.url(role=role)) as connection:
                rows = [connection.execute(f"SHOW {name}").fetchone() for name in names]
            return [row[0] for row in rows if row]

        assert limits("oms_web") == ["2s", "5s", "10s"]
        assert limits("oms_worker") == ["5s", "30s", "30s"]
        assert limits("oms") == ["0", "0", "0"]

    def test_lets_the_roles_use_tables_of_the_owner(
        self, state: Path, supervisor: Supervisor
    ) -> None:
        server = start_postgres(state, supervisor)
        server.create_database()
        with psycopg.connect(server.url()) as owner:
            owner.execute("CREATE TABLE mug (sku text)")

        with psycopg.connect(server.url(role="oms_web")) as web:
            web.execute("INSERT INTO mug VALUES ('MUG')")

            assert web.execute("SELECT sku FROM mug").fetchall() == [("MUG",)]

    def test_resumes_with_its_data(self, state: Path, tmp_path: Path) -> None:
        first = Supervisor(logs=tmp_path, say=print)
        server = start_postgres(state, first, is_throw_away=False)
        assert server.create_database()
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE mug (sku text)")
        first.stop()
        second = Supervisor(logs=tmp_path, say=print)
        try:
            again = start_postgres(state, second, is_throw_away=False)

            assert not again.create_database()
            with psycopg.connect(again.url()) as connection:
                assert connection.execute("SELECT * FROM mug").fetchall() == []
        finally:
            second.stop()

    def test_keeps_what_was_committed_when_it_is_killed(
        self, state: Path, supervisor: Supervisor
    ) -> None:
        server = start_postgres(state, supervisor)
        server.create_database()
        supervisor.watch()
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE mug AS SELECT 'MUG' AS sku")

        os.kill(supervisor.pids()["postgres"], signal.SIGKILL)

        assert eventually(lambda: not server.answers(), seconds=5)
        assert eventually(server.answers, seconds=20)
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT sku FROM mug").fetchall() == [("MUG",)]

    def test_refuses_data_of_another_major_version(self, state: Path) -> None:
        server = postgres.prepare(state=state, is_throw_away=True)
        (server.data / "PG_VERSION").write_text("14\n")

        with pytest.raises(NoDatabase, match=r"made by PostgreSQL 14; .*make clean"):
            postgres.prepare(state=state, is_throw_away=True)

    def test_makes_the_database_anew_after_an_interrupted_start(self, state: Path) -> None:
        half = state / "postgres.new"
        half.mkdir()
        (half / "half").touch()

        server = postgres.prepare(state=state, is_throw_away=True)

        assert (server.data / "PG_VERSION").exists()
        assert not half.exists()

    def test_is_not_bent_by_variables_of_another_server(self) -> None:
        environment = {"PGHOST": "elsewhere", "PGPASSWORD": "x", "HOME": "/"}

        assert postgres.clean_environment(environment) == {"HOME": "/"}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root owns folders the account cannot enter")
    def test_keeps_its_data_elsewhere_below_a_folder_closed_to_its_account(
        self, state: Path, tmp_path: Path, supervisor: Supervisor
    ) -> None:
        closed = tmp_path / "home-of-root"
        closed.mkdir(mode=0o700)
        inside = closed / "var"
        inside.mkdir()
        server = start_postgres(inside, supervisor)
        try:
            assert (inside / "postgres").resolve() == server.data
            assert closed.stat().st_mode & 0o777 == 0o700
            assert postgres.prepare(state=inside, is_throw_away=True).data == server.data
        finally:
            supervisor.stop()
            shutil.rmtree(server.data.parent)


class TestValkey:
    def test_keeps_what_was_written_when_it_is_killed(
        self, state: Path, supervisor: Supervisor
    ) -> None:
        server = valkey.prepare(state=state, is_throw_away=False)
        supervisor.start(server.process(environment=ENVIRONMENT))
        supervisor.watch()
        with redis.Redis.from_url(server.url()) as client:
            client.set("mug", "1")
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        first = supervisor.pids()["redis"]
        time.sleep(1.1)  # the append-only file is flushed once a second

        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: supervisor.pids().get("redis", first) != first)
        assert eventually(server.answers)
        with redis.Redis.from_url(server.url()) as client:
            assert client.get("mug") == b"1"


class TestServersCommand:
    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        mine = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
        return subprocess.run(
            [sys.executable, "-m", "globalmart.sandbox", "servers", "--", *command],
            cwd=ROOT,
            env=mine | environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def test_gives_both_addresses_and_returns_the_exit_code(self) -> None:
        script = (
            "import os, sys, psycopg, redis;"
            "psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 1');"
            "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
            "print(os.environ['DATABASE_URL'].split('host=')[1]);"
            "sys.exit(7)"
        )

        done = self.run(sys.executable, "-c", script, PGPORT="1", PGHOST="elsewhere")

        assert done.returncode == 7, done.stderr
        assert not Path(done.stdout.strip()).exists()  # its socket folder is gone with it

    def test_uses_the_servers_that_the_environment_names(
        self, state: Path, supervisor: Supervisor
    ) -> None:
        server = start_postgres(state, supervisor)
        server.create_database()
        cache = valkey.prepare(state=state, is_throw_away=True)
        supervisor.start(cache.process(environment=ENVIRONMENT))

        script = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"
        done = self.run(
            sys.executable, "-c", script, DATABASE_URL=server.url(), REDIS_URL=cache.url()
        )

        assert done.stdout.split() == [server.url(), cache.url()]
        assert "from DATABASE_URL" in done.stderr

    def test_names_a_server_that_does_not_answer_and_the_fix(self) -> None:
        done = self.run("true", DATABASE_URL="postgres://oms@127.0.0.1:1/oms")

        assert done.returncode == 1
        assert "DATABASE_URL: PostgreSQL at 127.0.0.1 cannot be used" in done.stderr
        assert "without DATABASE_URL an embedded one is used" in done.stderr
        assert "Traceback" not in done.stderr

    def test_stops_its_servers_when_it_is_terminated(self, tmp_path: Path) -> None:
        mine = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
        where = tmp_path / "where"
        script = (
            "import os, pathlib, time;"
            f"p = pathlib.Path({str(tmp_path)!r});"
            "(p / 'new').write_text(os.environ['DATABASE_URL'].split('host=')[1]);"
            "(p / 'new').rename(p / 'where');"
            "time.sleep(60)"
        )
        command = [sys.executable, "-m", "globalmart.sandbox", "servers", "--"]
        child = subprocess.Popen(
            [*command, sys.executable, "-c", script],
            cwd=ROOT,
            env=mine,
            stderr=subprocess.DEVNULL,
        )
        assert eventually(where.exists, seconds=30)
        sockets = Path(where.read_text())
        assert list(sockets.glob(".s.PGSQL.*"))

        child.terminate()

        assert child.wait(timeout=20) == 128 + signal.SIGTERM
        assert not sockets.exists()
