"""The book of messages: what was handed in, and what happened to it since."""

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from globalmart.sandbox.book import Book

PAGE_SIZE = 50
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, provider TEXT NOT NULL, message_id TEXT NOT NULL,
    recipient TEXT NOT NULL, sender TEXT NOT NULL, kind TEXT, order_number TEXT, event_id TEXT,
    reference TEXT, subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL,
    metadata TEXT NOT NULL, callback_url TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_to ON messages (recipient, id);
CREATE INDEX IF NOT EXISTS messages_kind ON messages (kind, id);
CREATE INDEX IF NOT EXISTS messages_named ON messages (message_id);
CREATE TABLE IF NOT EXISTS statuses (
    id INTEGER PRIMARY KEY, message INTEGER NOT NULL, status TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS statuses_of ON statuses (message, id);

CREATE VIEW IF NOT EXISTS book_messages AS
    SELECT provider, message_id, recipient, kind, order_number, event_id, reference, created_at
    FROM messages;
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one recipient, as a provider was given it."""

    provider: str
    message_id: str
    recipient: str
    sender: str
    text: str
    subject: str = ""
    html: str = ""
    callback_url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Store:
    """Adds and finds messages. Safe between threads."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def add(self, message: Message, status: str) -> int:
        """Write a message down with its first status and return its row number."""
        now = time.time()
        known = message.metadata
        with self._book.writing():
            row = self._book.append(
                "messages",
                provider=message.provider,
                message_id=message.message_id,
                recipient=message.recipient,
                sender=message.sender,
                kind=known.get("kind"),
                order_number=known.get("order_number"),
                event_id=known.get("event_id"),
                reference=known.get("message_id"),
                subject=message.subject,
                text=message.text,
                html=message.html,
                metadata=json.dumps(dict(known)),
                callback_url=message.callback_url,
                created_at=now,
            )
            self._book.append("statuses", message=row, status=status, at=now)
        return row

    def note(self, row: int, status: str) -> None:
        """Write down that a message has come to this status."""
        self._book.append("statuses", message=row, status=status, at=time.time())

    def get(self, row: int) -> sqlite3.Row | None:
        """Return one message, or None."""
        return self._book.one("SELECT * FROM messages WHERE id = ?", (row,))

    def named(self, message_id: str) -> sqlite3.Row | None:
        """Return the message that the provider gave this id, or None."""
        return self._book.one("SELECT * FROM messages WHERE message_id = ?", (message_id,))

    def statuses(self, row: int) -> list[sqlite3.Row]:
        """Return what happened to a message, oldest first."""
        return self._book.query(
            "SELECT status, at FROM statuses WHERE message = ? ORDER BY id", (row,)
        )

    def conversation(self, recipient: str) -> list[sqlite3.Row]:
        """Return the last text messages to a number, oldest first."""
        rows = self._book.query(
            "SELECT * FROM messages WHERE recipient = ? AND provider = 'twilio'"
            " ORDER BY id DESC LIMIT 30",
            (recipient,),
        )
        return rows[::-1]

    def count(self) -> dict[str, int]:
        """Return how many messages each provider was given."""
        rows = self._book.query("SELECT provider, count(*) AS n FROM messages GROUP BY provider")
        return {row["provider"]: row["n"] for row in rows}

    def find(
        self,
        *,
        words: str = "",
        provider: str = "",
        recipient: str = "",
        kind: str = "",
        before: int = 0,
        limit: int = PAGE_SIZE,
    ) -> list[sqlite3.Row]:
        """Return messages, newest first; `words` is looked for in addresses, subjects and texts."""
        like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        given: dict[str, Any] = {
            "words": words,
            "like": like,
            "provider": provider,
            "recipient": recipient,
            "kind": kind,
            "before": before,
            "limit": limit,
        }
        return self._book.query(FIND, given)  # type: ignore[arg-type]  # named, not numbered


FIND = """
SELECT * FROM messages
WHERE (:recipient = '' OR recipient = :recipient)
  AND (:kind = '' OR kind = :kind)
  AND (:provider = '' OR provider = :provider)
  AND (:before = 0 OR id < :before)
  AND (:words = '' OR recipient LIKE :like ESCAPE '\\' OR subject LIKE :like ESCAPE '\\'
       OR text LIKE :like ESCAPE '\\' OR ifnull(order_number, '') LIKE :like ESCAPE '\\')
ORDER BY id DESC LIMIT :limit
"""
