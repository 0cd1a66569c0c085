"""Units that are not wanted any more: the requests that hold them come back, the rest goes on."""

from collections.abc import Mapping
from datetime import datetime

from fulfillment import queries as fulfillment
from fulfillment.services import giving_up
from fulfillment.services.requests import lock_requests
from globalmart.core import outbox
from orders import events
from orders.models import Order, OrderCancellation
from orders.queries.cancellations import ALL_LEFT, PART_LEFT, not_coming, wanted_units
from orders.queries.changes import plan_recall, skus_by_line
from orders.services import changing, shortages, shrinking, wishes
from orders.services.counting import cancel_units, count_allocated, count_parcels


def stop_units(order: Order, row: OrderCancellation, now: datetime) -> None:
    """Take the requests back that hold the units; once nobody is asked any more, give up what of
    them is nobody's, and go on with the rest. The caller holds the locks of order and account."""
    lock_requests(order_id=order.pk)
    if fulfillment.outlook(order_id=order.pk).being_stopped:
        return
    wanted = wanted_units(row)
    planned = plan_recall(order=order, units=wanted)
    changing.recall(order, planned.keys, reason=row.reason, actor=row.requested_by, now=now)
    ahead = fulfillment.outlook(order_id=order.pk)
    if ahead.being_stopped:
        return
    free = not_coming(order=order, lines=count_parcels(order), ahead=ahead)
    given_up = {place: min(count, free.get(place, 0)) for place, count in wanted.items()}
    for each in row.lines.select_related("line"):
        each.given_up = given_up[each.line.position]
        each.save(update_fields=["given_up"])
    if given_up == wanted:
        wishes.accept(row, now)
        outbox.publish(events.UnitsCancelled(subject_id=order.pk, cancellation_id=row.pk))
    else:
        wishes.reject(row, PART_LEFT if any(given_up.values()) else ALL_LEFT, now)
    _let_units_go(order, row, given_up, now)
    changing.resume(order, actor=row.requested_by, now=now)


def _let_units_go(
    order: Order, row: OrderCancellation, given_up: Mapping[int, int], now: datetime
) -> None:
    cancel_units(order, given_up)
    shrinking.follow_lines(order_id=order.pk, actor=row.requested_by, now=now)
    skus = skus_by_line(order)
    waited_for = giving_up.give_up(
        order_id=order.pk,
        unwanted=[
            giving_up.Unwanted(skus=skus[place], units=count) for place, count in given_up.items()
        ],
        now=now,
    )
    shortages.shrink(order, waited_for, actor=row.requested_by, now=now)
    count_allocated(order)
