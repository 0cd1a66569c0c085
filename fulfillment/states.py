"""State machines of fulfillments, shipments and reservations, with the age that alarms."""

from datetime import timedelta

from django.db import models

from globalmart.core.states import Ages, Table


class FulfillmentState(models.TextChoices):
    PLANNED = "planned"
    ON_HOLD = "on_hold"
    READY = "ready"
    SUBMITTING = "submitting"
    SUBMIT_UNKNOWN = "submit_unknown"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    REJECTED = "rejected"
    CANCELLATION_REQUESTED = "cancellation_requested"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"


F = FulfillmentState
_AT_WAREHOUSE = frozenset(
    {F.ACCEPTED, F.IN_PROGRESS, F.PARTIALLY_SHIPPED, F.SHIPPED, F.CANCELLATION_REQUESTED}
)
FULFILLMENT: Table = {
    F.PLANNED: frozenset({F.ON_HOLD, F.READY, F.CANCELLED}),
    F.ON_HOLD: frozenset({F.PLANNED, F.READY, F.CANCELLED}),
    F.READY: frozenset({F.ON_HOLD, F.SUBMITTING, F.CANCELLED}),
    F.SUBMITTING: frozenset({F.READY, F.SUBMITTED, F.SUBMIT_UNKNOWN, F.REJECTED}) | _AT_WAREHOUSE,
    F.SUBMIT_UNKNOWN: frozenset({F.READY, F.SUBMITTING, F.SUBMITTED, F.REJECTED}) | _AT_WAREHOUSE,
    F.SUBMITTED: _AT_WAREHOUSE | {F.INCOMPLETE},
    F.ACCEPTED: (_AT_WAREHOUSE - {F.ACCEPTED}) | {F.INCOMPLETE},
    F.IN_PROGRESS: frozenset(
        {F.PARTIALLY_SHIPPED, F.SHIPPED, F.CANCELLATION_REQUESTED, F.INCOMPLETE}
    ),
    F.PARTIALLY_SHIPPED: frozenset({F.SHIPPED, F.INCOMPLETE}),
    F.REJECTED: frozenset({F.READY, F.CANCELLED}),
    F.CANCELLATION_REQUESTED: frozenset(
        {
            F.CANCELLED,
            F.SUBMITTED,
            F.ACCEPTED,
            F.IN_PROGRESS,
            F.PARTIALLY_SHIPPED,
            F.SHIPPED,
        }
    ),
}
FULFILLMENT_AGE: Ages = {
    F.PLANNED: timedelta(hours=1),
    F.ON_HOLD: timedelta(days=3),
    F.READY: timedelta(minutes=15),
    F.SUBMITTING: timedelta(minutes=5),
    F.SUBMIT_UNKNOWN: timedelta(minutes=15),
    F.SUBMITTED: timedelta(minutes=15),
    F.ACCEPTED: timedelta(days=1),
    F.IN_PROGRESS: timedelta(days=2),
    F.PARTIALLY_SHIPPED: timedelta(days=3),
    F.REJECTED: timedelta(minutes=15),
    F.CANCELLATION_REQUESTED: timedelta(hours=1),
}


class ShipmentState(models.TextChoices):
    LABEL_CREATED = "label_created"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"


class ReservationState(models.TextChoices):
    HELD = "held"
    COMMITTED = "committed"
    CONSUMED = "consumed"
    RELEASED = "released"


R = ReservationState
RESERVATION: Table = {
    R.HELD: frozenset({R.COMMITTED, R.RELEASED}),
    R.COMMITTED: frozenset({R.CONSUMED, R.RELEASED}),
}
