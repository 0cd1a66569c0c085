"""Buyers who follow a script over several requests, as a process of their own.

It is told by one line of JSON, warms up, says `ready`, waits for `go`, measures, and answers with
one line of JSON. In between the other side reads its meters, while nothing is under way.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from globalmart.sandbox.folders import ROOT
from globalmart.sandbox.processes import die_with_parent
from tests.bench.buyers import SCRIPTS
from tests.bench.client import Loop, Tally

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many buyers at a port of this machine; without `seconds` each does its script once, all
    at the same time."""

    script: str
    port: int
    buyers: int
    parameters: dict[str, Any]
    seconds: float | None = None
    warmup: float = 0.0


class CrowdFailed(Exception):
    """The process ended without an answer; the message is its last words."""


def go(crowd: Crowd, *, read: Callable[[], T]) -> tuple[Tally, T, T]:
    """Run it; return its figures, and what `read` gave before and after. Raises CrowdFailed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    ) as process:
        try:
            return _talk(process, crowd, read)
        except BaseException:
            process.kill()  # or leaving the block would wait for it
            raise


def _talk(
    process: subprocess.Popen[str], crowd: Crowd, read: Callable[[], T]
) -> tuple[Tally, T, T]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    print(json.dumps(asdict(crowd)), file=process.stdin, flush=True)
    if process.stdout.readline() != "ready\n":
        raise CrowdFailed(process.stderr.read()[-2000:])
    before = read()
    print("go", file=process.stdin, flush=True)
    answer = process.stdout.readline()
    after = read()
    if not answer:
        raise CrowdFailed(process.stderr.read()[-2000:])
    return Tally(**json.loads(answer)), before, after


def _main() -> None:
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    make_unit = SCRIPTS[crowd.script]({"host": f"127.0.0.1:{crowd.port}", **crowd.parameters})
    loop = Loop(address=("127.0.0.1", crowd.port), buyers=crowd.buyers)
    if crowd.warmup:
        loop.run(make_unit, seconds=crowd.warmup)
    print("ready", flush=True)  # noqa: T201 - to the other side
    if sys.stdin.readline() != "go\n":
        return
    tally = loop.run(make_unit, seconds=crowd.seconds)
    loop.close()
    # Not by asdict(), which takes counters apart.
    found = {each.name: getattr(tally, each.name) for each in fields(tally)}
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    _main()
