"""RQ jobs of the core: carry deliveries to their consumers, prune what has grown old."""

import json
import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from globalmart.core import bell
from globalmart.core.alerts import open_alert
from globalmart.core.choreography import Consumer, resolve, wiring
from globalmart.core.db import WORK_FIELDS, constraint_name
from globalmart.core.models import Delivery, Heartbeat, IdempotencyKey, TryCount
from globalmart.core.requests import correlated
from globalmart.core.rows import fetch
from globalmart.core.work import backoff, drain

log = logging.getLogger(__name__)

LEASE_SECONDS = 60
MOST_TRIES = 30
PRUNE_BATCH = 5_000
# Longer than any limit's window.
KEPT_COUNTS = timedelta(days=2)
# One statement, which also locks: a second worker waits here, and finds it done.
TAKE = """
UPDATE core_delivery AS delivery
   SET state = 'done', done_at = %s, due_at = NULL, lease_until = NULL
  FROM core_outboxevent AS event
 WHERE delivery.id = %s AND delivery.state = 'pending' AND event.id = delivery.event_id
RETURNING delivery.consumer, event.id, event.name, event.subject_id, event.payload::text,
          event.correlation_id
"""
# What handlers have made due, and nobody was rung for yet.
_rung: set[str] = set()


def deliver(queue: str) -> None:
    """Hand the queue's due deliveries to their consumers, each in a transaction of its own."""
    bell.answer(bell.deliveries(queue))
    rows = Delivery.objects.filter(queue=queue, state=Delivery.State.PENDING)

    def claim(limit: int) -> list[tuple[int, ...]]:
        # What the handlers of the last round made due is rung for between rounds.
        bell.ring(_take(_rung))
        return _by_subject(rows.claim(now=timezone.now(), limit=limit, lease_seconds=LEASE_SECONDS))

    drain(claim=claim, work=partial(_deliver_each, rung=_rung), threads=4)
    bell.ring(_take(_rung))


def _by_subject(keys: list[int]) -> list[tuple[int, ...]]:
    """Put together what is about the same thing: its consumers would wait for each other's lock."""
    if len(keys) < 2:
        return [(key,) for key in keys]
    told = Delivery.objects.filter(pk__in=keys).order_by("pk")
    together: dict[object, list[int]] = {}
    for key, *subject in told.values_list("pk", "event__subject_type", "event__subject_id"):
        together.setdefault(tuple(subject), []).append(key)
    return [tuple(each) for each in together.values()]


def _deliver_each(delivery_ids: tuple[int, ...], *, rung: set[str]) -> None:
    """Deliver in turn; one that fails does not keep the others."""
    for delivery_id in delivery_ids:
        try:
            _deliver_one(delivery_id, rung=rung)
        except Exception:
            log.exception("delivery %s failed; it comes again", delivery_id)


def _take(names: set[str]) -> set[str]:
    taken = set(names)
    names.difference_update(taken)
    return taken


def _consumer(event_name: str, handler: str) -> Consumer:
    return next(
        found for found in wiring().consumers.get(event_name, ()) if found.handler == handler
    )


def _deliver_one(delivery_id: int, *, rung: set[str]) -> None:
    try:
        rung.update(handle(delivery_id=delivery_id))
    except Exception as error:
        _postpone(delivery_id, error)
        raise


def handle(*, delivery_id: int) -> tuple[str, ...]:
    """Run one consumer and mark its delivery done, in one transaction; return what to ring for.

    A delivery that is done already is left alone.
    """
    with transaction.atomic():
        taken = fetch(TAKE, [timezone.now(), delivery_id])
        if not taken:
            return ()
        handler, event_id, name, subject_id, payload, correlation_id = taken[0]
        consumer = _consumer(name, handler)
        with correlated(correlation_id):
            resolve(handler)(event_id=event_id, subject_id=subject_id, **json.loads(payload))
    return consumer.rings


def _postpone(delivery_id: int, error: Exception) -> None:
    with transaction.atomic():
        delivery = Delivery.objects.locked().get(pk=delivery_id)
        if delivery.state != Delivery.State.PENDING:
            return
        seconds = backoff(delivery.tries, first=0.2)
        delivery.postpone(now=timezone.now(), seconds=seconds, error=_name(error))
        if delivery.tries >= MOST_TRIES:
            delivery.state = Delivery.State.DEAD
            open_alert(
                kind="delivery_dead",
                subject_type="delivery",
                subject_id=delivery.pk,
                detail=f"{delivery.consumer} failed {delivery.tries} times: {_name(error)}",
            )
        delivery.save(update_fields=["state", *WORK_FIELDS])


def _name(error: Exception) -> str:
    """What kind of error, without its text: PostgreSQL's may hold a whole row of personal data."""
    return f"{type(error).__name__} {constraint_name(error)}".strip()


def prune() -> None:
    """Delete idempotency keys past their promised life, counts of tries that are over, and
    heartbeats of processes long gone."""
    now = timezone.now()
    oldest = now - timedelta(days=settings.IDEMPOTENCY_KEY_DAYS)
    _delete(IdempotencyKey.objects.filter(created_at__lt=oldest).order_by("created_at"))
    _delete(TryCount.objects.filter(began_at__lt=now - KEPT_COUNTS).order_by("began_at"))
    Heartbeat.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()


def _delete(old: QuerySet[Any]) -> None:
    """In batches: one statement for all would one day pass its time limit, and then every night."""
    while keys := list(old.values_list("pk", flat=True)[:PRUNE_BATCH]):
        old.model.objects.filter(pk__in=keys).delete()
