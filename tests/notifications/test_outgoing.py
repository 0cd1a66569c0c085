"""Queued once per event, sent once, and once more at most when nobody knows."""

from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from globalmart.core.models import Alert
from notifications.gateways import MessageDeferred, MessageRefused, MessageUnknown
from notifications.models import Message
from notifications.services import outgoing
from notifications.services.outgoing import queue_message, send_message
from notifications.states import MessageState
from orders.models import Order, OrderShortage
from tests import builders
from tests.notifications.conftest import FakePost

EVENT = UUID(int=7)


def queue(order: Order, kind: str = "order_confirmed", event_id: UUID = EVENT) -> None:
    queue_message(event_id=event_id, order_id=order.pk, kind=kind, data={}, now=timezone.now())


def lease_all() -> UUID:
    """Lease every message, whoever holds it, and return the token."""
    Message.objects.update(due_at=timezone.now(), lease_until=None)
    leases = Message.objects.all().lease(now=timezone.now(), limit=9, lease_seconds=30)
    return leases[0].token


def send(channel: str = "email") -> Message:
    """What the job does, without the waiting."""
    row = Message.objects.get(channel=channel)
    send_message(message_id=row.pk, token=lease_all())
    return Message.objects.get(pk=row.pk)


def channels() -> dict[str, str]:
    return dict(Message.objects.values_list("channel", "recipient"))


class TestQueueMessage:
    def test_queues_once_per_event(self, order: Order) -> None:
        queue(order)
        queue(order)
        assert channels() == {"email": "ada@example.com"}

        queue(order, event_id=uuid4())

        assert Message.objects.count() == 2

    def test_sends_a_text_message_to_whoever_asked_for_it(self, order: Order) -> None:
        queue(order, "shipment_dispatched")

        assert channels() == {"email": "ada@example.com", "sms": "+442071234567"}

    def test_asks_for_the_customer_and_nothing_else(
        self, order: Order, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_max_num_queries(2):
            queue(order)

    @pytest.mark.parametrize("changes", [{"wants_sms": False}, {"phone": ""}])
    def test_sends_none_to_others(self, order: Order, changes: dict[str, object]) -> None:
        Order.objects.update(**changes)

        queue(order, "shipment_dispatched")

        assert channels() == {"email": "ada@example.com"}

    @pytest.mark.parametrize("email", ["invoice-1@import.invalid", "X@IMPORT.INVALID"])
    def test_suppresses_what_can_reach_nobody(
        self, order: Order, post: FakePost, email: str
    ) -> None:
        Order.objects.update(email=email)
        queue(order)

        row = Message.objects.get()
        assert (row.state, row.due_at) == (MessageState.SUPPRESSED, None)
        assert send().state == MessageState.SUPPRESSED
        assert post.sent == []

    def test_queues_it_all_the_same_when_the_import_asked_for_that(self, order: Order) -> None:
        client = builders.add_client("import")
        Order.objects.update(
            email="invoice-1@import.invalid", metadata={"notify": "1"}, api_client=client
        )
        queue(order)

        assert Message.objects.get().state == MessageState.QUEUED


class TestSendMessage:
    def test_hands_it_over_with_ids_to_find_it_by(self, order: Order, post: FakePost) -> None:
        queue(order)

        row = send()

        assert (row.state, row.provider_id, row.due_at) == (MessageState.ACCEPTED, "id-1", None)
        (sent,) = post.sent
        assert (sent["to"], sent["message_id"]) == ("ada@example.com", str(row.pk))
        assert sent["metadata"] == {
            "event_id": str(EVENT),
            "kind": "order_confirmed",
            "order_number": order.number,
        }

    def test_sends_nothing_twice(self, order: Order, post: FakePost) -> None:
        queue(order)
        send()
        send()

        assert len(post.sent) == 1

    def test_does_not_ask_about_goods_that_are_not_missing_any_more(
        self, order: Order, post: FakePost
    ) -> None:
        queue(order, "goods_short")
        assert (send().state, post.sent) == ("suppressed", [])

        Message.objects.all().delete()
        queue(order, "goods_short")
        at = timezone.now()
        OrderShortage.objects.create(
            line=order.lines.get(), fulfillment_id=1, quantity=2, opened_at=at, state_changed_at=at
        )
        assert send().state == "accepted"

    def test_sends_nothing_for_a_zombie(self, order: Order, post: FakePost) -> None:
        queue(order)
        row = Message.objects.get()
        zombie = lease_all()
        token = lease_all()
        # Whoever took the message over is sending it; to the zombie it would look abandoned.
        Message.objects.update(state=MessageState.SENDING)

        send_message(message_id=row.pk, token=zombie)

        assert post.sent == []
        row.refresh_from_db()
        assert (row.state, row.lease_token) == (MessageState.SENDING, token)

    def test_is_committed_as_sending_before_it_is_sent(
        self, order: Order, post: FakePost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[str] = []

        def look(**message: object) -> str:
            seen.append(Message.objects.get().state)
            return "id"

        monkeypatch.setattr(outgoing, "send_mail", look)
        queue(order)
        send()

        assert seen == [MessageState.SENDING]

    def test_fails_at_once_what_is_refused(self, order: Order, post: FakePost) -> None:
        post.errors.append(MessageRefused("bad address"))
        queue(order)

        row = send()

        assert (row.state, row.last_error, row.due_at) == ("failed", "bad address", None)
        assert Alert.objects.get().kind == "message_failed"

    def test_tries_again_what_was_certainly_not_sent(self, order: Order, post: FakePost) -> None:
        post.errors.append(MessageDeferred("busy"))
        queue(order)

        row = send()
        assert row.state == MessageState.QUEUED
        assert row.due_at > timezone.now()

        assert send().state == MessageState.ACCEPTED

    def test_outlasts_an_outage_of_many_tries(self, order: Order, post: FakePost) -> None:
        post.errors.append(MessageDeferred("busy"))
        queue(order)
        Message.objects.update(tries=99)

        assert send().state == MessageState.QUEUED

    def test_gives_up_after_a_day(self, order: Order, post: FakePost) -> None:
        post.errors.append(MessageDeferred("busy"))
        queue(order)
        Message.objects.update(created_at=timezone.now() - outgoing.GIVE_UP_AFTER)

        assert send().state == MessageState.FAILED
        assert Alert.objects.exists()

    @pytest.mark.parametrize(
        "errors",
        [
            [MessageUnknown("timeout"), MessageUnknown("timeout")],
            [MessageUnknown("timeout"), MessageDeferred("busy"), MessageUnknown("timeout")],
        ],
    )
    def test_may_go_out_twice_and_no_more(
        self, order: Order, post: FakePost, errors: list[BaseException]
    ) -> None:
        post.errors.extend(errors)
        queue(order)
        for _ in range(6):
            row = send()

        assert row.state == MessageState.FAILED
        assert len(post.sent) == len(errors)
        assert Alert.objects.get().kind == "message_failed"

    def test_is_sent_once_more_after_a_worker_died(self, order: Order, post: FakePost) -> None:
        post.errors.append(SystemExit())
        queue(order)
        with pytest.raises(SystemExit):
            send()

        assert send().state == MessageState.ACCEPTED
        assert len(post.sent) == 2
