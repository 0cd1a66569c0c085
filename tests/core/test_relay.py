"""The relay: gapless places, one delivery each, and no loss wherever it dies."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from redis import Redis

from globalmart.core import outbox, relay
from globalmart.core.models import Delivery, FeedCounter, OutboxEvent
from orders.events import OrderConfirmed, OrderPlaced
from payments.events import PaymentAuthorized
from tests.concurrency.racing import race


def publish(count: int) -> None:
    for number in range(count):
        outbox.publish(PaymentAuthorized(subject_id=number, attempt_id=number))


def positions() -> list[int]:
    rows = OutboxEvent.objects.filter(position__isnull=False).order_by("position")
    return list(rows.values_list("position", flat=True))


def end_leases() -> None:
    OutboxEvent.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
class TestRelayBatch:
    def test_places_hands_over_and_rings(self, redis: Redis) -> None:
        outbox.publish(OrderPlaced(subject_id=7))
        outbox.publish(OrderConfirmed(subject_id=7))

        assert relay.relay_batch() == 2
        assert relay.relay_batch() == 0

        assert positions() == [1, 2]
        assert Delivery.objects.get().consumer == "notifications.jobs.on_order_confirmed"
        assert redis.exists("oms:rung:payments.operations")
        assert redis.exists("oms:rung:deliveries.notifications")

    def test_tells_outside_readers(self, redis: Redis) -> None:
        key = outbox.publish(PaymentAuthorized(subject_id=7, attempt_id=3))

        relay.relay_batch()

        ((_, fields),) = redis.xrange(relay.STREAM)
        assert fields[b"id"].decode() == str(key)
        assert json.loads(fields[b"payload"]) == {"attempt_id": 3}

    def test_goes_on_in_batches(self, redis: Redis) -> None:
        publish(5)

        assert [relay.relay_batch(limit=2) for _ in range(4)] == [2, 2, 1, 0]
        assert positions() == [1, 2, 3, 4, 5]
        assert FeedCounter.objects.get().position == 5

    def test_takes_up_what_a_dead_relay_had_claimed(self, redis: Redis) -> None:
        publish(3)
        relay._claim(now=timezone.now(), limit=2)

        assert relay.relay_batch() == 1
        end_leases()
        assert relay.relay_batch() == 2
        assert positions() == [1, 2, 3]

    def test_gives_no_second_place_after_dying_before_it_could_ring(self, redis: Redis) -> None:
        publish(2)
        events = relay._claim(now=timezone.now(), limit=9)
        relay._append(events)
        end_leases()
        relay.relay_batch()

        assert relay._publish(now=timezone.now(), ids=[event.id for event in events]) == []
        assert positions() == [1, 2]
        assert Delivery.objects.count() == 2

    def test_publishes_nothing_while_redis_is_down_and_all_of_it_later(
        self, redis_down: None
    ) -> None:
        publish(3)

        assert relay.relay_batch() == 0
        assert positions() == []
        assert not Delivery.objects.exists()

    def test_drains_once_redis_is_back(
        self, redis_down: None, request: pytest.FixtureRequest
    ) -> None:
        publish(3)
        relay.relay_batch()
        request.getfixturevalue("redis")
        end_leases()

        assert relay.relay_batch() == 3
        assert Delivery.objects.count() == 3

    def test_cannot_be_published_without_a_place(self) -> None:
        publish(1)

        with pytest.raises(IntegrityError, match="published_has_position"), transaction.atomic():
            OutboxEvent.objects.update(published_at=timezone.now())


@pytest.mark.django_db(transaction=True)
class TestTwoRelays:
    def test_give_gapless_places_and_one_delivery_each(self, redis: Redis) -> None:
        publish(60)

        def carry() -> int:
            count = 0
            while carried := relay.relay_batch(limit=7):
                count += carried
            return count

        counts = race(carry, carry)

        assert sum(counts) == 60
        assert positions() == list(range(1, 61))
        assert Delivery.objects.count() == 60
