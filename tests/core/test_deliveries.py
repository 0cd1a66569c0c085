"""A delivery is done together with its effect, or comes again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from globalmart.core import choreography, jobs, outbox
from globalmart.core.choreography import Consumer
from globalmart.core.models import Alert, ApiClient, Delivery, IdempotencyKey, TryCount
from globalmart.core.requests import correlated, correlation_id
from orders.events import OrderPlaced

EFFECT = "tests.core.test_deliveries.make_client"
heard: list[dict[str, object]] = []


def make_client(**told: object) -> None:
    """A consumer whose effect can be counted, and that fails where it is told to."""
    heard.append({**told, "correlation_id": correlation_id.get()})
    ApiClient.objects.create(name="made")
    if told["subject_id"] == 13:
        raise ValueError("thirteen")


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    wired = choreography.wiring()
    mine = Consumer(EFFECT, "default", ("orders.unpaid",))
    changed = replace(wired, consumers={**wired.consumers, "order.placed": (mine,)})
    monkeypatch.setattr(jobs, "wiring", lambda: changed)
    heard.clear()


def delivery(subject_id: int = 7) -> Delivery:
    with correlated("request-of-ada"):
        event_id = outbox.publish(OrderPlaced(subject_id=subject_id))
    return Delivery.objects.create(
        event_id=event_id, consumer=EFFECT, queue="default", due_at=timezone.now()
    )


@pytest.mark.django_db
class TestHandle:
    def test_is_done_with_its_effect_and_rings_for_it(self) -> None:
        row = delivery()

        assert jobs.handle(delivery_id=row.pk) == ("orders.unpaid",)

        row.refresh_from_db()
        assert (row.state, row.due_at) == (Delivery.State.DONE, None)
        assert ApiClient.objects.count() == 1
        assert heard == [
            {"event_id": row.event_id, "subject_id": 7, "correlation_id": "request-of-ada"}
        ]

    def test_does_nothing_the_second_time(self) -> None:
        row = delivery()
        jobs.handle(delivery_id=row.pk)

        assert jobs.handle(delivery_id=row.pk) == ()
        assert len(heard) == 1

    def test_undoes_the_effect_of_a_consumer_that_fails(self) -> None:
        row = delivery(13)

        with pytest.raises(ValueError, match="thirteen"):
            jobs.handle(delivery_id=row.pk)

        row.refresh_from_db()
        assert row.state == Delivery.State.PENDING
        assert not ApiClient.objects.exists()


@pytest.mark.django_db
class TestDeliverOne:
    def deliver(self, row: Delivery) -> Delivery:
        with pytest.raises(ValueError, match="thirteen"):
            jobs._deliver_one(row.pk, rung=set())
        row.refresh_from_db()
        return row

    def test_comes_again_later_with_its_error(self) -> None:
        row = self.deliver(delivery(13))

        assert row.state == Delivery.State.PENDING
        assert row.due_at > timezone.now()
        assert row.last_error == "ValueError"
        assert not Alert.objects.exists()

    def test_is_dead_after_the_last_try_and_alarms(self) -> None:
        row = delivery(13)
        Delivery.objects.update(tries=jobs.MOST_TRIES)

        assert self.deliver(row).state == Delivery.State.DEAD
        assert Alert.objects.get().kind == "delivery_dead"

    def test_keeps_what_names_a_consumer_that_is_gone(self) -> None:
        row = delivery()
        Delivery.objects.update(consumer="orders.jobs.renamed")

        with pytest.raises(StopIteration):
            jobs._deliver_one(row.pk, rung=set())

        assert Delivery.objects.get().state == Delivery.State.PENDING


@pytest.mark.django_db(transaction=True)
class TestDeliver:
    def test_works_the_queues_due_deliveries_and_rings(self, redis: Redis) -> None:
        row, other = delivery(), delivery()
        Delivery.objects.filter(pk=other.pk).update(queue="payments")
        redis.set("oms:rung:deliveries.default", 1)

        jobs.deliver("default")

        assert Delivery.objects.get(pk=row.pk).state == Delivery.State.DONE
        assert Delivery.objects.get(pk=other.pk).state == Delivery.State.PENDING
        assert redis.exists("oms:rung:orders.unpaid")
        assert not redis.exists("oms:rung:deliveries.default")

    def test_has_one_thread_work_what_is_about_one_thing(self, redis: Redis) -> None:
        rows = [delivery(subject_id) for subject_id in (7, 8, 7, 13, 13)]
        keys = [row.pk for row in rows]

        assert jobs._by_subject(keys) == [
            (keys[0], keys[2]),
            (keys[1],),
            (keys[3], keys[4]),
        ]

    def test_goes_on_with_the_next_of_one_thing_after_one_that_fails(
        self, redis: Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        failing, good = delivery(13), delivery(7)

        jobs._deliver_each((failing.pk, good.pk), rung=set())

        assert Delivery.objects.get(pk=failing.pk).state == Delivery.State.PENDING
        assert Delivery.objects.get(pk=good.pk).state == Delivery.State.DONE
        assert f"delivery {failing.pk} failed" in caplog.text


@pytest.mark.django_db
class TestPrune:
    def test_forgets_keys_past_their_life(self) -> None:
        for days in (6, 8):
            IdempotencyKey.objects.create(
                scope="api:1",
                key=str(days),
                request_hash="hash",
                created_at=timezone.now() - timedelta(days=days),
            )

        jobs.prune()

        assert IdempotencyKey.objects.get().key == "6"

    def test_forgets_counts_of_tries_that_are_over(self) -> None:
        for days in (1, 3):
            TryCount.objects.create(
                scope="door",
                subject_digest=str(days),
                began_at=timezone.now() - timedelta(days=days),
            )

        jobs.prune()

        assert TryCount.objects.get().subject_digest == "1"
