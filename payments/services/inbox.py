"""Stripe's webhooks: stored first, applied by fetching the intent's present state."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from globalmart.core import outbox
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from payments import events, gateways
from payments.gateways.intents import Notice
from payments.models import PaymentAttempt, StripeEvent
from payments.services.operations import check_attempt
from payments.states import OPEN, AttemptState

# How much an event of a type can tell us; a state of the same rank or a higher one knows it.
EVENT_RANK = {
    "payment_intent.processing": 1,
    "payment_intent.requires_action": 1,
    "payment_intent.payment_failed": 1,
    "payment_intent.amount_capturable_updated": 2,
    "payment_intent.succeeded": 3,
    "payment_intent.canceled": 3,
}
STATE_RANK = {
    **dict.fromkeys(OPEN, 0),
    AttemptState.AUTHORIZED: 2,
    AttemptState.PARTIALLY_CAPTURED: 2,
    AttemptState.CAPTURED: 3,
    AttemptState.FAILED: 3,
    AttemptState.CANCELLED: 3,
    AttemptState.EXPIRED: 3,
}
MOST_TRIES = 20


def read(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook's signature and age and return what it tells. Raises BadSignature."""
    return gateways.read_notice(payload=payload, signature=signature)


@transaction.atomic
def receive(*, notice: Notice, now: datetime) -> None:
    """Store a webhook; the second of the same id changes nothing. Local work only."""
    event = StripeEvent(
        event_id=notice.event_id,
        type=notice.type,
        intent_id=notice.intent_id,
        is_live=notice.is_live,
        created=notice.created,
    )
    attempt = PaymentAttempt.objects.filter(stripe_intent_id=notice.intent_id or None).first()
    if notice.is_live != settings.IS_LIVE:
        open_alert(
            kind="livemode_mismatch", subject_type="shop", subject_id=0, detail=notice.event_id
        )
        event.done_at = now
    elif not _adds_something(notice, attempt):
        event.done_at = now
    else:
        event.due_at = now
    StripeEvent.objects.bulk_create([event], ignore_conflicts=True)
    if event.due_at and attempt is not None:
        outbox.publish(
            events.WebhookReceived(subject_id=attempt.order_id, attempt_id=attempt.pk)
        )


def _adds_something(notice: Notice, attempt: PaymentAttempt | None) -> bool:
    rank = EVENT_RANK.get(notice.type)
    if rank is None:
        return False
    # An intent that we do not know yet: the answer to its creation is still on its way.
    return attempt is None or rank > STATE_RANK[AttemptState(attempt.state)]


def apply_event(*, event_pk: int, now: datetime) -> None:
    """Apply one stored event by looking its intent up. Waits for the network."""
    event = StripeEvent.objects.get(pk=event_pk)
    attempt = PaymentAttempt.objects.filter(stripe_intent_id=event.intent_id).first()
    if attempt is None:
        _park(event, now)
        return
    check_attempt(attempt_id=attempt.pk, actor="webhook")
    event.done_at = now
    event.rest()
    event.save(update_fields=["done_at", *WORK_FIELDS])


def _park(event: StripeEvent, now: datetime) -> None:
    """Keep an event about an unknown intent and try again; alarm in the end."""
    event.postpone(now=now, seconds=backoff(event.tries), error="unknown intent")
    if event.tries >= MOST_TRIES:
        event.rest()
        open_alert(
            kind="unknown_intent",
            subject_type="stripe_event",
            subject_id=event.pk,
            detail=f"{event.type} tells of {event.intent_id}, which no order knows",
        )
    event.save(update_fields=list(WORK_FIELDS))
