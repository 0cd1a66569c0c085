"""Messages to customers: queued once per event, rendered and sent by a worker."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from globalmart.core import states
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.work import backoff
from notifications.gateways import MessageDeferred, MessageRefused, MessageUnknown
from notifications.gateways.mail import send_mail
from notifications.gateways.sms import send_sms
from notifications.models import Message
from notifications.services.rendering import render_mail, render_sms
from notifications.states import MESSAGE, MessageState
from orders.queries.recipients import Recipient, get_recipient

# A claimed batch's last message may wait for the others' ten seconds each.
LEASE_SECONDS = 90
# What could not be handed over for so long is not worth telling any more; staff hear of it.
GIVE_UP_AFTER = timedelta(hours=24)
# What can be told by text message, to those who asked for it.
SMS_KINDS = ("shipment_dispatched",)
GOODS_SHORT, CONTACT_CORRECTED = "goods_short", "contact_corrected"
# Goes where the customer was reached before, without a link; all others go where they are now.
ADDRESS_LEFT = "address_left"
UNREACHABLE = ".invalid"
SMS = Message.Channel.SMS


def queue_message(
    *,
    event_id: UUID,
    order_id: int,
    kind: str,
    data: Mapping[str, object],
    now: datetime,
    email: str = "",
) -> None:
    """Insert the messages of one event, in the transaction that marks its delivery done.

    One mail, and a text message where the customer asked for it and the kind has one. The same
    event again inserts nothing. An address ending in .invalid can reach nobody (RFC 2606): it is
    suppressed unless the order's import asked otherwise. With `email` it goes there,
    and not to the order's own address.
    """
    who = get_recipient(order_id=order_id)
    email = email or who.email
    channels = [(Message.Channel.EMAIL, email)]
    if kind in SMS_KINDS and who.wants_sms and who.phone:
        channels.append((Message.Channel.SMS, who.phone))
    is_mute = email.lower().endswith(UNREACHABLE) and not who.is_notified_anyway
    state = MessageState.SUPPRESSED if is_mute else MessageState.QUEUED
    Message.objects.bulk_create(
        [
            Message(
                event_id=event_id,
                order_id=order_id,
                kind=kind,
                channel=channel,
                recipient=recipient,
                data=dict(data),
                state=state,
                due_at=None if is_mute else now,
            )
            for channel, recipient in channels
        ],
        ignore_conflicts=True,
    )


def send_message(*, message_id: int, token: UUID) -> None:
    """Render and hand over one message and record what the provider said.

    Does nothing when the lease with this token has passed to somebody else. Waits for the network;
    refuses to run in a transaction. After an answer that never came the message is sent once more
    at most: no provider here offers an idempotency key.
    """
    message = _take(message_id=message_id, token=token, now=timezone.now())
    if message is None:
        return
    who = get_recipient(order_id=message.order_id)
    # What it says, its link above all, is for who the customer is now, not when it was queued.
    message.recipient = _address(message, who)
    try:
        provider_id = _hand_over(message, who)
    except MessageRefused as error:
        _record(message, MessageState.FAILED, error=str(error))
    except MessageDeferred as error:
        _record(message, MessageState.QUEUED, error=str(error))
    except MessageUnknown as error:
        _record(message, MessageState.UNKNOWN, error=str(error))
    else:
        _record(message, MessageState.ACCEPTED, provider_id=provider_id)


def _address(message: Message, who: Recipient) -> str:
    if message.kind in (ADDRESS_LEFT, CONTACT_CORRECTED):
        return message.recipient
    return who.phone if message.channel == SMS else who.email


def _hand_over(message: Message, who: Recipient) -> str:
    if message.channel == SMS:
        text = render_sms(message=message, who=who)
        return send_sms(to=message.recipient, text=text, message_id=str(message.pk))
    mail = render_mail(message=message, who=who)
    return send_mail(
        to=message.recipient,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        message_id=str(message.pk),
        metadata={
            "event_id": str(message.event_id),
            "kind": message.kind,
            "order_number": who.order_number,
        },
    )


@transaction.atomic(durable=True)
def _take(*, message_id: int, token: UUID, now: datetime) -> Message | None:
    """Commit that the message is being sent, before it is."""
    message = Message.objects.locked().get(pk=message_id)
    if not message.is_held_by(token):
        return None
    sendable = {MessageState.QUEUED, MessageState.UNKNOWN, MessageState.SENDING}
    if message.state not in sendable:
        message.rest()
        message.save(update_fields=list(WORK_FIELDS))
        return None
    if message.state == MessageState.QUEUED and (why := _why_stale(message)):
        _step(message, MessageState.SUPPRESSED, now)
        message.last_error = why
        message.rest()
        message.save()
        return None
    if message.state == MessageState.SENDING:
        # The worker died while sending: nobody knows. One further try, no more.
        _step(message, MessageState.UNKNOWN, now)
    if message.state == MessageState.UNKNOWN and message.data.get("was_unknown"):
        _step(message, MessageState.FAILED, now)
        message.last_error = "no answer, twice"
        message.rest()
        message.save()
        _alert(message)
        return None
    if message.state == MessageState.UNKNOWN:
        message.data["was_unknown"] = True
    _step(message, MessageState.SENDING, now)
    message.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    message.save()
    return message


def _why_stale(message: Message) -> str:
    """Return why the message is not worth sending any more; empty: it is."""
    if message.kind not in (GOODS_SHORT, CONTACT_CORRECTED) and message.channel != SMS:
        return ""
    who = get_recipient(order_id=message.order_id)
    if message.kind == GOODS_SHORT and not who.missing:
        return "nothing is missing any more"
    if message.kind == CONTACT_CORRECTED and message.recipient != who.email:
        return "the address has changed since"
    if message.channel == SMS and not who.phone:
        return "there is no number any more"
    return ""


def _step(message: Message, state: MessageState, now: datetime) -> None:
    states.require(MESSAGE, "message", message.state, state)
    message.state = state
    message.state_changed_at = now


@transaction.atomic(durable=True)
def _record(
    message: Message, state: MessageState, *, provider_id: str = "", error: str = ""
) -> None:
    now = timezone.now()
    fresh = Message.objects.locked().get(pk=message.pk)
    if fresh.state != MessageState.SENDING or not fresh.is_held_by(message.lease_token):
        return
    if state == MessageState.QUEUED and now - fresh.created_at > GIVE_UP_AFTER:
        state = MessageState.FAILED
    _step(fresh, state, now)
    if state in {MessageState.QUEUED, MessageState.UNKNOWN}:
        fresh.postpone(now=now, seconds=backoff(fresh.tries, first=2), error=error)
    else:
        fresh.rest()
        fresh.last_error = error[:500]
    fresh.recipient = message.recipient
    if state == MessageState.ACCEPTED:
        fresh.provider_id = provider_id[:120]
        fresh.sent_at = now
    if state == MessageState.FAILED:
        _alert(fresh)
    fresh.save()


def _alert(message: Message) -> None:
    open_alert(
        kind="message_failed",
        subject_type="order",
        subject_id=message.order_id,
        detail=f"{message.kind} by {message.channel}: {message.last_error}",
    )
