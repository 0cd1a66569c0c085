import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from globalmart.core import heartbeat, relay, sweeper

BUSY_SECONDS, IDLE_SECONDS = 0.02, 0.1
SWEEP_SECONDS, WATCH_SECONDS = 2.0, 30.0


class Command(BaseCommand):
    help = "Carry events out of the outbox; ring for due work; alarm for stuck work."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        swept = watched = beaten = 0.0
        while not stop.is_set():
            now = time.monotonic()
            try:
                count = relay.relay_batch()
                if now - swept >= SWEEP_SECONDS:
                    sweeper.sweep(now=timezone.now())
                    swept = now
                if now - watched >= WATCH_SECONDS:
                    sweeper.watch(now=timezone.now())
                    watched = now
                if now - beaten >= heartbeat.SECONDS:
                    heartbeat.beat("relay")
                    beaten = now
            except DatabaseError as error:
                self.stderr.write(f"relay: the database does not answer: {error}")
                close_old_connections()
                count = 0
                stop.wait(1)
            stop.wait(BUSY_SECONDS if count else IDLE_SECONDS)
