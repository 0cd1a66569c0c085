"""RQ jobs of the core: carry deliveries to their consumers, prune what has grown old."""

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
from globalmart.core.work import backoff, drain

LEASE_SECONDS = 60
MOST_TRIES = 30
PRUNE_BATCH = 5_000
# Longer than any limit's window.
KEPT_COUNTS = timedelta(days=2)


def deliver(queue: str) -> None:
    """Hand the queue's due deliveries to their consumers, each in a transaction of its own."""
    bell.answer(bell.deliveries(queue))
    rows = Delivery.objects.filter(queue=queue, state=Delivery.State.PENDING)
    rung: set[str] = set()

    def claim(limit: int) -> list[int]:
        # What the handlers of the last round made due is rung for between rounds.
        bell.ring(_take(rung))
        return rows.claim(now=timezone.now(), limit=limit, lease_seconds=LEASE_SECONDS)

    drain(claim=claim, work=partial(_deliver_one, rung=rung), threads=4)
    bell.ring(_take(rung))


def _take(names: set[str]) -> set[str]:
    taken = set(names)
    names.difference_update(taken)
    return taken


def _consumer(delivery: Delivery) -> Consumer:
    consumers = wiring().consumers.get(delivery.event.name, ())
    return next(found for found in consumers if found.handler == delivery.consumer)


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
        delivery = Delivery.objects.locked().select_related("event").get(pk=delivery_id)
        if delivery.state != Delivery.State.PENDING:
            return ()
        event = delivery.event
        consumer = _consumer(delivery)
        with correlated(event.correlation_id):
            resolve(consumer.handler)(
                event_id=event.id, subject_id=event.subject_id, **event.payload
            )
        delivery.state = Delivery.State.DONE
        delivery.done_at = timezone.now()
        delivery.rest()
        delivery.save(update_fields=["state", "done_at", *WORK_FIELDS])
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
