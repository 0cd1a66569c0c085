"""The state machine of an order, with the age past which a state alarms."""

from datetime import timedelta

from django.db import models

from globalmart.core.states import Ages, Table


class OrderState(models.TextChoices):
    DRAFT = "draft"
    PENDING_PAYMENT = "pending_payment"
    CONFIRMED = "confirmed"
    IN_FULFILLMENT = "in_fulfillment"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


S = OrderState
ORDER: Table = {
    S.DRAFT: frozenset({S.PENDING_PAYMENT, S.CANCELLED}),
    S.PENDING_PAYMENT: frozenset({S.CONFIRMED, S.EXPIRED, S.CANCELLED}),
    S.EXPIRED: frozenset({S.CONFIRMED}),
    S.CONFIRMED: frozenset({S.IN_FULFILLMENT, S.CANCELLED}),
    S.IN_FULFILLMENT: frozenset({S.COMPLETED, S.CANCELLED}),
    S.COMPLETED: frozenset({S.IN_FULFILLMENT}),
}
# What nothing is expected to follow, although late money or a replacement may reopen it.
AT_REST = (S.COMPLETED, S.CANCELLED, S.EXPIRED)
ORDER_AGE: Ages = {
    S.DRAFT: timedelta(days=30),
    S.PENDING_PAYMENT: timedelta(hours=2),
    S.CONFIRMED: timedelta(hours=1),
    S.IN_FULFILLMENT: timedelta(days=3),
}


class PaymentTiming(models.TextChoices):
    """When an order is paid for: a hold on a card does not outlive a long wait for the goods."""

    AT_SHIPMENT = "at_shipment"  # held with the order, captured as parcels leave
    AT_ORDER = "at_order"  # captured with the order, as the customer was told
    BY_INVITATION = "by_invitation"  # neither; a link to pay is sent when the goods are near


class HoldKind(models.TextChoices):
    """Why nothing of an order may leave."""

    DISPUTE = "dispute"
    FRAUD_WARNING = "fraud_warning"
    PAYMENT = "payment"
    STOCK = "stock"
    MANUAL = "manual"


class HoldBlocks(models.TextChoices):
    """What may not happen to an order while it is on hold."""

    SHIPPING = "shipping"  # nothing is sent to the warehouse
    CHANGES = "changes"  # nor may the customer cancel: the money is in dispute


# These end by themselves when their cause does; of the others a person decides.
RELEASED_BY_SYSTEM = (HoldKind.DISPUTE, HoldKind.PAYMENT, HoldKind.STOCK)


class CancellationState(models.TextChoices):
    """What became of somebody's wish to cancel a whole order."""

    REQUESTED = "requested"  # the warehouse, or the bank, was asked and has not answered
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # goods have left, or could not be stopped


C = CancellationState
CANCELLATION: Table = {C.REQUESTED: frozenset({C.ACCEPTED, C.REJECTED})}
CANCELLATION_AGE: Ages = {C.REQUESTED: timedelta(hours=2)}


class ShortageState(models.TextChoices):
    """What becomes of goods that the warehouse cannot ship."""

    OPEN = "open"  # the customer is asked
    WAITING = "waiting"  # they wait for new stock
    SUBSTITUTED = "substituted"  # something else is sent instead, at the same price
    CANCELLED = "cancelled"  # they go without, and do not pay for it
    FILLED = "filled"  # new stock came, and a new request was opened


SHO = ShortageState
SHORTAGE: Table = {
    SHO.OPEN: frozenset({SHO.WAITING, SHO.SUBSTITUTED, SHO.CANCELLED}),
    SHO.WAITING: frozenset({SHO.FILLED, SHO.SUBSTITUTED, SHO.CANCELLED}),
}
SHORTAGE_AGE: Ages = {SHO.OPEN: timedelta(days=3), SHO.WAITING: timedelta(days=30)}
