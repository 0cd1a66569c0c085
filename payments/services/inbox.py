"""Stripe's webhooks: stored first, applied by looking up what they are about."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from globalmart.core import outbox
from globalmart.core.alerts import open_alert
from globalmart.core.failpoints import failpoint
from globalmart.core.work import backoff
from payments import events, gateways
from payments.gateways.intents import Notice
from payments.models import PaymentAttempt, StripeEvent
from payments.services import news, ranking

MOST_TRIES = 20
# Where our server called, the answer to that call is a moment behind its webhook, or lost.
DIRECT_ANSWER_HEAD_START = timedelta(seconds=3)
# Whoever finds another worker asking about the same thing comes back after this.
YIELD = timedelta(seconds=2)


def read(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook's signature and age and return what it tells. Raises BadSignature."""
    return gateways.read_notice(payload=payload, signature=signature)


@transaction.atomic
def receive(*, notice: Notice, now: datetime) -> bool:
    """Store an event and tell whether it is new; the second of the same id changes nothing.

    Local work only.
    """
    event, is_new = StripeEvent.objects.get_or_create(
        event_id=notice.event_id,
        defaults={
            "type": notice.type,
            "object_type": notice.object_type,
            "object_id": notice.object_id,
            "intent_id": notice.intent_id,
            "is_live": notice.is_live,
            "created": notice.created,
        },
    )
    if not is_new:
        return False
    attempt = news.find_attempt(event)
    if notice.is_live != settings.IS_LIVE:
        open_alert(
            kind="livemode_mismatch", subject_type="shop", subject_id=0, detail=notice.event_id
        )
        event.done_at = now
    elif ranking.adds_something(type_=event.type, state=news.known_state(event, attempt)):
        _make_due(event, attempt, now)
    else:
        event.done_at = now
    event.save(update_fields=["done_at", "due_at"])
    failpoint("CP24", order=attempt.order_id if attempt else 0)
    return True


def _make_due(event: StripeEvent, attempt: PaymentAttempt | None, now: datetime) -> None:
    is_browser = attempt is not None and attempt.mode == PaymentAttempt.Mode.BROWSER
    event.due_at = now if is_browser else now + DIRECT_ANSWER_HEAD_START
    if attempt is not None and is_browser:
        outbox.publish(events.WebhookReceived(subject_id=attempt.order_id, attempt_id=attempt.pk))


def apply_event(*, event_pk: int, now: datetime) -> None:
    """Apply one stored event by looking up its thing, once for all that wait about the same.

    Waits for the network; refuses to run in a transaction. Where another worker is asking about
    the same thing, the event waits for what that one learns.
    """
    event, waiting = _begin(event_pk=event_pk, now=now)
    if event is None:
        return
    attempt = news.find_attempt(event)
    if attempt is None:
        _park(event, now, "unknown intent")
        return
    # Meanwhile the direct answer may have told the same: then nothing is asked.
    if not ranking.adds_something(type_=event.type, state=news.known_state(event, attempt)):
        _close([event.pk], now)
        return
    if not news.look_up(event, attempt):
        # What the event told of is still to be learnt.
        _park(event, now, "Stripe did not answer")
        return
    # A late success may have given the intent to an attempt of its own.
    state = news.known_state(event, news.find_attempt(event))
    types = ranking.covered((each.type for each in waiting), applied=event.type, state=state)
    _close([event.pk, *(each.pk for each in waiting if each.type in types)], now)


@transaction.atomic
def _begin(*, event_pk: int, now: datetime) -> tuple[StripeEvent | None, list[StripeEvent]]:
    """Return the event, and the others that wait about the same thing: they are older than the
    look-up that follows. None where there is nothing to do now."""
    event = StripeEvent.objects.get(pk=event_pk)
    if event.done_at is not None:
        # Done by another's look-up while it was leased: it must not come back.
        StripeEvent.objects.filter(pk=event_pk).update(due_at=None, lease_until=None)
        return None, []
    about_the_same = StripeEvent.objects.filter(
        intent_id=event.intent_id,
        object_type=event.object_type,
        object_id=event.object_id,
        done_at__isnull=True,
    )
    others = [each for each in about_the_same.locked() if each.pk != event_pk]
    if any(_goes_first(other, event, now) for other in others):
        StripeEvent.objects.filter(pk=event_pk, done_at__isnull=True).update(
            due_at=now + YIELD, lease_until=None, tries=F("tries") - 1
        )
        return None, []
    return event, others


def _goes_first(other: StripeEvent, event: StripeEvent, now: datetime) -> bool:
    """Tell whether a worker holds the other event, and has claimed it before this one."""
    if other.lease_until is None or other.lease_until < now or event.lease_until is None:
        return False
    return (other.lease_until, other.pk) < (event.lease_until, event.pk)


def _close(keys: list[int], now: datetime) -> None:
    waiting = StripeEvent.objects.filter(pk__in=keys, done_at__isnull=True)
    waiting.update(done_at=now, due_at=None, lease_until=None, last_error="")


def _park(event: StripeEvent, now: datetime, reason: str) -> None:
    """Keep an event that cannot be applied yet and try again; alarm in the end."""
    event.postpone(now=now, seconds=backoff(event.tries), error=reason)
    if event.tries >= MOST_TRIES:
        event.rest()
        open_alert(
            kind="webhook_not_applied",
            subject_type="stripe_event",
            subject_id=event.pk,
            detail=f"{event.type} about {event.object_id or event.intent_id}: {reason}, "
            f"{event.tries} times",
        )
    StripeEvent.objects.filter(pk=event.pk, done_at__isnull=True).update(
        due_at=event.due_at, lease_until=event.lease_until, last_error=event.last_error
    )
