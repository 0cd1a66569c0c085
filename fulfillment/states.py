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
_ANSWERED = _AT_WAREHOUSE | {F.READY, F.SUBMITTED, F.REJECTED, F.CANCELLED, F.INCOMPLETE}
FULFILLMENT: Table = {
    F.PLANNED: frozenset({F.ON_HOLD, F.READY, F.CANCELLED}),
    F.ON_HOLD: frozenset({F.PLANNED, F.READY, F.CANCELLED}),
    # A request that seemed not to have arrived is cancelled where it may be after all.
    F.READY: frozenset({F.ON_HOLD, F.SUBMITTING, F.CANCELLED, F.CANCELLATION_REQUESTED}),
    F.SUBMITTING: _ANSWERED | {F.SUBMIT_UNKNOWN},
    F.SUBMIT_UNKNOWN: _ANSWERED | {F.SUBMITTING},
    # Cancelled unasked, and a person has said that this is true.
    F.SUBMITTED: _AT_WAREHOUSE | {F.CANCELLED, F.INCOMPLETE},
    F.ACCEPTED: (_AT_WAREHOUSE - {F.ACCEPTED}) | {F.CANCELLED, F.INCOMPLETE},
    F.IN_PROGRESS: frozenset(
        {F.PARTIALLY_SHIPPED, F.SHIPPED, F.CANCELLATION_REQUESTED, F.CANCELLED, F.INCOMPLETE}
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
            F.INCOMPLETE,
            F.READY,
        }
    ),
}
# Not sent yet, or refused; the first three may have been sent, and found not to be there.
HERE = frozenset({F.PLANNED, F.ON_HOLD, F.READY, F.REJECTED})
IN_DOUBT = frozenset({F.SUBMITTING, F.SUBMIT_UNKNOWN})
# The warehouse has said that it has it; nothing has left yet.
THERE = frozenset({F.SUBMITTED, F.ACCEPTED, F.IN_PROGRESS})
ENDED = frozenset({F.SHIPPED, F.CANCELLED, F.INCOMPLETE})
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


class WaitsFor(models.TextChoices):
    """Who has to act before a request that does not get through can go on."""

    NOBODY = "nobody"  # the warehouse does not answer: it goes on by itself when it does
    STAFF = "staff"  # the warehouse refused what the request says
    WAREHOUSE = "warehouse"  # only the warehouse knows what became of it
    DEVELOPER = "developer"  # it cannot be written, or the answer cannot be read


class ShipmentState(models.TextChoices):
    LABEL_CREATED = "label_created"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    ATTEMPT_FAILED = "attempt_failed"
    EXCEPTION = "exception"
    EXPIRED = "expired"
    DELIVERED = "delivered"
    RETURNED_TO_SENDER = "returned_to_sender"
    LOST = "lost"
    VOIDED = "voided"


SH = ShipmentState
_ENDS = frozenset({SH.DELIVERED, SH.RETURNED_TO_SENDER, SH.LOST, SH.VOIDED})
_TROUBLE = frozenset({SH.ATTEMPT_FAILED, SH.EXCEPTION, SH.EXPIRED})
# Any jump ahead; a parcel in trouble may go on. What tells of the past does not lower the state.
_OUT = frozenset({SH.OUT_FOR_DELIVERY, SH.AVAILABLE_FOR_PICKUP}) | _TROUBLE | _ENDS
SHIPMENT: Table = {
    SH.LABEL_CREATED: _OUT | {SH.IN_TRANSIT},
    SH.IN_TRANSIT: _OUT,
    SH.OUT_FOR_DELIVERY: _OUT - {SH.OUT_FOR_DELIVERY},
    SH.AVAILABLE_FOR_PICKUP: _OUT - {SH.AVAILABLE_FOR_PICKUP, SH.OUT_FOR_DELIVERY},
    SH.ATTEMPT_FAILED: (_OUT | {SH.IN_TRANSIT}) - {SH.ATTEMPT_FAILED},
    SH.EXCEPTION: (_OUT | {SH.IN_TRANSIT}) - {SH.EXCEPTION},
    SH.EXPIRED: (_OUT | {SH.IN_TRANSIT}) - {SH.EXPIRED},
}
# Of how long nothing was heard. Thirty days without a scan, a parcel counts as expired.
SHIPMENT_AGE: Ages = {
    SH.LABEL_CREATED: timedelta(days=3),
    SH.IN_TRANSIT: timedelta(days=10),
    SH.OUT_FOR_DELIVERY: timedelta(days=2),
    SH.AVAILABLE_FOR_PICKUP: timedelta(days=14),
    SH.ATTEMPT_FAILED: timedelta(days=5),
    SH.EXCEPTION: timedelta(days=3),
    SH.EXPIRED: timedelta(days=1),
}


class ReservationState(models.TextChoices):
    HELD = "held"
    COMMITTED = "committed"
    CONSUMED = "consumed"
    RELEASED = "released"
    # The warehouse does not have what was promised; not counted as reserved.
    BACKORDERED = "backordered"


R = ReservationState
RESERVATION: Table = {
    R.HELD: frozenset({R.COMMITTED, R.RELEASED, R.BACKORDERED}),
    R.COMMITTED: frozenset({R.CONSUMED, R.RELEASED, R.BACKORDERED}),
    # The warehouse may ship after all what its count had denied.
    R.BACKORDERED: frozenset({R.HELD, R.COMMITTED, R.CONSUMED, R.RELEASED}),
    # What an order gave back when it expired it may take again.
    R.RELEASED: frozenset({R.HELD}),
}
# Held is for the order to end, committed for its request: their ages are those of both.
RESERVATION_AGE: Ages = {R.BACKORDERED: timedelta(days=14)}
