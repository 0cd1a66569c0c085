"""What is due, and what has waited for too long."""

from datetime import datetime

from fulfillment.models import Fulfillment, Reservation, Warehouse
from fulfillment.states import FULFILLMENT_AGE, RESERVATION_AGE, ReservationState
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
