"""PostgreSQL decides what is due and what is stuck."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from globalmart.core import heartbeat, outbox, sweeper
from globalmart.core.models import Alert, Delivery, Heartbeat
from orders.events import OrderPlaced
from orders.models import Order
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


class TestSweep:
    def test_rings_for_nothing_in_an_empty_shop(self, redis: Redis) -> None:
        assert sweeper.sweep(now=timezone.now()) == set()

    def test_rings_for_due_work_again_after_a_flush(self, redis: Redis, order: Order) -> None:
        for _ in range(2):
            redis.flushdb()
            assert sweeper.sweep(now=timezone.now()) == {"payments.operations"}
            assert redis.exists("oms:rung:payments.operations")

    def test_rings_for_deliveries_of_each_queue(self, redis: Redis) -> None:
        event_id = outbox.publish(OrderPlaced(subject_id=7))
        for queue in ("default", "notifications"):
            Delivery.objects.create(
                event_id=event_id, consumer=queue, queue=queue, due_at=timezone.now()
            )

        assert sweeper.sweep(now=timezone.now()) == {
            "deliveries.default",
            "deliveries.notifications",
        }

    def test_leaves_alone_what_a_live_worker_holds(self, redis: Redis) -> None:
        Delivery.objects.create(
            event_id=outbox.publish(OrderPlaced(subject_id=7)),
            consumer="x",
            queue="default",
            due_at=timezone.now(),
            lease_until=timezone.now() + timedelta(minutes=1),
        )

        assert sweeper.sweep(now=timezone.now()) == set()
        assert sweeper.sweep(now=timezone.now() + timedelta(minutes=2)) == {"deliveries.default"}

    def test_rings_for_an_order_past_its_deadline(self, redis: Redis, order: Order) -> None:
        assert "orders.unpaid" in sweeper.sweep(now=timezone.now() + timedelta(minutes=31))

    def test_does_not_mind_a_dead_redis(self, redis_down: None, order: Order) -> None:
        assert sweeper.sweep(now=timezone.now()) == {"payments.operations"}


class TestWatch:
    def test_opens_one_alert_for_what_is_stuck_and_closes_it(self, order: Order) -> None:
        later = timezone.now() + timedelta(hours=3)
        assert sweeper.watch(now=timezone.now()) == []

        for _ in range(2):
            kinds = {found.kind for found in sweeper.watch(now=later)}
        assert kinds == {"order_stuck", "payment_stuck", "operation_stuck"}
        assert Alert.objects.filter(closed_at__isnull=True).count() == 3

        Order.objects.update(state="completed")
        sweeper.watch(now=later)

        assert Alert.objects.get(kind="order_stuck").closed_at == later
        assert Alert.objects.get(kind="payment_stuck").closed_at is None

    def test_leaves_alerts_of_other_kinds_open(self, order: Order) -> None:
        Alert.objects.create(kind="late_payment", subject_type="order", subject_id=1, detail="x")

        sweeper.watch(now=timezone.now())

        assert Alert.objects.get().closed_at is None


class TestBeat:
    def test_keeps_one_row_per_process(self) -> None:
        heartbeat.beat("relay")
        first = Heartbeat.objects.get().beat_at
        heartbeat.beat("relay")

        assert Heartbeat.objects.get().beat_at > first
        assert Heartbeat.objects.get().kind == "relay"
