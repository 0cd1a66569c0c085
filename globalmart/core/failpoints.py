"""Failpoints: places at which a test lets this process crash, to prove what is recovered.

`failpoint("CP7", order=17)` does nothing, and costs one comparison, unless the setting
FAILPOINTS names a folder; production refuses that setting. In the folder stand orders to crash,
one JSON file each (`CP7.anything.json`), with these fields:

- `action`: `kill` (SIGKILL to this process), `terminate` (SIGTERM), `raise` (Crash), `drop` (the
  connection to the database is cut), `note` (nothing but the line in the log);
- `scope`: facts that the hit must state, as {"order": 17}; empty fits every hit. With
  {"key": "..."} it fits the hit that states this idempotency key, and from then on every hit of
  the order that was placed with it;
- `hit`: at the how-manyeth hit that fits, over all processes (1). It happens once;
- `process`: only in such a process: `web`, `worker`, `relay`, `cron` or `command`;
- `commit_first`: the database has committed when this process crashes, and it does not know.

What was hit is written to `hits.jsonl` in that folder before it happens.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from django.db import connection

HITS = "hits.jsonl"
KINDS = ("worker", "relay", "cron")

_folder: Path | None = None


class Crash(BaseException):  # noqa: N818 - it is no error that anybody should handle
    """This thread was made to end here. No `except Exception` catches it, as none catches death:
    what it was doing is unwound, and nobody hears of it."""


def arm(folder: Path | None) -> None:
    """Look for orders to crash in this folder from now on; None: never."""
    global _folder  # noqa: PLW0603 - one per process, set once when it starts
    _folder = folder


def is_armed() -> bool:
    """Tell whether any failpoint may do anything in this process."""
    return _folder is not None


def failpoint(name: str, **facts: object) -> None:
    """Crash here, if that was ordered. `facts` say what is at work: an order's id, a key, or
    several of them as an iterable."""
    if _folder is None:
        return
    _reach(_folder, name, facts)


@cache
def process_kind() -> str:
    """Return what this process is: `web`, `worker`, `relay`, `cron` or `command`."""
    if "gunicorn" in sys.argv[0]:
        return "web"
    return next((word for word in sys.argv[1:2] if word in KINDS), "command")


def _reach(folder: Path, name: str, facts: Mapping[str, object]) -> None:
    stated = {key: _texts(value) for key, value in facts.items()}
    if "key" in stated and "order" in stated:
        _learn(folder, stated)
    for path in sorted(folder.glob(f"{name}.*.json")):
        wanted = json.loads(path.read_text())
        if _fits(folder, wanted, stated) and _is_turn(path, int(wanted.get("hit", 1))):
            _note(folder, path.stem, wanted, stated)
            _crash(wanted)


def _texts(value: object) -> frozenset[str]:
    """Return what a fact states, one text for each; an order is stated by id alone."""
    many = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return frozenset(str(each) for each in many)


def _learn(folder: Path, stated: Mapping[str, frozenset[str]]) -> None:
    """Remember which order a key has placed. The row is not committed yet, so whoever hears of
    the order finds this here; a key that begins anew gets another order."""
    for key in stated["key"]:
        text = f"{next(iter(stated['order']))}\n"
        with (folder / f"order-of-{key}").open("a") as file:
            file.write(text)


def _fits(folder: Path, wanted: Mapping[str, Any], stated: Mapping[str, frozenset[str]]) -> bool:
    if wanted.get("process", process_kind()) != process_kind():
        return False
    scope = dict(wanted.get("scope", {}))
    key = str(scope.pop("key", ""))
    if key and key not in stated.get("key", ()):
        known = folder / f"order-of-{key}"
        orders = known.read_text().split() if known.exists() else []
        if stated.get("order", frozenset()).isdisjoint(orders):
            return False
    return all(str(value) in stated.get(fact, ()) for fact, value in scope.items())


def _is_turn(path: Path, hit: int) -> bool:
    """Count this hit over all processes; tell whether it is the one. Exactly one ever is."""
    for number in count(1):
        if number > hit:
            return False
        try:
            os.close(os.open(f"{path}.hit-{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            continue
        return number == hit
    raise AssertionError("unreachable")


def _note(
    folder: Path, cell: str, wanted: Mapping[str, Any], stated: Mapping[str, frozenset[str]]
) -> None:
    line = {
        "cell": cell,
        "action": wanted["action"],
        "process": process_kind(),
        "pid": os.getpid(),
        "at": time.time(),
        "facts": {fact: sorted(values) for fact, values in stated.items()},
    }
    # One write of one line: other processes append to the same file.
    descriptor = os.open(folder / HITS, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(descriptor)


def _crash(wanted: Mapping[str, Any]) -> None:
    if wanted.get("commit_first"):
        # The server commits; who asked for it does not hear so.
        connection.connection.commit()
    match wanted["action"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
        case "raise":
            _raise()
        case "drop":
            _drop()
            if wanted.get("commit_first"):
                # The driver would not send a second COMMIT: the loss shows in a question instead.
                connection.cursor().execute("SELECT 1")


def _raise() -> NoReturn:
    raise Crash


def _drop() -> None:
    """Cut the connection to the database, as a network does: no word to either side."""
    if connection.connection is None:
        return
    wire = socket.socket(fileno=os.dup(connection.connection.fileno()))
    try:
        wire.shutdown(socket.SHUT_RDWR)
    finally:
        wire.close()
