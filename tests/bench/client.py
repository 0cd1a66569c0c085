"""A closed loop over HTTP/1.1 with kept connections, as cheap per request as Python can be.

It shares the machine with what it measures, so requests come ready made, answers are cut at
Content-Length and not parsed, and one thread drives all buyers.
"""

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
PATIENCE_SECONDS = 60.0


class Reply(NamedTuple):
    """An answer: its status, its head as it came (lower and upper case), its body."""

    status: int
    head: bytes
    body: bytes


# What one buyer does once: yields (name, request), is sent the reply, ends or raises Refused.
Unit = Generator[tuple[str, bytes], Reply, None]


class Refused(Exception):
    """The unit did not end as it should; the message is the reason, and counted."""


class BrokenAnswer(Exception):
    """The server sent what is no answer, or none within PATIENCE_SECONDS."""


@dataclass(slots=True)
class Tally:
    """What was measured: milliseconds by request name and of whole units, and how it ended."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    # Of requests and units that ended within the time; all of them are in the other figures.
    requests_in_time: int = 0
    units_in_time: int = 0
    requests: dict[str, list[float]] = field(default_factory=dict)
    units: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    reconnects: int = 0


class _Buyer:
    __slots__ = ("began_at", "buffer", "is_fresh", "line", "name", "request", "sent_at", "unit")

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.buffer = b""
        self.is_fresh = True
        self.unit: Unit
        self.name = ""
        self.request = b""
        self.sent_at = self.began_at = 0.0


class Loop:
    """Buyers who begin a unit as soon as the last one has ended."""

    def __init__(self, *, address: tuple[str, int], buyers: int) -> None:
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._buyers = [_Buyer(self._connect()) for _ in range(buyers)]

    def run(self, make_unit: Callable[[], Unit], *, seconds: float | None) -> Tally:
        """Begin units for so long, or one for each buyer and all at once without `seconds`.

        Those that are under way are ended. Raises BrokenAnswer.
        """
        tally = Tally()
        cpu_before, started_at = time.process_time(), time.perf_counter()
        self._make_unit, self._tally = make_unit, tally
        self._ends_at = started_at + (seconds or 0.0)
        self._running = 0
        for buyer in self._buyers:
            self._begin(buyer)
        while self._running:
            ready = self._selector.select(PATIENCE_SECONDS)
            if not ready:
                raise BrokenAnswer(f"no answer within {PATIENCE_SECONDS:.0f} s")
            for key, _events in ready:
                self._receive(key.data)
        taken = time.perf_counter() - started_at
        tally.seconds = seconds or taken
        tally.cpu_seconds = time.process_time() - cpu_before
        return tally

    def close(self) -> None:
        for buyer in self._buyers:
            buyer.line.close()
        self._selector.close()

    def _connect(self) -> socket.socket:
        line = socket.create_connection(self._address, timeout=PATIENCE_SECONDS)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def _begin(self, buyer: _Buyer) -> None:
        # Only who waits is listened to: the server may hang up on the others whenever it likes.
        self._selector.register(buyer.line, selectors.EVENT_READ, buyer)
        self._running += 1
        buyer.unit = self._make_unit()
        name, request = next(buyer.unit)
        buyer.began_at = self._send(buyer, name, request)

    def _send(self, buyer: _Buyer, name: str, request: bytes) -> float:
        buyer.name, buyer.request = name, request
        buyer.sent_at = time.perf_counter()
        try:
            buyer.line.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            self._reconnect(buyer)
        return buyer.sent_at

    def _reconnect(self, buyer: _Buyer) -> None:
        """A kept connection was closed before our request was read: ask again on a new one."""
        if buyer.is_fresh or buyer.buffer:
            raise BrokenAnswer(f"{buyer.name}: the connection ended after {buyer.buffer[:200]!r}")
        self._renew(buyer)
        buyer.line.sendall(buyer.request)

    def _renew(self, buyer: _Buyer) -> None:
        self._selector.unregister(buyer.line)
        buyer.line.close()
        buyer.line, buyer.is_fresh = self._connect(), True
        self._selector.register(buyer.line, selectors.EVENT_READ, buyer)
        self._tally.reconnects += 1

    def _receive(self, buyer: _Buyer) -> None:
        try:
            data = buyer.line.recv(262_144)
        except ConnectionResetError:
            data = b""
        if not data:
            self._reconnect(buyer)
            return
        buyer.buffer = buyer.buffer + data if buyer.buffer else data
        reply = _cut(buyer.buffer)
        if reply is None:
            return
        self._note(buyer, reply)
        buyer.buffer, buyer.is_fresh = b"", False
        if CLOSES.search(reply.head):
            self._renew(buyer)
        self._go_on(buyer, reply)

    def _note(self, buyer: _Buyer, reply: Reply) -> None:
        tally, now = self._tally, time.perf_counter()
        tally.requests.setdefault(buyer.name, []).append((now - buyer.sent_at) * 1000)
        tally.statuses[f"{buyer.name} {reply.status}"] += 1
        tally.requests_in_time += now <= self._ends_at

    def _go_on(self, buyer: _Buyer, reply: Reply) -> None:
        tally = self._tally
        try:
            name, request = buyer.unit.send(reply)
        except StopIteration:
            now = time.perf_counter()
            tally.units.append((now - buyer.began_at) * 1000)
            tally.units_in_time += now <= self._ends_at
        except Refused as refused:
            tally.refusals[str(refused)] += 1
        else:
            self._send(buyer, name, request)
            return
        self._selector.unregister(buyer.line)
        self._running -= 1
        if time.perf_counter() < self._ends_at:
            self._begin(buyer)


def _cut(buffer: bytes) -> Reply | None:
    """Return the answer if it is there whole. Raises BrokenAnswer."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[: end + 2]
    found = LENGTH.search(head)
    if found is None:
        raise BrokenAnswer(f"an answer without its length: {head!r}")
    body = buffer[end + 4 :]
    if len(body) < int(found[1]):
        return None
    return Reply(int(head[9:12]), head, body)
