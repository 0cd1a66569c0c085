"""Doubles: the same completing request twice at the same moment, a thousand times, each of the two
over a connection to another web process. Everything runs.

Both get the same answer to the letter, and of each pair there is one order and one payment at
Stripe, by the shop's books and by Stripe's.
"""

import http.client
import os
import sqlite3
import time
from pathlib import Path
from uuid import uuid4

from tests.bench import meter
from tests.bench.ground import Ground, bodies_of_three, prepared
from tests.bench.report import Section, Sizes

PAIRS = 1_000
TRIES = 20
WAIT_SECONDS = 300
OURS = """
SELECT count(DISTINCT o.id), count(a.id), count(DISTINCT a.stripe_intent_id),
       count(*) FILTER (WHERE o.state = 'completed')
  FROM orders_order o LEFT JOIN payments_paymentattempt a ON a.order_id = o.id
"""
THEIRS = (
    "SELECT count(*), count(DISTINCT order_id), sum(captured_minor > 0) FROM book_stripe_intents"
)


def run(sizes: Sizes) -> Section:
    """Send all pairs, wait until every order is completed, count."""
    section = Section("Doubles", __doc__ or "")
    with prepared(has_background=True) as ground:
        first, second = _lines_to_two_processes(ground)
        started, busy = time.monotonic(), 0
        bodies = bodies_of_three(payment_method="pm_card_visa")
        for number in range(PAIRS):
            busy += _pair(ground, first, second, bodies[number % len(bodies)])
        seconds = time.monotonic() - started
        orders, attempts, intents = _settled(ground)
    section.table(
        f"{PAIRS} pairs",
        [
            ("answers that differ", 0),
            ("told to ask again, as the other was not through", busy),
            ("orders", orders),
            ("attempts to pay", attempts),
            ("intents at Stripe, each captured once", intents),
            ("pairs a second", f"{PAIRS / seconds:.1f}"),
        ],
    )
    section.figures |= {"pairs": PAIRS, "orders": orders, "attempts": attempts, "intents": intents}
    return section


def _lines_to_two_processes(
    ground: Ground,
) -> tuple[http.client.HTTPConnection, http.client.HTTPConnection]:
    """Open connections until two of them lie with different web processes."""
    family = meter.family(ground.stack.supervisor.pids()["web"])
    found: dict[int, http.client.HTTPConnection] = {}
    for _ in range(TRIES):
        line = http.client.HTTPConnection("127.0.0.1", ground.port, timeout=30)
        line.request("GET", "/livez")
        line.getresponse().read()
        assert line.sock is not None, "the web server does not keep connections"
        owner = _owner(ground.port, line.sock.getsockname()[1], family)
        found.setdefault(owner, line)
        if len(found) == 2:
            first, second = found.values()
            return first, second
    raise AssertionError(f"all of {TRIES} connections went to the same web process")


def _owner(server_port: int, client_port: int, family: list[int]) -> int:
    """Return which process of a family holds the server's end of a connection of this machine."""
    ends = f":{server_port:04X}", f":{client_port:04X}"
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            name = f"socket:[{fields[9]}]"
            return next(pid for pid in family if name in _open_files(pid))
    raise AssertionError(f"no connection from {client_port} to {server_port}")


def _open_files(pid: int) -> set[str]:
    found = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(entry.path))
        except FileNotFoundError:
            continue
    return found


def _pair(
    ground: Ground,
    first: http.client.HTTPConnection,
    second: http.client.HTTPConnection,
    body: str,
) -> int:
    """Send the same order over both; return how often one was told to ask again."""
    key, answers, busy = uuid4().hex, [], 0
    for line in (first, second):
        _send(ground, line, key, body)
    for line in (first, second):
        answer = line.getresponse()
        text = answer.read()
        while answer.status == 409 and answer.headers.get("Retry-After"):
            busy += 1
            time.sleep(float(answer.headers["Retry-After"]))
            _send(ground, line, key, body)
            answer = line.getresponse()
            text = answer.read()
        answers.append((answer.status, text))
    assert answers[0] == answers[1], answers
    assert answers[0][0] == 201, answers
    return busy


def _send(ground: Ground, line: http.client.HTTPConnection, key: str, body: str) -> None:
    headers = {
        "Authorization": f"Bearer {ground.shop.environment['GM_API_KEY']}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    line.request("POST", "/api/v1/orders", body, headers)


def _settled(ground: Ground) -> tuple[int, int, int]:
    """Wait until all are completed; return orders, attempts and captured intents."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while (ours := ground.ask(OURS)[0])[3] < PAIRS:
        assert time.monotonic() < ends_at, f"orders, attempts, intents, completed: {ours}"
        time.sleep(0.5)
    assert ours == (PAIRS, PAIRS, PAIRS, PAIRS), ours
    path = Path(ground.shop.environment["AUDIT_BOOKS"]) / "stripe.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        theirs = book.execute(THEIRS).fetchone()
    assert theirs == (PAIRS, PAIRS, PAIRS), theirs
    return ours[0], ours[1], theirs[0]
