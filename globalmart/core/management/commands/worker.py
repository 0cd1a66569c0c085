from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from globalmart.core import heartbeat
from globalmart.core.choreography import resolve, wiring


class Command(BaseCommand):
    help = "Work one queue. One queue per process: only then RQ moves a job without a gap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queue", choices=settings.QUEUES)

    def handle(self, *args: Any, queue: str, **options: Any) -> None:
        for name in wiring().warm.get(queue, ()):
            resolve(name)()
        connections.close_all()
        heartbeat.beat_in_background(f"worker:{queue}")
        redis = Redis.from_url(settings.REDIS_URL)
        worker = Worker(
            [Queue(queue, connection=redis, serializer=JSONSerializer)],
            connection=redis,
            serializer=JSONSerializer,
        )
        worker.work(logging_level="WARNING", with_scheduler=False)
