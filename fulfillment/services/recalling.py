"""Requests that are taken back for a change: what is still wanted is asked for anew, by another.

The handshake is that of `cancelling`; only that the order keeps what such a request had reserved.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from fulfillment.models import Fulfillment
from fulfillment.services.cancelling import want_stopped
from fulfillment.states import HERE, FulfillmentState


@transaction.atomic
def recall(
    *,
    order_id: int,
    fulfillment_ids: Collection[int],
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Take these requests of the order back; the order keeps their units.

    What was certainly never sent ends at once; of the rest the warehouse is asked, and its answers
    come as events. `reason` goes to the warehouse, too. The caller holds the order's lock; a second
    telling changes nothing.
    """
    rows = Fulfillment.objects.filter(order_id=order_id)
    for row in rows.locked():
        if row.pk in fulfillment_ids:
            want_stopped(row, reason, actor, now, keeps_units=True)


@transaction.atomic
def redirect(*, order_id: int, ship_to: Mapping[str, str]) -> None:
    """Write another address on the requests that the warehouse does not have: those that were never
    sent, and those that it refused. `ship_to` has the keys of ShipTo. The caller holds the order's
    lock."""
    for row in Fulfillment.objects.filter(order_id=order_id, state__in=HERE).locked():
        if row.first_sent_at is None or row.state == FulfillmentState.REJECTED:
            row.ship_to = dict(ship_to)
            row.save(update_fields=["ship_to"])
