"""Deliver events to the shop's endpoint: signed, repeated until taken, and misbehaving on demand.

What is still to be delivered stands in the book, so a killed server goes on where it stopped.
"""

import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from globalmart.sandbox.faults import Faults
from globalmart.sandbox.stripe import endpoints
from globalmart.sandbox.stripe.store import PRIVATE, Store
from globalmart.sandbox.stripe.subjects import amount_of_event

TIMEOUT_SECONDS = 10
# Stripe goes on for three days; a sandbox has no such patience, and its shop is next door.
RETRY_SECONDS = (0.5, 1, 2, 4, 8, 15, *[30] * 30)
WORKERS = 6


@dataclass(order=True, slots=True)
class Due:
    """One delivery to be made: when, and the how-manyeth try."""

    at: float
    number: int
    event_id: str = field(compare=False)
    attempt: int = field(compare=False, default=1)
    is_extra: bool = field(compare=False, default=False)


class Webhooks:
    """The queue of deliveries and the threads that work it. Without an address nothing is sent."""

    def __init__(self, store: Store, faults: Faults, *, url: str, secret: str) -> None:
        self._store = store
        self._faults = faults
        self._url = urlsplit(url)
        self._secret = secret.encode()
        self._queue: list[Due] = []
        self._held: list[Due] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()

    def start(self) -> None:
        """Take up what the book says is undelivered, and start the threads."""
        if not self._url.netloc:
            return
        rows = self._store.book.query(
            "SELECT event_id, attempt, due FROM delivery AS d WHERE state = 'pending' AND seq = "
            "(SELECT MAX(seq) FROM delivery AS later WHERE later.event_id = d.event_id)"
        )
        for row in rows:
            self._push(row["event_id"], at=row["due"], attempt=row["attempt"])
        for _ in range(WORKERS):
            threading.Thread(target=self._work, daemon=True, name="webhook").start()

    def enter(self, event_ids: list[str]) -> list[Due]:
        """Write down what has to be delivered, inside the transaction of what happened."""
        dues: list[Due] = []
        for event_id in event_ids if self._url.netloc else ():
            dues += self._planned(event_id)
        return dues

    def notify(self, dues: list[Due]) -> None:
        """Queue what `enter` has returned, once the transaction is committed."""
        if dues:
            with self._changed:
                for due in dues:
                    heapq.heappush(self._queue, due)
                self._changed.notify(len(dues))

    def _planned(self, event_id: str) -> list[Due]:
        row = self._store.book.one("SELECT type FROM object WHERE object_id = ?", (event_id,))
        amount = partial(amount_of_event, self._store, event_id)
        plan = self._faults.plan(f"webhook.{row['type']}", amount) if row else None
        at = time.time()
        if plan is None or plan.has("never"):
            self._note(event_id, 0, "suppressed", at)
            return []
        delay = plan.has("delay")
        at += 0 if delay is None else 1.0 if delay.seconds is None else delay.seconds
        held = plan.has("reorder")
        at += 0 if held is None else 2.0 if held.seconds is None else held.seconds
        self._note(event_id, 1, "pending", at)
        due = Due(at, next(self._numbers), event_id)
        if held:
            with self._changed:
                self._held.append(due)
        if plan.has("duplicate"):
            return [due, Due(at, next(self._numbers), event_id, is_extra=True)]
        return [due]

    def _push(self, event_id: str, *, at: float, attempt: int) -> None:
        with self._changed:
            heapq.heappush(self._queue, Due(at, next(self._numbers), event_id, attempt))
            self._changed.notify()

    def _work(self) -> None:
        sender = Sender(self._url.scheme, self._url.netloc)
        while True:
            due = self._next()
            event = self._store.load(due.event_id)
            if event is None:
                continue
            body = json.dumps(event, indent=2).encode()
            status = sender.post(self._path(), body, self._signature(event["type"], body))
            if not due.is_extra:
                self._record(due, status)

    def _next(self) -> Due:
        with self._changed:
            while True:
                wait = self._queue[0].at - time.time() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)
                self._changed.wait(wait)

    def _record(self, due: Due, status: int) -> None:
        if 200 <= status < 300:
            self._note(due.event_id, due.attempt, "delivered", time.time(), status)
            self._let_go_of_held(due)
        elif due.attempt > len(RETRY_SECONDS):
            self._note(due.event_id, due.attempt, "failed", time.time(), status)
        else:
            at = time.time() + RETRY_SECONDS[due.attempt - 1]
            self._note(due.event_id, due.attempt + 1, "pending", at, status)
            self._push(due.event_id, at=at, attempt=due.attempt + 1)

    def _let_go_of_held(self, delivered: Due) -> None:
        # A held event has now been overtaken, which is all that was wanted of it.
        if not self._held:
            return
        with self._changed:
            if delivered in self._held:
                self._held.remove(delivered)
                return
            for due in self._held:
                due.at = 0
            self._held.clear()
            heapq.heapify(self._queue)
            self._changed.notify_all()

    def _note(
        self, event_id: str, attempt: int, state: str, due: float, status: int | None = None
    ) -> None:
        self._store.book.append(
            "delivery", event_id=event_id, attempt=attempt, state=state, due=due, status_code=status
        )

    def _signature(self, type_: str, body: bytes) -> str:
        # One address stands for all endpoints, so it is shown the signature of each of them.
        known = endpoints.existing(self._store)
        own = [e[PRIVATE]["secret"].encode() for e in known if endpoints.wants(e, type_)]
        return signature([self._secret, *own], body)

    def _path(self) -> str:
        return (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")


class Sender:
    """One kept connection to the endpoint."""

    def __init__(self, scheme: str, netloc: str) -> None:
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self._connection = kind(netloc, timeout=TIMEOUT_SECONDS)
        self._is_used = False

    def post(self, path: str, body: bytes, signed: str) -> int:
        """Send one event and return the status; 0 where there was no answer."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signed,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        for _ in range(2):
            try:
                self._connection.request("POST", path, body, headers)
                answer = self._connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                # A kept connection may have gone stale; a fresh one that fails is an outage.
                if not self._is_used:
                    return 0
                self._is_used = False
            else:
                self._is_used = True
                return answer.status
        return 0


def signature(secrets: list[bytes], body: bytes) -> str:
    """Return the Stripe-Signature header for a body: `t=<seconds>,v1=<hex HMAC-SHA256>,...`."""
    stamp = int(time.time())
    signed = f"{stamp}.".encode() + body
    digests = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={stamp}", *(f"v1={digest}" for digest in digests)])
