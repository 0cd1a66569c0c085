from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from redis import Redis
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.serializers import JSONSerializer
from rq.utils import now

from globalmart.core import heartbeat
from globalmart.core.choreography import resolve, wiring


class JsonCronScheduler(CronScheduler):
    """RQ's scheduler enqueues with pickle; our workers read JSON only."""

    def enqueue_jobs(self) -> list[CronJob]:
        due = [job for job in self._cron_jobs if job.should_run()]
        for job in due:
            if job.func is None:
                continue
            queue = Queue(job.queue_name, connection=self.connection, serializer=JSONSerializer)
            queue.enqueue(job.func, result_ttl=0, failure_ttl=86_400)
            job.set_enqueue_time(now())
        return due


class Command(BaseCommand):
    help = "Start on time what may also be late. What must not be late is the sweeper's."

    def handle(self, *args: Any, **options: Any) -> None:
        connections.close_all()
        heartbeat.beat_in_background("cron")
        scheduler = JsonCronScheduler(connection=Redis.from_url(settings.REDIS_URL))
        for timed in wiring().timed:
            scheduler.register(resolve(timed.job), queue_name=timed.queue, cron=timed.cron)
        scheduler.start()  # type: ignore[no-untyped-call]
