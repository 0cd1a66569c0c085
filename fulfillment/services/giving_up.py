"""Units that an order does not want any more, given back while it keeps the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from fulfillment.models import Reservation, Stock
from fulfillment.services import backorders, requests, shelves
from fulfillment.states import ReservationState

S = ReservationState
OPEN = (S.HELD, S.COMMITTED, S.BACKORDERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """So many units of any of these SKUs, which are sent for the same line of the order."""

    skus: frozenset[str]
    units: int


@transaction.atomic
def give_up(
    *, order_id: int, unwanted: Iterable[Unwanted], now: datetime
) -> dict[tuple[int, str], int]:
    """Give back units of the order that no request of it asks for: those on back-order first, then
    those of the warehouses that would be asked last. What comes free goes to who waits for it.

    Where there are fewer, it gives back those. Returns how many were on back-order, by the
    warehouse's key and the SKU. The caller holds the order's lock; each telling gives back more.
    """
    requests.lock_requests(order_id=order_id)
    rows = {(row.warehouse_id, row.sku): row for row in shelves.lock_of_order(order_id=order_id)}
    covered = requests.covered_units(order_id=order_id)
    found = Reservation.objects.filter(order_id=order_id, state__in=OPEN)
    last_first = list(found.order_by("-warehouse__priority", "-warehouse", "pk"))
    last_first.sort(key=lambda each: each.state != S.BACKORDERED)
    changed: dict[tuple[int, str], Stock] = {}
    waited_for: dict[tuple[int, str], int] = {}
    for each in unwanted:
        left = each.units
        for reservation in last_first:
            if reservation.sku not in each.skus:
                continue
            key = reservation.warehouse_id, reservation.sku
            free = reservation.quantity - max(reservation.shipped, covered.get(key, 0))
            units = max(0, min(left, free))
            left -= units
            if not units:
                continue
            if reservation.state == S.BACKORDERED:
                waited_for[key] = units
            else:
                rows[key].reserved -= units
                changed[key] = rows[key]
            _shrink(reservation, units)
    backorders.close_settled([order_id], now=now)
    backorders.fill_from(changed.values(), now=now)
    shelves.write(changed.values(), [], now=now)
    return waited_for


def _shrink(reservation: Reservation, units: int) -> None:
    if units == reservation.quantity - reservation.shipped:
        reservation.state, reservation.backordered_at = S.RELEASED, None
    else:
        reservation.quantity -= units
    reservation.save(update_fields=["state", "backordered_at", "quantity"])
