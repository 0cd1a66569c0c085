"""The sweeper rings for what is due, the watchdog alarms for what is stuck; PostgreSQL decides."""

from datetime import datetime

from globalmart.core import bell
from globalmart.core.alerts import open_alert
from globalmart.core.choreography import Stuck, resolve, wiring
from globalmart.core.models import Alert, Delivery


def sweep(*, now: datetime) -> set[str]:
    """Ring for every kind of work that has due rows; return the names rung for."""
    pending = Delivery.objects.filter(state=Delivery.State.PENDING).due(now=now)
    names = {bell.deliveries(q) for q in pending.values_list("queue", flat=True).distinct()}
    names |= {name for name, kind in wiring().work.items() if resolve(kind.has_due)(now=now)}
    bell.ring(names)
    return names


def watch(*, now: datetime) -> list[Stuck]:
    """Open an alert for each subject past its age, close those that moved on; return the stuck."""
    stuck = [found for name in wiring().watched.values() for found in resolve(name)(now=now)]
    for found in stuck:
        open_alert(
            kind=found.kind,
            subject_type=found.subject_type,
            subject_id=found.subject_id,
            detail=found.detail,
        )
    _close_moved_on({(found.kind, found.subject_type, found.subject_id) for found in stuck}, now)
    return stuck


def _close_moved_on(still: set[tuple[str, str, int]], now: datetime) -> None:
    kinds = tuple(wiring().watched)
    opened = Alert.objects.filter(kind__in=kinds, closed_at__isnull=True)
    gone = [
        alert.pk
        for alert in opened
        if (alert.kind, alert.subject_type, alert.subject_id) not in still
    ]
    Alert.objects.filter(pk__in=gone).update(closed_at=now)
