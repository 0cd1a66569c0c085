"""The supervisor, with small stand-in commands."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from globalmart.sandbox import supervisor as module
from globalmart.sandbox.processes import Process, ProcessFailed
from globalmart.sandbox.supervisor import Supervisor


def eventually(check: Callable[[], bool], *, seconds: float = 10) -> bool:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if check():
            return True
        time.sleep(0.02)
    return check()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def shell(name: str, script: str, folder: Path, **more: object) -> Process:
    return Process(
        name=name,
        command=("/bin/sh", "-c", script),
        environment={"PATH": os.environ["PATH"]},
        folder=folder,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(logs=tmp_path, say=said.append)
    yield supervisor
    supervisor.stop()


class TestStart:
    def test_waits_until_it_is_ready(self, supervisor: Supervisor, tmp_path: Path) -> None:
        sign = tmp_path / "sign"

        supervisor.start(
            shell("slow", f"sleep 0.3; touch {sign}; sleep 60", tmp_path, ready=sign.exists)
        )

        assert sign.exists()
        assert is_alive(supervisor.pids()["slow"])

    def test_names_what_died_with_its_log_and_the_fix(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        broken = shell(
            "broken",
            "echo no such table >&2; exit 3",
            tmp_path,
            ready=lambda: False,
            fix="Run the migrations.",
        )

        with pytest.raises(ProcessFailed) as failure:
            supervisor.start(broken)

        words = str(failure.value)
        assert words.startswith("broken ended with code 3 before it was ready")
        assert "| no such table" in words
        assert str(tmp_path / "broken.log") in words
        assert words.endswith("Run the migrations.")

    def test_does_not_wait_for_ever(self, supervisor: Supervisor, tmp_path: Path) -> None:
        mute = shell("mute", "sleep 60", tmp_path, ready=lambda: False, ready_within=0.2)

        with pytest.raises(ProcessFailed, match="mute was not ready within"):
            supervisor.start(mute)

    def test_names_a_program_that_is_not_there(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        missing = Process(
            name="missing", command=("/no/such/program",), environment={}, folder=tmp_path
        )

        with pytest.raises(ProcessFailed, match="missing could not be started"):
            supervisor.start(missing)


class TestRun:
    def test_returns_when_the_command_has_ended(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        supervisor.run(shell("once", "echo done", tmp_path))

        assert supervisor.log_of("once").read_text() == "done\n"

    def test_quotes_the_log_of_a_failed_command(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        with pytest.raises(ProcessFailed, match=r"(?s)once ended with code 1.*\| bad migration"):
            supervisor.run(shell("once", "echo bad migration; exit 1", tmp_path))

    def test_ends_a_command_that_takes_too_long(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        pid_file = tmp_path / "pid"

        with pytest.raises(ProcessFailed, match="did not end within"):
            supervisor.run(
                shell("long", f"echo $$ > {pid_file}; sleep 60", tmp_path), wait_seconds=0.5
            )

        assert not is_alive(int(pid_file.read_text()))


class TestWatch:
    def test_starts_a_killed_process_again_and_says_so(
        self, supervisor: Supervisor, tmp_path: Path, said: list[str]
    ) -> None:
        supervisor.start(shell("worker", "exec sleep 60", tmp_path))
        supervisor.watch()
        first = supervisor.pids()["worker"]

        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: supervisor.pids().get("worker", first) != first)
        assert said == ["worker was killed by SIGKILL; it starts again in 0.2 s"]

    def test_pauses_longer_each_time_and_then_gives_up(
        self,
        supervisor: Supervisor,
        tmp_path: Path,
        said: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "RESTARTS_ALLOWED", 2)
        supervisor.start(shell("crasher", "sleep 0.2; echo cannot connect; exit 1", tmp_path))
        supervisor.watch()

        assert supervisor.failed.wait(10)
        assert [line.rsplit(" ", 2)[1] for line in said] == ["0.2", "0.4"]
        assert supervisor.failure is not None
        assert "crasher ended with code 1 too often: 3 times within a minute" in supervisor.failure
        assert "| cannot connect" in supervisor.failure
        assert supervisor.pids() == {}


class TestStop:
    def test_stops_the_last_started_first(self, supervisor: Supervisor, tmp_path: Path) -> None:
        record = tmp_path / "record"
        for name in ("database", "web"):
            sign = tmp_path / name
            script = (
                f"trap 'echo {name} >> {record}; exit' TERM; touch {sign}; "
                "while :; do sleep 0.05; done"
            )
            supervisor.start(shell(name, script, tmp_path, ready=sign.exists))

        supervisor.stop()

        assert record.read_text().split() == ["web", "database"]

    def test_ends_what_does_not_listen_and_its_children(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        child = tmp_path / "child"
        script = f"trap '' TERM; sleep 60 & echo $! > {child}; while :; do sleep 0.1; done"
        deaf = shell(
            "deaf",
            script,
            tmp_path,
            ready=lambda: child.exists() and child.read_text() != "",
            stop_within=0.3,
        )
        supervisor.start(deaf)
        pid = supervisor.pids()["deaf"]

        supervisor.stop()

        assert not is_alive(pid)
        assert eventually(lambda: not is_alive(int(child.read_text())))

    def test_leaves_alone_what_it_did_not_start(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            supervisor.start(shell("ours", "exec sleep 60", tmp_path))
            ours = supervisor.pids()["ours"]

            supervisor.stop()

            assert not is_alive(ours)
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of dead parents")
class TestDeathOfTheSupervisor:
    def test_takes_its_processes_along(self, tmp_path: Path) -> None:
        program = f"""
            import pathlib, time
            from globalmart.sandbox.processes import Process
            from globalmart.sandbox.supervisor import Supervisor

            folder = pathlib.Path({str(tmp_path)!r})
            supervisor = Supervisor(logs=folder, say=print)
            supervisor.start(Process(name="child", command=("sleep", "60"),
                                     environment={{"PATH": "/usr/bin:/bin"}}, folder=folder))
            (folder / "pid.new").write_text(str(supervisor.pids()["child"]))
            (folder / "pid.new").rename(folder / "pid")
            time.sleep(60)
        """
        parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
        try:
            assert eventually((tmp_path / "pid").exists)
            child = int((tmp_path / "pid").read_text())
            assert is_alive(child)
        finally:
            parent.send_signal(signal.SIGKILL)
            parent.wait()

        assert eventually(lambda: not is_alive(child))
