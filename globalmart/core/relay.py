"""The relay: carries committed events out of the outbox, in batches, several may run.

Claim a batch with a lease and commit; append it to the stream for outside readers; then, in one
transaction, give each event its place in the feed, mark it published and insert its deliveries;
then ring. A relay that dies anywhere leaves rows that the next one takes up.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from globalmart.core import bell
from globalmart.core.choreography import wiring
from globalmart.core.db import forbid_transaction
from globalmart.core.failpoints import failpoint
from globalmart.core.models import Delivery, FeedCounter, OutboxEvent

STREAM = "oms.events"
STREAM_LENGTH = 100_000
LEASE_SECONDS = 10
BATCH = 200


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
    published = _publish(now=timezone.now(), ids=[event.id for event in events])
    failpoint("CP15", order=(each.subject_id for each in published), event=_names(published))
    bell.ring(_bells(published))
    return len(published)


def _names(events: list[OutboxEvent]) -> Iterator[str]:
    return (event.name for event in events)


def _claim(*, now: datetime, limit: int) -> list[OutboxEvent]:
    with transaction.atomic(durable=True):
        free = OutboxEvent.objects.filter(published_at__isnull=True).exclude(lease_until__gt=now)
        events = list(free.order_by("id").select_for_update(skip_locked=True, no_key=True)[:limit])
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            lease_until=now + timedelta(seconds=LEASE_SECONDS)
        )
    return events


def _append(events: list[OutboxEvent]) -> bool:
    """Append to the stream that outside readers follow; at least once, trimmed."""
    forbid_transaction()
    pipeline = bell.connection().pipeline(transaction=False)
    for event in events:
        fields: dict[Any, Any] = {
            "id": str(event.id),
            "name": event.name,
            "subject_type": event.subject_type,
            "subject_id": str(event.subject_id),
            "payload": json.dumps(event.payload),
            "created_at": event.created_at.isoformat(),
        }
        pipeline.xadd(STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)
    try:
        pipeline.execute()
    except RedisError:
        return False
    return True


@transaction.atomic(durable=True)
def _publish(*, now: datetime, ids: list[UUID]) -> list[OutboxEvent]:
    """Mark, place and hand over those that no other relay has published meanwhile."""
    waiting = OutboxEvent.objects.filter(pk__in=ids, published_at__isnull=True)
    events = list(waiting.order_by("id").select_for_update(no_key=True))
    last = _advance(len(events))
    for place, event in enumerate(events, start=last - len(events) + 1):
        event.position, event.published_at, event.lease_until = place, now, None
    OutboxEvent.objects.bulk_update(events, ["position", "published_at", "lease_until"])
    consumers = wiring().consumers
    Delivery.objects.bulk_create(
        [
            Delivery(event=event, consumer=consumer.handler, queue=consumer.queue, due_at=now)
            for event in events
            for consumer in consumers.get(event.name, ())
        ],
        ignore_conflicts=True,
    )
    return events


def _advance(count: int) -> int:
    """Move the feed's counter on by `count` under its row lock and return its new value."""
    table = FeedCounter._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS feed (name, position) VALUES ('events', %s)"  # noqa: S608
            " ON CONFLICT (name) DO UPDATE SET position = feed.position + excluded.position"
            " RETURNING position",
            [count],
        )
        row = cursor.fetchone()
    return int(row[0])


def _bells(events: list[OutboxEvent]) -> set[str]:
    table = wiring()
    names = {name for event in events for name in table.rings.get(event.name, ())}
    for event in events:
        consumers = table.consumers.get(event.name, ())
        names |= {bell.deliveries(consumer.queue) for consumer in consumers}
    return names
