"""What is due, and what has waited for too long."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from fulfillment.models import Fulfillment, Reservation, Shipment, ShipmentEvent, Warehouse
from fulfillment.states import FULFILLMENT_AGE, RESERVATION_AGE, SHIPMENT_AGE, ReservationState
from globalmart.core.choreography import MOST_STUCK, Stuck


def has_due_requests(*, now: datetime) -> bool:
    """Tell whether a request waits to be sent or looked up."""
    return Fulfillment.objects.due(now=now).exists()


def has_due_polls(*, now: datetime) -> bool:
    """Tell whether a warehouse is to be asked for changes."""
    return Warehouse.objects.due(now=now).exists()


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return requests older in their state than the state's age."""
    return [
        Stuck(
            "order",
            row.order_id,
            "fulfillment_stuck",
            f"{row.reference} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in FULFILLMENT_AGE.items()
        for row in Fulfillment.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]


def list_stuck_backorders(*, now: datetime) -> list[Stuck]:
    """Return orders that have waited for units longer than a back-order may."""
    since = now - RESERVATION_AGE[ReservationState.BACKORDERED]
    rows = Reservation.objects.filter(
        state=ReservationState.BACKORDERED, backordered_at__lt=since
    ).order_by("backordered_at")
    return [
        Stuck(
            "order",
            row.order_id,
            "backorder_stuck",
            f"It has waited for {row.quantity - row.shipped} x {row.sku} "
            f"since {row.backordered_at:%F %T}",
        )
        for row in rows[:MOST_STUCK]
    ]


# With the pauses between them, tries of some five minutes.
MANY_TRIES = 10


def list_down_warehouses(*, now: datetime) -> list[Stuck]:
    """Return warehouses that are polled and have not answered for too long."""
    since = now - timedelta(minutes=settings.WMS_DOWN_MINUTES)
    silent = Q(polled_at__lt=since) | Q(polled_at__isnull=True, tries__gte=MANY_TRIES)
    return [
        Stuck(
            "warehouse",
            row.pk,
            "warehouse_down",
            f"{row.code} has not answered "
            + (f"since {row.polled_at:%F %T}" if row.polled_at else "yet")
            + f": {row.last_error or 'it was not asked'}",
        )
        for row in Warehouse.objects.filter(silent, due_at__isnull=False).order_by("pk")
    ]


def list_late_counts(*, now: datetime) -> list[Stuck]:
    """Return warehouses that answer, and whose counts or changes of stock have not been read for
    three times the pause between two readings, and not for `WMS_DOWN_MINUTES`; or never were, and
    the last poll has failed.
    """
    down = timedelta(minutes=settings.WMS_DOWN_MINUTES)
    pauses = {
        "counted_at": timedelta(hours=settings.WMS_COUNT_HOURS),
        "stock_read_at": timedelta(seconds=settings.WMS_STOCK_SECONDS),
    }
    late = Q(pk__in=())
    for field, pause in pauses.items():
        if pause > timedelta(0):
            never = Q(**{f"{field}__isnull": True}) & ~Q(last_error="")
            late |= Q(**{f"{field}__lt": now - max(down, 3 * pause)}) | never
    rows = Warehouse.objects.filter(
        late, is_active=True, due_at__isnull=False, polled_at__gte=now - down
    )
    return [
        Stuck(
            "warehouse",
            row.pk,
            "warehouse_counts_late",
            f"{row.code} was last counted {_moment(row.counted_at)}, and its changes of stock last "
            f"read {_moment(row.stock_read_at)}: {row.last_error or 'the last poll went well'}",
        )
        for row in rows.order_by("pk")
    ]


def _moment(at: datetime | None) -> str:
    return f"{at:%F %T}" if at else "never"


def list_stuck_parcels(*, now: datetime) -> list[Stuck]:
    """Return parcels of which nothing was heard for longer than their state allows.

    Where no carrier has ever told anything, nobody can be waited for: their events are optional.
    """
    told = Exists(ShipmentEvent.objects.filter(shipment=OuterRef("pk")))
    return [
        Stuck(
            "order",
            row.order_id,
            "parcel_stuck",
            f"{row.public_id} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in SHIPMENT_AGE.items()
        for row in Shipment.objects.filter(
            told, state=state, state_changed_at__lt=now - age
        ).order_by("state_changed_at")[:MOST_STUCK]
    ]
