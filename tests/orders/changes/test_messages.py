"""Whoever had the old address reads that it changed, and no link; all else goes to the new one."""

import re
from typing import Any
from uuid import uuid4

import pytest

from globalmart.core.choreography import wiring
from globalmart.core.jobs import handle
from globalmart.core.models import Delivery, OutboxEvent
from notifications.models import Message
from notifications.services import outgoing, rendering
from orders import links
from orders.models import Order
from orders.queries.recipients import get_recipient
from orders.services import cancelling, correcting, lifecycle
from tests.orders.changes.test_corrections import LEEDS
from tests.orders.house import now, submit

OLD, NEW = "ada@example.com", "ada@example.org"


def tell(*names: str) -> None:
    """Carry events to the consumers in notifications, once each."""
    for event in OutboxEvent.objects.filter(name__in=names).order_by("id"):
        for consumer in wiring().consumers.get(event.name, ()):
            if consumer.handler.startswith("notifications."):
                row, is_new = Delivery.objects.get_or_create(
                    event=event, consumer=consumer.handler, queue=consumer.queue
                )
                if is_new:
                    handle(delivery_id=row.pk)


def words(message: Message) -> str:
    found = rendering.render_mail(message=message, who=get_recipient(order_id=message.order_id))
    return found.subject + found.text + found.html


def reach(order: Order, email: str = NEW) -> None:
    correcting.correct_contact(
        order_id=order.pk, email=email, phone="", wants_sms=False, actor="customer", now=now()
    )


def test_the_old_address_is_told_without_a_link(confirmed: Order) -> None:
    reach(confirmed)
    tell("order.contact_corrected")

    told = {row.recipient: row for row in Message.objects.all()}
    assert {key: row.kind for key, row in told.items()} == {
        OLD: "address_left",
        NEW: "contact_corrected",
    }
    order = Order.objects.get()
    assert links.order_secret(order) in words(told[NEW])
    assert not re.search(r"https?://", words(told[OLD]))
    assert links.order_secret(order) not in words(told[OLD])
    assert NEW not in words(told[OLD])


def test_what_was_queued_before_goes_to_the_new_one(
    confirmed: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    def send(**mail: Any) -> str:
        sent.append(mail)
        return "id"

    monkeypatch.setattr(outgoing, "send_mail", send)
    outgoing.queue_message(
        event_id=uuid4(), order_id=confirmed.pk, kind="order_confirmed", data={}, now=now()
    )
    row = Message.objects.get()
    reach(confirmed)
    who = get_recipient(order_id=confirmed.pk)
    row.recipient = outgoing._address(row, who)
    outgoing._hand_over(row, who)
    assert sent[0]["to"] == NEW
    assert links.order_secret(Order.objects.get()) in sent[0]["text"]


def test_a_change_undone_before_it_was_told_is_told_to_nobody_else(confirmed: Order) -> None:
    reach(confirmed)
    tell("order.contact_corrected")
    reach(confirmed, "third@example.org")
    row = Message.objects.get(kind="contact_corrected")
    assert outgoing._why_stale(row) == "the address has changed since"


def test_units_that_were_cancelled_are_named(confirmed: Order) -> None:
    cancelling.request_units(
        order_id=confirmed.pk, units={1: 2}, reason="x", actor="customer", now=now()
    )
    tell("order.units_cancelled")
    assert "2 x Cup of stoneware" in words(Message.objects.get())


def test_an_address_is_told_whichever_way_it_ended(confirmed: Order) -> None:
    submit(confirmed)
    correcting.correct_address(order_id=confirmed.pk, address=LEEDS, actor="customer", now=now())
    submit(confirmed)
    tell("order.address_corrected")
    assert "Park Row" in words(Message.objects.get())
    kept = Message(order=confirmed, kind="address_kept", data={})
    assert "address that you gave first" in words(kept)


def test_an_unpaid_order_that_ended_is_told_once_with_the_way_back(placed: Order) -> None:
    Order.objects.update(payment_due_at=now())
    for _ in range(2):
        lifecycle.expire_order(order_id=placed.pk, now=now())
        tell("order.expired")
    row = Message.objects.get()
    assert row.kind == "order_expired"
    assert f"{links.order_url(Order.objects.get())}again/" in words(row)
