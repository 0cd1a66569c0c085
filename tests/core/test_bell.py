"""The doorbell: at most one waiting job of a name, and no harm when nobody hears it."""

import json

import pytest
from django.db import transaction
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from globalmart.core import bell
from globalmart.core.db import NetworkInTransaction


def waiting(redis: Redis, queue: str = "payments") -> list[str]:
    found = Queue(queue, connection=redis, serializer=JSONSerializer)
    return [job.func_name for job in found.jobs]


class TestRing:
    def test_makes_one_waiting_job_of_a_name(self, redis: Redis) -> None:
        for _ in range(3):
            assert bell.ring(["payments.operations", "payments.operations"])

        assert waiting(redis) == ["payments.jobs.work_operations"]

    def test_makes_a_new_job_once_the_first_has_answered(self, redis: Redis) -> None:
        bell.ring(["payments.operations"])
        bell.answer("payments.operations")
        bell.ring(["payments.operations"])

        assert len(waiting(redis)) == 2

    def test_carries_the_queue_of_deliveries_as_json(self, redis: Redis) -> None:
        bell.ring([bell.deliveries("default")])

        (job,) = Queue("default", connection=redis, serializer=JSONSerializer).jobs
        assert (job.func_name, job.args) == (bell.DELIVER, ["default"])
        assert json.loads(job.serializer.dumps(job.args)) == ["default"]

    def test_rings_again_after_a_flush(self, redis: Redis) -> None:
        bell.ring(["payments.checks"])
        redis.flushdb()
        bell.ring(["payments.checks"])

        assert waiting(redis) == ["payments.jobs.check_attempts"]

    def test_forgets_its_mark_by_itself(self, redis: Redis) -> None:
        bell.ring(["payments.checks"])

        assert 0 < redis.ttl("oms:rung:payments.checks") <= bell.MARK_SECONDS

    def test_says_so_when_redis_is_down(self, redis_down: None) -> None:
        assert bell.ring(["payments.checks"]) is False
        bell.answer("payments.checks")

    def test_has_nothing_to_do_without_names(self, redis_down: None) -> None:
        assert bell.ring([]) is True

    @pytest.mark.django_db
    def test_is_not_rung_in_a_transaction(self, redis: Redis) -> None:
        with transaction.atomic(), pytest.raises(NetworkInTransaction):
            bell.ring(["payments.checks"])

        assert waiting(redis) == []


class TestOthersWait:
    def test_hears_only_what_its_own_worker_was_rung_for_beside_its_work(
        self, redis: Redis
    ) -> None:
        with bell.at_work("fulfillment.requests"):
            bell.ring(["fulfillment.requests", "payments.operations"])
            assert not bell.others_wait()

            bell.ring(["fulfillment.polls"])
            assert bell.others_wait()

    def test_hears_deliveries_too(self, redis: Redis) -> None:
        bell.ring([bell.deliveries("notifications")])

        with bell.at_work("notifications.messages"):
            assert bell.others_wait()

    def test_hears_nothing_outside_of_work_nor_while_redis_is_down(self, redis_down: None) -> None:
        assert not bell.others_wait()
        for name in ("fulfillment.requests", "what a cron job says of itself"):
            with bell.at_work(name):
                assert not bell.others_wait()


class TestRingAgain:
    def test_rings_for_what_it_works_on(self, redis: Redis) -> None:
        bell.ring_again()
        assert not redis.keys("oms:rung:*")

        with bell.at_work("payments.checks"):
            bell.ring_again()
        assert waiting(redis) == ["payments.jobs.check_attempts"]
