"""How far our books have been compared with Stripe's."""

from datetime import datetime, timedelta

from globalmart.core.choreography import Stuck
from payments.models import Cursor

# What moves is compared up to here; of the comparison of everything, what is done and its end.
RECENT, WHOLE_FROM, WHOLE_UNTIL = "reconcile.recent", "reconcile.whole", "reconcile.whole.until"
# The clock starts the one every five minutes, the other every night.
LATE_AFTER = {RECENT: timedelta(hours=1), WHOLE_FROM: timedelta(hours=36)}


def has_due_reconciliation(*, now: datetime) -> bool:
    """Tell whether a comparison of everything was begun and is not done."""
    rows = Cursor.objects.filter(name__in=(WHOLE_FROM, WHOLE_UNTIL))
    at = dict(rows.values_list("name", "read_until"))
    return len(at) == 2 and at[WHOLE_FROM] < at[WHOLE_UNTIL]


def list_late_reconciliations(*, now: datetime) -> list[Stuck]:
    """Return the comparisons that have not got ahead for too long."""
    return [
        Stuck("shop", number, "reconciliation_late", f"{name} has come to {row.read_until:%F %T}")
        for number, (name, age) in enumerate(LATE_AFTER.items())
        for row in Cursor.objects.filter(name=name, read_until__lt=now - age)
    ]
