"""Signs of life in PostgreSQL: whoever asks which process lives need not ask Redis."""

import logging
import os
import socket
import threading

from django.db import DatabaseError, connection
from django.utils import timezone

from globalmart.core.models import Heartbeat

log = logging.getLogger(__name__)
SECONDS = 10


def beat(kind: str) -> None:
    """Write this process's sign of life."""
    process = f"{kind}@{socket.gethostname()}:{os.getpid()}"
    Heartbeat.objects.update_or_create(
        process=process, defaults={"kind": kind, "beat_at": timezone.now()}
    )


def beat_in_background(kind: str) -> threading.Event:
    """Beat from a thread until the returned event is set.

    The connection is closed after each beat: a forked child must not inherit an open one.
    """
    stop = threading.Event()

    def run() -> None:
        while True:
            try:
                beat(kind)
            except DatabaseError:
                log.warning("no heartbeat: the database does not answer")
            finally:
                connection.close()
            if stop.wait(SECONDS):
                return

    threading.Thread(target=run, name="heartbeat", daemon=True).start()
    return stop
