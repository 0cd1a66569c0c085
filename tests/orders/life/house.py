"""The house at work without processes: relay, workers, sweeper and watchdog, when they are told.

All that is worked is production's own jobs; instead of threads the caller's own one works.
"""

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction
from django.test import override_settings

from fulfillment import gateways as warehouses
from globalmart.core import bell, ids, jobs, relay
from globalmart.core.choreography import resolve, wiring
from globalmart.core.models import Delivery, OutboxEvent
from globalmart.core.sweeper import watch
from payments import gateways as payments
from tests.orders.life import clock as time
from tests.orders.life.clock import Clock
from tests.orders.life.depot import Depot
from tests.orders.life.stripe import Account, DisputesGateway, IntentGateway, RefundsGateway

QUEUES = ("default", "payments", "webhooks", "fulfillment")
# Where jobs take their rows: `from globalmart.core.work import drain`.
DRAINS = ("globalmart.core.jobs", "payments.jobs", "fulfillment.jobs")
SETTINGS = {
    "WIRING": "tests.orders.life.choreography",
    # Counts and re-readings come often enough to matter in a life of some days.
    "WMS_COUNT_HOURS": 0.5,
    # Longer than the house may take to catch up, or it would never be done.
    "WMS_POLL_SECONDS": 60.0,
    "WMS_RATE_PER_SECOND": 0.0,
    # So that staff have something to say to returns.
    "RETURN_AUTO_APPROVE": False,
}
# The rounds after which a house that is told nothing new has nothing more to do.
MOST_ROUNDS = 30


@dataclass
class House:
    """The machinery, and what has gone wrong in it: no job may fail while nobody is in its way."""

    clock: Clock
    account: Account
    depot: Depot
    # How many rows a job takes before it ends.
    limit: int = 100
    worked: int = 0
    errors: list[str] = field(default_factory=list)

    # --- events ----------------------------------------------------------------------------------

    def relay(self, limit: int) -> int:
        """Carry out so many events at most."""
        return relay.relay_batch(limit=limit)

    def undelivered(self) -> list[int]:
        """Return the deliveries that wait."""
        rows = Delivery.objects.filter(state=Delivery.State.PENDING)
        return list(rows.order_by("pk").values_list("pk", flat=True))

    def deliver(self, key: int) -> None:
        """Hand one event to one consumer, before or after others."""
        jobs.handle(delivery_id=key)

    def told(self) -> list[OutboxEvent]:
        """Return the events that have been carried out, the latest first."""
        rows = OutboxEvent.objects.filter(published_at__isnull=False)
        names = [name for name, many in wiring().consumers.items() if many]
        return list(rows.filter(name__in=names).order_by("-position"))

    def tell_again(self, event: OutboxEvent) -> None:
        """Tell every consumer of something that it may have heard long ago."""
        for consumer in wiring().consumers.get(event.name, ()):
            with transaction.atomic():
                resolve(consumer.handler)(
                    event_id=event.id, subject_id=event.subject_id, **event.payload
                )

    # --- work ------------------------------------------------------------------------------------

    def works(self) -> list[str]:
        """Return the names of the work of which there is some, as the sweeper sees it."""
        return [name for name in wiring().work if self.has_work(name)]

    def has_work(self, name: str) -> bool:
        """Tell whether there is some of this work."""
        return bool(resolve(wiring().work[name].has_due)(now=self.clock.now()))

    def work(self, name: str, limit: int) -> None:
        """Run the job of this work once, over so many rows at most."""
        self.limit = limit
        resolve(wiring().work[name].job)()

    def catch_up(self) -> bool:
        """Do whatever can be done now; tell whether it came to an end."""
        for _ in range(MOST_ROUNDS):
            is_busy = self.relay(200) > 0
            for key in self.undelivered():
                self.deliver(key)
                is_busy = True
            # What is due and only waits for an answer keeps nobody busy.
            self.worked = 0
            for name in self.works():
                self.work(name, 100)
            if not is_busy and not self.worked:
                return True
            # A second, so that what was put off for less comes back.
            self.clock.move(timedelta(seconds=1))
        return False

    def watch(self) -> None:
        """Let the watchdog look."""
        watch(now=self.clock.now())

    # --- around it -------------------------------------------------------------------------------

    def drain(
        self, *, claim: Callable[[int], list[Any]], work: Callable[[Any], None], **_how: object
    ) -> int:
        """Work what is due in the caller's thread; whatever fails is a fault of ours."""
        claimed = claim(self.limit)
        self.worked += len(claimed)
        for each in claimed:
            try:
                work(each)
            except Exception as error:
                self.errors.append(f"work on {each} failed: {error!r}")
                raise
        return len(claimed)


class Listener(logging.Handler):
    """Hears what production's code catches and only logs."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            words = record.getMessage()
            error = record.exc_info[1] if record.exc_info else None
            self.errors.append(f"{record.name}: {words} {error!r}")


@contextmanager
def running(house: House) -> Iterator[None]:
    """Run the house with its own time, vendors and randomness."""
    account, depot = house.account, house.depot
    vendors = (IntentGateway(account), RefundsGateway(account), DisputesGateway(account))
    listener = Listener(house.errors)
    with ExitStack() as stack:
        stack.enter_context(override_settings(**SETTINGS))
        wiring.cache_clear()
        stack.callback(wiring.cache_clear)
        for each in _patches(house, vendors, depot):
            stack.enter_context(each)
        logging.getLogger().addHandler(listener)
        stack.callback(logging.getLogger().removeHandler, listener)
        yield


def _patches(house: House, vendors: Sequence[Any], depot: Depot) -> list[Any]:
    intents, refunds, disputes = vendors
    numbers = iter(range(1, 10_000_000))
    same = SimpleNamespace(randbits=lambda _bits: next(numbers), choice=random.choice)
    return [
        patch("django.utils.timezone.now", house.clock.now),
        # Numbers as random as the example is: the same one is the same again.
        patch.object(ids, "secrets", same),
        patch.object(ids, "time", SimpleNamespace(time=lambda: house.clock.now().timestamp())),
        patch.object(bell, "ring", lambda names: True),
        patch.object(bell, "answer", lambda name: None),
        patch.object(relay, "_append", lambda events: True),
        *(patch(f"{name}.drain", house.drain) for name in DRAINS),
        patch.object(payments, "current", lambda: intents),
        patch.object(payments, "refunds", lambda: refunds),
        patch.object(payments, "disputes", lambda: disputes),
        patch.object(warehouses, "current", lambda: depot.fake),
    ]


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that nobody sees, in which durable blocks may begin, as in Django's tests."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)


def check_constraints() -> None:
    """Check now what the database would check at each commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def install() -> None:
    """Make ready what lasts for all examples."""
    time.install()
