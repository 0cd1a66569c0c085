"""The relay: carries committed events out of the outbox, in batches, several may run.

Claim a batch with a lease; append it to the stream for outside readers; then give each event its
place in the feed, mark it published and insert its deliveries; then ring. Claiming and publishing
are one statement each, which commits by itself. A relay that dies anywhere leaves rows that the
next one takes up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from redis.exceptions import RedisError

from globalmart.core import bell
from globalmart.core.choreography import wiring
from globalmart.core.db import forbid_transaction
from globalmart.core.failpoints import failpoint
from globalmart.core.rows import fetch

STREAM = "oms.events"
STREAM_LENGTH = 100_000
LEASE_SECONDS = 10
BATCH = 200
CLAIM = """
WITH free AS MATERIALIZED (
    SELECT id FROM core_outboxevent
     WHERE published_at IS NULL AND (lease_until IS NULL OR lease_until <= %(now)s)
     ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE core_outboxevent AS event
   SET lease_until = %(until)s
  FROM free
 WHERE event.id = free.id
RETURNING event.id, name, subject_type, subject_id, payload::text, created_at
"""
# Rows are locked before the counter, whose lock gives places without a gap. What another relay has
# published meanwhile is left out, even where it was locked by that one when this began.
PUBLISH = """
WITH waiting AS MATERIALIZED (
    SELECT id, name FROM core_outboxevent
     WHERE id = ANY(%(ids)s) AND published_at IS NULL
     ORDER BY id FOR NO KEY UPDATE
), placed AS MATERIALIZED (
    SELECT id, name, row_number() OVER (ORDER BY id) AS place FROM waiting
), feed AS (
    INSERT INTO core_feedcounter AS feed (name, position)
    SELECT 'events', count(*) FROM placed HAVING count(*) > 0
        ON CONFLICT (name) DO UPDATE SET position = feed.position + excluded.position
    RETURNING position
), published AS (
    UPDATE core_outboxevent AS event
       SET position = feed.position - (SELECT count(*) FROM placed) + placed.place,
           published_at = %(now)s, lease_until = NULL
      FROM placed, feed
     WHERE event.id = placed.id
    RETURNING event.id
), delivered AS (
    INSERT INTO core_delivery (event_id, consumer, queue, state, due_at, tries, last_error)
    SELECT placed.id, wired.consumer, wired.queue, 'pending', %(now)s, 0, ''
      FROM placed
      JOIN unnest(%(names)s::text[], %(consumers)s::text[], %(queues)s::text[])
           AS wired(name, consumer, queue) USING (name)
     ORDER BY placed.place
        ON CONFLICT DO NOTHING
)
SELECT id FROM published
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """An event on its way, as it stands in the outbox; its payload is JSON text."""

    id: UUID
    name: str
    subject_type: str
    subject_id: int
    payload: str
    created_at: datetime


def relay_batch(*, limit: int = BATCH) -> int:
    """Carry out up to `limit` events and return how many. 0 also when Redis does not answer:
    the events keep their lease for a few seconds and are tried again."""
    events = _claim(now=timezone.now(), limit=limit)
    if not events:
        return 0
    failpoint("CP13", order=(each.subject_id for each in events), event=_names(events))
    if not _append(events):
        return 0
    failpoint("CP14", order=(each.subject_id for each in events), event=_names(events))
    ids = set(_publish(now=timezone.now(), ids=[event.id for event in events]))
    published = [event for event in events if event.id in ids]
    failpoint("CP15", order=(each.subject_id for each in published), event=_names(published))
    bell.ring(_bells(published))
    return len(published)


def _names(events: list[Carried]) -> Iterator[str]:
    return (event.name for event in events)


def _claim(*, now: datetime, limit: int) -> list[Carried]:
    forbid_transaction()
    until = now + timedelta(seconds=LEASE_SECONDS)
    found = fetch(CLAIM, {"now": now, "until": until, "limit": limit})
    return sorted((Carried(*row) for row in found), key=lambda event: event.id)


def _append(events: list[Carried]) -> bool:
    """Append to the stream that outside readers follow; at least once, trimmed."""
    forbid_transaction()
    pipeline = bell.connection().pipeline(transaction=False)
    for event in events:
        fields: dict[Any, Any] = {
            "id": str(event.id),
            "name": event.name,
            "subject_type": event.subject_type,
            "subject_id": str(event.subject_id),
            "payload": event.payload,
            "created_at": event.created_at.isoformat(),
        }
        pipeline.xadd(STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)
    try:
        pipeline.execute()
    except RedisError:
        return False
    return True


def _publish(*, now: datetime, ids: list[UUID]) -> list[UUID]:
    """Mark, place and hand over those that no other relay has published meanwhile; return them."""
    forbid_transaction()
    wired = [
        (name, consumer.handler, consumer.queue)
        for name, consumers in wiring().consumers.items()
        for consumer in consumers
    ]
    names, consumers, queues = (list(column) for column in zip(*wired, strict=True))
    told = {"now": now, "ids": ids, "names": names, "consumers": consumers, "queues": queues}
    return [key for (key,) in fetch(PUBLISH, told)]


def _bells(events: list[Carried]) -> set[str]:
    table = wiring()
    names = {name for event in events for name in table.rings.get(event.name, ())}
    for event in events:
        consumers = table.consumers.get(event.name, ())
        names |= {bell.deliveries(consumer.queue) for consumer in consumers}
    return names
