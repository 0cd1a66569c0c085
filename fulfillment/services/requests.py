"""Requests to warehouses: one for each that keeps goods of an order, opened once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, Max, Sum

from fulfillment.models import Fulfillment, FulfillmentLine, Reservation, Warehouse
from fulfillment.queries.promises import ship_by
from fulfillment.states import FulfillmentState, ReservationState

Counts = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One line to ship."""

    sku: str
    name: str
    quantity: int


def lock_requests(*, order_id: int) -> None:
    """Lock the order's requests ahead of its stock: the house's lock order."""
    list(Fulfillment.objects.filter(order_id=order_id).order_by("pk").locked())


def open_fulfillment(
    *,
    order_id: int,
    order_number: str,
    service: str,
    ship_to: Mapping[str, str],
    lines: Sequence[Wanted],
    now: datetime,
    not_before: datetime | None = None,
    promised_on: date | None = None,
    is_held: bool = False,
) -> int:
    """Insert the order's requests to the warehouses, ready and due, in the caller's transaction;
    those of an order on hold wait for its release. Return how many were opened.

    Each warehouse is asked for what is reserved there, whatever staff have made first since then;
    units on back-order are left for `open_remainder`. Goods that are still to come are ready from
    `not_before` (UTC) on: the requests are due, and their age counts, from then. `ship_to` has the
    keys of ShipTo. `promised_on` is the day promised to the customer; by default the warehouse's
    own calendar says it. The caller holds the order's lock; a second call finds them there.
    """
    return open_remainder(
        order_id=order_id,
        order_number=order_number,
        service=service,
        ship_to=ship_to,
        names={line.sku: line.name for line in lines},
        now=now,
        not_before=not_before,
        promised_on=promised_on,
        is_held=is_held,
    )


def open_remainder(
    *,
    order_id: int,
    order_number: str,
    service: str,
    ship_to: Mapping[str, str],
    names: Mapping[str, str],
    now: datetime,
    not_before: datetime | None = None,
    promised_on: date | None = None,
    is_held: bool = False,
) -> int:
    """Open further requests for units that are reserved for the order and that no request asks
    for: a back-order has been filled, or something else is sent instead.

    `names` tells what each SKU is called; a SKU without a name is asked for by its SKU. The rest
    is as in `open_fulfillment`. The caller holds the order's lock; a second call opens nothing.
    """
    ready_at = max(now, not_before or now)
    opened = _uncovered(order_id)
    for number, (warehouse, units) in enumerate(opened, start=_last_number(order_id) + 1):
        row = Fulfillment.objects.create(
            order_id=order_id,
            warehouse=warehouse,
            reference=f"{order_number}-{number}",
            number=number,
            order_number=order_number,
            service=service,
            ship_to=dict(ship_to),
            promised_on=promised_on or ship_by(warehouse=warehouse, asked_at=ready_at),
            state=FulfillmentState.ON_HOLD if is_held else FulfillmentState.READY,
            state_changed_at=now if is_held else ready_at,
            is_held=is_held,
            due_at=None if is_held else ready_at,
        )
        _add_lines(row, units, names)
        # Whoever ships must be listened to; the poll's own clock goes on from here.
        Warehouse.objects.filter(pk=warehouse.pk, due_at__isnull=True).update(due_at=now)
    return len(opened)


def _add_lines(row: Fulfillment, units: Counts, names: Mapping[str, str]) -> None:
    FulfillmentLine.objects.bulk_create(
        FulfillmentLine(fulfillment=row, sku=sku, name=names.get(sku, sku), quantity=units[sku])
        for sku in _in_order(units, names)
    )


def _in_order(units: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Sort SKUs as the order has them, others behind."""
    places = {sku: place for place, sku in enumerate(names)}
    return sorted(units, key=lambda sku: (places.get(sku, len(places)), sku))


def _last_number(order_id: int) -> int:
    found = Fulfillment.objects.filter(order_id=order_id).aggregate(last=Max("number"))
    return found["last"] or 0


def _uncovered(order_id: int) -> list[tuple[Warehouse, Counts]]:
    """Return by warehouse the units that the order has there and no request of it asks for.

    What a request asks for it covers even once that is shipped, for a reservation counts what is
    shipped, too; what the warehouse closed short it does not.
    """
    taken = Reservation.objects.filter(
        order_id=order_id, state__in=[ReservationState.HELD, ReservationState.COMMITTED]
    )
    covered = covered_units(order_id=order_id)
    found: dict[int, tuple[Warehouse, Counts]] = {}
    for row in taken.select_related("warehouse").order_by("warehouse__priority", "warehouse", "pk"):
        units = row.quantity - covered.get((row.warehouse_id, row.sku), 0)
        if units > 0:
            found.setdefault(row.warehouse_id, (row.warehouse, {}))[1][row.sku] = units
    return list(found.values())


def covered_units(*, order_id: int) -> dict[tuple[int, str], int]:
    """Return how many units the order's requests ask for, or have had shipped, by the warehouse's
    key and the SKU."""
    asked = (
        FulfillmentLine.objects.filter(fulfillment__order_id=order_id)
        .exclude(fulfillment__state=FulfillmentState.CANCELLED)
        .values("fulfillment__warehouse_id", "sku")
        .annotate(units=Sum(F("quantity") - F("short")))
    )
    return {(row["fulfillment__warehouse_id"], row["sku"]): row["units"] for row in asked}
