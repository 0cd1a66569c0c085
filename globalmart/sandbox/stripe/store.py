"""What the pretended Stripe knows: objects by id, in an append-only book.

A dictionary's key `_sandbox` holds what is not for the wire; `shown` takes it away.
"""

import json
import secrets
import string
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from globalmart.sandbox.book import Book

Json = dict[str, Any]
ALPHABET = string.ascii_letters + string.digits
PRIVATE = "_sandbox"

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL UNIQUE,
    parent_id TEXT, type TEXT, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, number);
CREATE INDEX IF NOT EXISTS object_parent ON object (parent_id, kind);
CREATE TABLE IF NOT EXISTS state (
    seq INTEGER PRIMARY KEY, object_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS state_object ON state (object_id, seq);
CREATE TABLE IF NOT EXISTS figure (
    seq INTEGER PRIMARY KEY, intent_id TEXT NOT NULL, order_id TEXT, attempt_id TEXT,
    status TEXT NOT NULL, amount_minor INTEGER NOT NULL, captured_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL, currency TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS figure_intent ON figure (intent_id, seq);
CREATE TABLE IF NOT EXISTS answer (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, path TEXT NOT NULL, params_hash TEXT NOT NULL,
    status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, request_id TEXT NOT NULL,
    created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS answer_key ON answer (key, seq);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, status_code INTEGER, due REAL NOT NULL, detail TEXT);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id, seq);
CREATE TABLE IF NOT EXISTS refund (
    seq INTEGER PRIMARY KEY, refund_id TEXT NOT NULL, intent_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL,
    created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refund_id ON refund (refund_id, seq);
CREATE TABLE IF NOT EXISTS dispute (
    seq INTEGER PRIMARY KEY, dispute_id TEXT NOT NULL, intent_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS dispute_id ON dispute (dispute_id, seq);
CREATE TABLE IF NOT EXISTS deleted (seq INTEGER PRIMARY KEY, object_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS later (
    seq INTEGER PRIMARY KEY, object_id TEXT NOT NULL, action TEXT NOT NULL, due REAL NOT NULL);
CREATE TABLE IF NOT EXISTS later_done (seq INTEGER PRIMARY KEY, later INTEGER NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS balance (
    seq INTEGER PRIMARY KEY, txn_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, source TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, fee_minor INTEGER NOT NULL, net_minor INTEGER NOT NULL,
    currency TEXT NOT NULL, intent_id TEXT);
CREATE TABLE IF NOT EXISTS paid_out (
    seq INTEGER PRIMARY KEY, txn_id TEXT NOT NULL UNIQUE, payout TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS paid_out_payout ON paid_out (payout);
CREATE VIEW IF NOT EXISTS book_stripe_intents AS
    SELECT intent_id, order_id, attempt_id, status, amount_minor, captured_minor, refunded_minor,
           currency, created_at
    FROM figure AS f
    WHERE seq = (SELECT MAX(seq) FROM figure AS later WHERE later.intent_id = f.intent_id);
CREATE VIEW IF NOT EXISTS book_stripe_refunds AS
    SELECT refund_id, intent_id, amount_minor, currency, status, created_at
    FROM refund AS r
    WHERE seq = (SELECT MAX(seq) FROM refund AS later WHERE later.refund_id = r.refund_id);
CREATE VIEW IF NOT EXISTS book_stripe_disputes AS
    SELECT dispute_id, intent_id, amount_minor, currency, status, reason, created_at
    FROM dispute AS d
    WHERE seq = (SELECT MAX(seq) FROM dispute AS later WHERE later.dispute_id = d.dispute_id);
CREATE VIEW IF NOT EXISTS book_stripe_balance AS
    SELECT balance.txn_id, type, source, amount_minor, fee_minor, net_minor, currency, payout,
           intent_id
    FROM balance LEFT JOIN paid_out ON paid_out.txn_id = balance.txn_id;
"""


def new_id(prefix: str, length: int = 24) -> str:
    """Return a fresh identifier such as `pi_` and 24 random characters."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def now() -> int:
    """Return the time in whole seconds, as Stripe writes it."""
    return int(time.time())


def shown(value: Json) -> Json:
    """Return the object without what is the sandbox's own."""
    return {name: item for name, item in value.items() if name != PRIVATE}


@dataclass(slots=True, frozen=True)
class Planned:
    """What shall happen to an object by itself; `seconds` None means after the usual moment."""

    object_id: str
    action: str
    seconds: float | None = None


@dataclass(slots=True)
class Call:
    """One executing request: the store, who asked, its events, and what it has set in motion.

    What happens by itself has neither address nor request id.
    """

    store: "Store"
    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None
    is_browser: bool = False
    events: list[str] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)


class Store:
    """Objects by id. Writing belongs inside `book.writing()`."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def load(self, identifier: str) -> Json | None:
        """Return the current state of an object, or None."""
        row = self.book.one(
            "SELECT body FROM state WHERE object_id = ? ORDER BY seq DESC LIMIT 1", (identifier,)
        )
        return None if row is None else json.loads(row["body"])

    def must(self, identifier: str | None) -> Json:
        """Return an object that is known to exist. Raises LookupError where it does not."""
        found = self.load(identifier or "")
        if found is None:
            raise LookupError(identifier)
        return found

    def add(self, value: Json, *, parent_id: str | None = None, type_: str | None = None) -> None:
        """Enter a new object; lists show it under `parent_id` and `type_`."""
        self.book.append(
            "object",
            kind=value["object"],
            object_id=value["id"],
            parent_id=parent_id,
            type=type_,
            created=value["created"],
        )
        self.save(value)

    def save(self, value: Json) -> None:
        """Enter the new state of an object."""
        body = json.dumps(value, separators=(",", ":"))
        self.book.append("state", object_id=value["id"], body=body)

    def save_figures(self, intent: Json, *, refunded_minor: int) -> None:
        """Enter the line of an intent that the audit compares."""
        self.book.append(
            "figure",
            intent_id=intent["id"],
            order_id=intent["metadata"].get("order_id"),
            attempt_id=intent["metadata"].get("attempt_id"),
            status=intent["status"],
            amount_minor=intent["amount"],
            captured_minor=intent["amount_received"],
            refunded_minor=refunded_minor,
            currency=intent["currency"],
            created_at=_written(intent["created"]),
        )

    def save_refund(self, refund: Json) -> None:
        """Enter the line of a refund that the audit compares."""
        self.book.append(
            "refund",
            refund_id=refund["id"],
            intent_id=refund["payment_intent"],
            amount_minor=refund["amount"],
            currency=refund["currency"],
            status=refund["status"],
            created_at=_written(refund["created"]),
        )

    def save_dispute(self, dispute: Json) -> None:
        """Enter the line of a dispute that the audit compares."""
        self.book.append(
            "dispute",
            dispute_id=dispute["id"],
            intent_id=dispute["payment_intent"],
            amount_minor=dispute["amount"],
            currency=dispute["currency"],
            status=dispute["status"],
            reason=dispute["reason"],
            created_at=_written(dispute["created"]),
        )

    def page(
        self, kind: str, *, wheres: list[tuple[str, Any]], limit: int, newest_first: bool = True
    ) -> list[Json]:
        """Return up to `limit` objects; each of `wheres` is an SQL condition and its value."""
        conditions = " AND ".join(["kind = ?", *(sql for sql, _ in wheres)])
        order = "DESC" if newest_first else "ASC"
        rows = self.book.query(
            f"SELECT object_id FROM object WHERE {conditions} "  # noqa: S608  our own words only
            f"ORDER BY number {order} LIMIT ?",
            (kind, *(value for _, value in wheres), limit),
        )
        return [self.must(row["object_id"]) for row in rows]

    def number(self, identifier: str) -> int | None:
        """Return the position of an object in its list, or None."""
        row = self.book.one("SELECT number FROM object WHERE object_id = ?", (identifier,))
        return None if row is None else int(row["number"])


def _written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
