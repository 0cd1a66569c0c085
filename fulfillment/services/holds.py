"""Requests of held orders stay here; what has left for the warehouse stays there, with an alarm.

Which orders are held, and why, is the business of orders: here a request only knows that it is.
"""

from datetime import datetime

from django.db import transaction

from fulfillment.models import Fulfillment
from fulfillment.services.steps import move
from fulfillment.states import ENDED, HERE, FulfillmentState
from globalmart.core.alerts import close_alert, open_alert

S = FulfillmentState
ALERT = "parcel_to_stop"


@transaction.atomic
def hold(*, order_id: int, now: datetime) -> list[str]:
    """Send no request of the order any more; return the references that may have left already.

    The caller holds the order's lock. The second telling changes nothing.
    """
    left = []
    for row in Fulfillment.objects.filter(order_id=order_id).exclude(state__in=ENDED).locked():
        row.is_held = True
        if row.state == S.READY:
            park(row, now)
        elif row.state not in HERE:
            left.append(row.reference)
            alert_parcel(row)
        row.save()
    return left


def park(row: Fulfillment, now: datetime) -> None:
    """Put a ready request of a held order aside; the caller saves the locked row."""
    move(row, S.ON_HOLD, now)
    row.rest()


def alert_parcel(row: Fulfillment) -> None:
    """Tell a person that a held order's request is, or may be, with the warehouse."""
    open_alert(
        kind=ALERT,
        subject_type="order",
        subject_id=row.order_id,
        detail=f"The order is on hold, and {row.reference} has left for the warehouse: "
        "stop the parcel there",
    )


def parcel_stopped(row: Fulfillment, now: datetime) -> None:
    """Nothing of this request will leave: close the alarm, unless another request of the order
    may be with the warehouse."""
    others = Fulfillment.objects.filter(order_id=row.order_id).exclude(pk=row.pk)
    if row.is_held and not others.exclude(state__in=HERE | ENDED).exists():
        close_alert(kind=ALERT, subject_type="order", subject_id=row.order_id, now=now)


@transaction.atomic
def resume(*, order_id: int, now: datetime, not_before: datetime | None = None) -> None:
    """Let the order's requests go, from `not_before` (UTC) on: the last hold has been released.

    The caller holds the order's lock. The second telling changes nothing.
    """
    for row in Fulfillment.objects.filter(order_id=order_id, is_held=True).locked():
        row.is_held = False
        if row.state == S.ON_HOLD:
            ready_at = max(now, not_before or now)
            move(row, S.READY, ready_at)
            row.due_at, row.tries, row.absent_since = ready_at, 0, None
        row.save()
    close_alert(kind=ALERT, subject_type="order", subject_id=order_id, now=now)
