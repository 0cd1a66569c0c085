"""Read from Stripe's list of events what its webhooks could not deliver."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from globalmart.core.db import forbid_transaction
from payments import gateways
from payments.models import Cursor
from payments.services import inbox
from payments.services.ranking import EVENT_TYPES

CURSOR = "stripe_events"
# The list may show an event later than its time says.
OVERLAP = timedelta(minutes=10)
# How far back the first sweep of an installation looks.
FIRST_LOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep has found: events read, those of them that were new, and since when."""

    since: datetime
    read: int
    new: int


def sweep_events(*, now: datetime, since: datetime | None = None) -> Sweep:
    """Receive what no endpoint has taken since the last sweep; given `since`, all events from
    then on, delivered or not, as a restored database needs them.

    Waits for the network; refuses to run in a transaction. Raises NotAnswered: what was read by
    then is stored, and the next sweep begins where this one has.
    """
    forbid_transaction()
    begins = since or _read_until(now) - OVERLAP
    read = new = 0
    for notice in gateways.events().events(
        types=EVENT_TYPES, since=begins, is_undelivered=since is None
    ):
        read += 1
        new += inbox.receive(notice=notice, now=now)
    if since is None:
        Cursor.objects.filter(name=CURSOR, read_until__lt=now).update(read_until=now)
    return Sweep(since=begins, read=read, new=new)


def _read_until(now: datetime) -> datetime:
    cursor, _ = Cursor.objects.get_or_create(name=CURSOR, defaults={"read_until": now - FIRST_LOOK})
    return cursor.read_until
