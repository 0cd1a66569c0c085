from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from globalmart.core import bell, heartbeat
from globalmart.core.choreography import resolve, wiring
from globalmart.core.db import renew_connection

# Then it ends, and whoever runs it starts it anew: what has leaked is gone.
MOST_JOBS = 20_000


class KeepingWorker(SimpleWorker):
    """Works in this process instead of forking for each job: connections, what is prepared on
    them, and the vendors' SDKs stay (docs/adr/0014)."""

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Begin each job without what the last one has broken."""
        renew_connection()
        with bell.at_work(job.description or ""):
            done: bool = super().perform_job(job, queue)
        return done


class Command(BaseCommand):
    help = "Work one queue. One queue per process: only then RQ moves a job without a gap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queue", choices=settings.QUEUES)

    def handle(self, *args: Any, queue: str, **options: Any) -> None:
        for name in wiring().warm.get(queue, ()):
            resolve(name)()
        heartbeat.beat_in_background(f"worker:{queue}")
        redis = Redis.from_url(settings.REDIS_URL)
        worker = KeepingWorker(
            [Queue(queue, connection=redis, serializer=JSONSerializer)],
            connection=redis,
            serializer=JSONSerializer,
        )
        worker.work(logging_level="WARNING", with_scheduler=False, max_jobs=MOST_JOBS)
