"""Stripe's webhooks: stored first, applied by fetching the intent's present state."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from globalmart.core import outbox
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from payments import events, gateways
from payments.gateways.intents import Notice
from payments.models import PaymentAttempt, StripeEvent
from payments.services.operations import look_up
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
# Where our server called, the answer to that call is a moment behind its webhook, or lost.
DIRECT_ANSWER_HEAD_START = timedelta(seconds=3)


def read(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook's signature and age and return what it tells. Raises BadSignature."""
    return gateways.read_notice(payload=payload, signature=signature)


@transaction.atomic
def receive(*, notice: Notice, now: datetime) -> None:
    """Store a webhook; the second of the same id changes nothing. Local work only."""
    event, is_new = StripeEvent.objects.get_or_create(
        event_id=notice.event_id,
        defaults={
            "type": notice.type,
            "intent_id": notice.intent_id,
            "is_live": notice.is_live,
            "created": notice.created,
        },
    )
    if not is_new:
        return
    attempt = _find_attempt(notice.intent_id)
    if notice.is_live != settings.IS_LIVE:
        open_alert(
            kind="livemode_mismatch", subject_type="shop", subject_id=0, detail=notice.event_id
        )
        event.done_at = now
    elif _adds_something(notice.type, attempt):
        is_browser = attempt is not None and attempt.mode == PaymentAttempt.Mode.BROWSER
        event.due_at = now if is_browser else now + DIRECT_ANSWER_HEAD_START
        if attempt is not None and is_browser:
            outbox.publish(
                events.WebhookReceived(subject_id=attempt.order_id, attempt_id=attempt.pk)
            )
    else:
        event.done_at = now
    event.save(update_fields=["done_at", "due_at"])


def _find_attempt(intent_id: str) -> PaymentAttempt | None:
    # An attempt without an intent has NULL there, which an empty id must not find.
    if not intent_id:
        return None
    return PaymentAttempt.objects.filter(stripe_intent_id=intent_id).first()


def _adds_something(event_type: str, attempt: PaymentAttempt | None) -> bool:
    rank = EVENT_RANK.get(event_type)
    if rank is None:
        return False
    # An intent that we do not know yet: the answer to its creation is still on its way.
    return attempt is None or rank > STATE_RANK[AttemptState(attempt.state)]


def apply_event(*, event_pk: int, now: datetime) -> None:
    """Apply one stored event by looking its intent up. Waits for the network."""
    event = StripeEvent.objects.get(pk=event_pk)
    if event.done_at is not None:
        return
    attempt = _find_attempt(event.intent_id)
    if attempt is None:
        _park(event, now, "unknown intent")
        return
    # Meanwhile the direct answer may have told the same: then nothing is asked.
    is_news = _adds_something(event.type, attempt)
    if is_news and not look_up(attempt_id=attempt.pk, actor="webhook"):
        # What the event told of is still to be learnt.
        _park(event, now, "Stripe did not answer")
        return
    event.done_at = now
    event.rest()
    event.save(update_fields=["done_at", *WORK_FIELDS])


def _park(event: StripeEvent, now: datetime, reason: str) -> None:
    """Keep an event that cannot be applied yet and try again; alarm in the end."""
    event.postpone(now=now, seconds=backoff(event.tries), error=reason)
    if event.tries >= MOST_TRIES:
        event.rest()
        open_alert(
            kind="webhook_not_applied",
            subject_type="stripe_event",
            subject_id=event.pk,
            detail=f"{event.type} about {event.intent_id}: {reason}, {event.tries} times",
        )
    event.save(update_fields=list(WORK_FIELDS))
