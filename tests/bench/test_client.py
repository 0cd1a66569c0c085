"""The buyers' loop against a server that answers as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.bench.client import BrokenAnswer, Loop, Refused, Unit

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmug!"
Serve = Callable[[socket.socket], None]


@pytest.fixture
def served() -> Iterator[Callable[[Serve], Loop]]:
    """Give what starts a loop of one buyer at a server that treats each connection so."""
    listener = socket.create_server(("127.0.0.1", 0))
    loops: list[Loop] = []

    def start(serve: Serve) -> Loop:
        def accept() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(line,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        loops.append(Loop(address=listener.getsockname(), buyers=1))
        return loops[-1]

    yield start
    for loop in loops:
        loop.close()
    listener.close()


def look_twice() -> Unit:
    """One unit of two requests."""
    for name in ("first", "second"):
        reply = yield name, b"GET / HTTP/1.1\r\n\r\n"
        if reply.body != b"mug!":
            raise Refused(reply.body.decode())


def answer_in_pieces(line: socket.socket) -> None:
    while line.recv(1000):
        for place in range(0, len(ANSWER), 7):
            line.sendall(ANSWER[place : place + 7])


def answer_once(line: socket.socket) -> None:
    line.recv(1000)
    line.sendall(ANSWER)
    line.close()


def answer_half(line: socket.socket) -> None:
    line.recv(1000)
    line.sendall(ANSWER[:30])
    line.close()


class TestLoop:
    def test_takes_an_answer_in_pieces_for_one(self, served: Callable[[Serve], Loop]) -> None:
        tally = served(answer_in_pieces).run(look_twice, seconds=None)

        assert tally.statuses == {"first 200": 1, "second 200": 1}
        assert len(tally.units) == 1

    def test_asks_again_where_a_kept_connection_was_closed(
        self, served: Callable[[Serve], Loop]
    ) -> None:
        tally = served(answer_once).run(look_twice, seconds=None)

        assert tally.statuses == {"first 200": 1, "second 200": 1}
        assert tally.reconnects == 1

    def test_breaks_off_where_half_an_answer_came(self, served: Callable[[Serve], Loop]) -> None:
        with pytest.raises(BrokenAnswer, match="first: the connection ended"):
            served(answer_half).run(look_twice, seconds=None)

    def test_begins_nothing_after_its_time(self, served: Callable[[Serve], Loop]) -> None:
        loop = served(answer_in_pieces)

        tally = loop.run(look_twice, seconds=0.2)

        assert tally.seconds == 0.2
        assert len(tally.units) - tally.units_in_time in {0, 1}
        assert tally.units_in_time > 1

    def test_counts_what_did_not_end_as_it_should(self, served: Callable[[Serve], Loop]) -> None:
        def refuse() -> Unit:
            yield "only", b"GET / HTTP/1.1\r\n\r\n"
            raise Refused("sold out")

        tally = served(answer_in_pieces).run(refuse, seconds=None)

        assert tally.refusals == {"sold out": 1}
        assert not tally.units
