"""Idempotency keys (IETF draft-ietf-httpapi-idempotency-key-header-07).

The key row is written in the transaction of the effect, so it needs no lease: a second sender
waits for the first to commit (up to lock_timeout), then finds the stored answer. A refusal rolls
the row back, so the same key may try again.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection

from globalmart.core import rows
from globalmart.core.db import is_lock_timeout
from globalmart.core.models import IdempotencyKey, OutboxEvent, TimelineEntry

PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
# RFC 8941 section 3.3.3: inside the quotes only \" and \\ are escapes, and nothing else may be.
# Waits for whoever has written the same key and not committed yet.
CLAIM = """
INSERT INTO core_idempotencykey (scope, key, request_hash, response_body)
VALUES (%(scope)s, %(key)s, %(request_hash)s, '')
    ON CONFLICT (scope, key) DO NOTHING
RETURNING id
"""
# What the core keeps of an accepted order: the answer, its first line of the story, its event.
ACCEPT = """
WITH kept AS (
    UPDATE core_idempotencykey
       SET response_status = %(status)s::int2, response_body = %(body)s,
           subject_id = %(subject)s::int8
     WHERE scope = %(scope)s AND key = %(key)s
), told AS (
    INSERT INTO core_timelineentry ({entry})
    SELECT {entry} FROM jsonb_populate_record(NULL::core_timelineentry, %(entry)s::jsonb)
)
INSERT INTO core_outboxevent ({event})
SELECT {event} FROM jsonb_populate_record(NULL::core_outboxevent, %(event)s::jsonb)
"""
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


class KeyMissing(Exception):
    """No Idempotency-Key where one is needed."""


class KeyMalformed(Exception):
    """The key is not 1 to 255 printable characters."""


class KeyReused(Exception):
    """The key was used for another request body."""


class KeyBusy(Exception):
    """The first request with this key is still running; try again in a second."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored answer: HTTP status, JSON body, and the row it made."""

    status: int
    body: Any
    subject_id: int


def parse_header(value: str | None) -> str:
    """Return the key from the header: a quoted structured-field string, or bare.

    Raises KeyMissing, KeyMalformed.
    """
    if value is None or not value.strip():
        raise KeyMissing
    text = value.strip()
    if text.startswith('"'):
        quoted = QUOTED.fullmatch(text)
        if quoted is None:
            raise KeyMalformed
        text = re.sub(r'\\(["\\])', r"\1", quoted[1])
    if not PRINTABLE.fullmatch(text):
        raise KeyMalformed
    return text


def fingerprint(body: Any) -> str:
    """Return the SHA-256 of a JSON value in one canonical spelling."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def claim(*, scope: str, key: str, request_hash: str) -> Stored | None:
    """Take the key in the caller's transaction, or return the answer that it already has.

    Raises KeyBusy when the first sender does not finish within lock_timeout, KeyReused when the
    stored request was another one. On None the caller must call `keep` or `accept` before
    it commits.
    """
    try:
        is_ours = rows.fetch(CLAIM, {"scope": scope, "key": key, "request_hash": request_hash})
    except OperationalError as error:
        if is_lock_timeout(error):
            raise KeyBusy from error
        raise
    if is_ours:
        return None
    first = IdempotencyKey.objects.get(scope=scope, key=key)
    if first.response_status is None:
        return None
    if first.request_hash != request_hash:
        raise KeyReused
    return Stored(first.response_status, json.loads(first.response_body), first.subject_id or 0)


def keep(*, scope: str, key: str, status: int, body: Any, subject_id: int) -> None:
    """Store the accepted answer, in the transaction that claimed the key."""
    IdempotencyKey.objects.filter(scope=scope, key=key).update(
        response_status=status, response_body=json.dumps(body), subject_id=subject_id
    )


def accept(
    *, stored: Stored, scope: str, key: str, entry: TimelineEntry, event: OutboxEvent
) -> None:
    """Do what `keep` does, and append an entry and an event, in one statement."""
    entry_row, event_row = rows.as_row(entry), rows.as_row(event)
    statement = ACCEPT.format(entry=rows.columns([entry_row]), event=rows.columns([event_row]))
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "scope": scope,
                "key": key,
                "status": stored.status,
                "body": json.dumps(stored.body),
                "subject": stored.subject_id,
                "entry": rows.as_json(entry_row),
                "event": rows.as_json(event_row),
            },
        )
