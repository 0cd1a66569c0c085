"""Buyers of a closed loop, in a process of their own: the next request follows the last answer.

It reads one JSON object from standard input (`Order` below) and prints one (`Outcome`). HTTP/1.1
over kept connections and nothing more of it than is needed: the buyers share the machine's cores
with the shop, so what they cost is measured, and reported, too.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4


@dataclass(slots=True)
class Plan:
    """What is to be sent. `bodies` are sent in turn; `KEY` in `head` becomes a key of its own each
    time. It ends after `seconds`, or with `count` answers. With `per_second` no more than that are
    sent, evenly."""

    port: int
    head: str
    bodies: list[str]
    buyers: int
    seconds: float = 0.0
    count: int = 0
    per_second: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What became of it: answers by status, their times in milliseconds, and the buyers' CPU."""

    statuses: dict[str, int]
    milliseconds: list[float]
    seconds: float
    cpu_seconds: float
    samples: dict[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """How many orders were placed."""
        return self.statuses.get("201", 0)


def send(plan: Plan) -> Outcome:
    """Send it all, from another process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        timeout=plan.seconds + 300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Outcome(**json.loads(done.stdout))


class Buyer(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, crowd: "Crowd") -> None:
        self.crowd, self.buffer, self.sent_at = crowd, b"", 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = self.crowd.next_request()
        if request is None:
            self.transport.close()
            return
        if not self.crowd.plan.per_second:
            self.send(request)
            return
        asyncio.get_running_loop().call_at(self.crowd.next_turn(), self.send, request)

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        place = head.find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        self.crowd.note(self.buffer, time.perf_counter() - self.sent_at)
        self.buffer = b""
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if self.buffer or error is not None:
            self.crowd.statuses["lost"] += 1
        self.crowd.left -= 1
        if not self.crowd.left:
            self.crowd.over.set()


class Crowd:
    """All buyers of a plan, and what they saw."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.statuses: Counter[str] = Counter()
        self.samples: dict[str, str] = {}
        self.milliseconds: list[float] = []
        self.left, self.over = plan.buyers, asyncio.Event()
        self.requests = self._requests()
        self.turn = 0.0

    def next_request(self) -> bytes | None:
        return next(self.requests, None)

    def next_turn(self) -> float:
        """Return when the next request may be sent, by the loop's clock."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self.turn)
        self.turn = turn + (1 / self.plan.per_second if self.plan.per_second else 0.0)
        return turn

    def note(self, answer: bytes, seconds: float) -> None:
        status = answer[9:12].decode()
        self.statuses[status] += 1
        if status not in self.samples:
            self.samples[status] = answer.decode(errors="replace")[-1500:]
        self.milliseconds.append(round(seconds * 1000, 2))

    def _requests(self) -> Iterator[bytes]:
        plan = self.plan
        bodies = [body.encode() for body in plan.bodies]
        run, number = uuid4().hex, 0
        ends_at = time.perf_counter() + plan.seconds
        while number < plan.count if plan.count else time.perf_counter() < ends_at:
            body = bodies[number % len(bodies)]
            head = plan.head.replace("KEY", f"{run}-{number}")
            yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
            number += 1


async def _run(plan: Plan) -> Outcome:
    crowd, loop = Crowd(plan), asyncio.get_running_loop()
    started, before = time.perf_counter(), _cpu_seconds()
    for _ in range(plan.buyers):
        await loop.create_connection(lambda: Buyer(crowd), "127.0.0.1", plan.port)
    await crowd.over.wait()
    return Outcome(
        statuses=dict(crowd.statuses),
        milliseconds=crowd.milliseconds,
        seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - before,
        samples=crowd.samples,
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    outcome = asyncio.run(_run(Plan(**json.load(sys.stdin))))
    json.dump(asdict(outcome), sys.stdout)
