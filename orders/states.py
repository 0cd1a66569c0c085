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
    """What became of somebody's wish to cancel an order, or some of its units."""

    REQUESTED = "requested"  # the warehouse, or the bank, was asked and has not answered
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # goods have left, or could not be stopped


C = CancellationState
CANCELLATION: Table = {C.REQUESTED: frozenset({C.ACCEPTED, C.REJECTED})}
CANCELLATION_AGE: Ages = {C.REQUESTED: timedelta(hours=2)}


class CorrectionKind(models.TextChoices):
    """What of a placed order is put right."""

    CONTACT = "contact"  # how its customer is reached
    ADDRESS = "address"  # where its parcels go


class CorrectionState(models.TextChoices):
    """What became of somebody's wish to correct an order."""

    REQUESTED = "requested"  # the warehouse was asked to send the goods back to us first
    APPLIED = "applied"
    REJECTED = "rejected"  # all of it had left, or could not be stopped


COR = CorrectionState
CORRECTION: Table = {COR.REQUESTED: frozenset({COR.APPLIED, COR.REJECTED})}
CORRECTION_AGE: Ages = {COR.REQUESTED: timedelta(hours=2)}


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


class ReturnKind(models.TextChoices):
    """By what right goods come back."""

    RETURN = "return"  # the shop's own offer, within its window
    WITHDRAWAL = "withdrawal"  # Directive 2011/83/EU, Art. 9: nobody can decline it


class ReturnState(models.TextChoices):
    """How far goods that come back are."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    AWAITING_GOODS = "awaiting_goods"
    IN_TRANSIT = "in_transit"
    PARTIALLY_RECEIVED = "partially_received"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the goods never came


R = ReturnState
_ARRIVED = frozenset({R.PARTIALLY_RECEIVED, R.RECEIVED})
RETURN: Table = {
    R.REQUESTED: frozenset({R.APPROVED, R.DECLINED, R.CANCELLED}),
    R.APPROVED: frozenset({R.AWAITING_GOODS, R.CANCELLED}),
    R.AWAITING_GOODS: frozenset({R.IN_TRANSIT, R.CANCELLED, R.EXPIRED}) | _ARRIVED,
    R.IN_TRANSIT: frozenset({R.EXPIRED}) | _ARRIVED,
    R.PARTIALLY_RECEIVED: frozenset({R.RECEIVED}),
    R.RECEIVED: frozenset({R.INSPECTED}),
    R.INSPECTED: frozenset({R.CLOSED}),
}
RETURN_AGE: Ages = {
    R.REQUESTED: timedelta(days=2),
    R.APPROVED: timedelta(days=1),
    # Longer than the customer has to send them: what is overdue has ended by then.
    R.AWAITING_GOODS: timedelta(days=45),
    R.IN_TRANSIT: timedelta(days=45),
    R.PARTIALLY_RECEIVED: timedelta(days=14),
    R.RECEIVED: timedelta(days=3),
    R.INSPECTED: timedelta(days=3),
}
OPEN_RETURNS = tuple(RETURN)


class Reception(models.TextChoices):
    """What has come of the units of a return's line. They share one fate, or the line is split."""

    AWAITING = "awaiting"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    SHORT = "short"  # the parcel came without them
    WRONG_ITEM = "wrong_item"
    DAMAGED = "damaged"
    LOST_IN_TRANSIT = "lost_in_transit"
    NOT_RETURNED = "not_returned"


RC = Reception
CAME = (RC.RECEIVED, RC.WRONG_ITEM, RC.DAMAGED)
ABSENT = (RC.SHORT, RC.LOST_IN_TRANSIT, RC.NOT_RETURNED)
_ANY_END = frozenset({*CAME, *ABSENT})
RECEPTION: Table = {
    RC.AWAITING: frozenset({RC.IN_TRANSIT}) | _ANY_END,
    RC.IN_TRANSIT: _ANY_END,
    # A second parcel may bring what the first one lacked.
    RC.SHORT: frozenset(CAME),
    RC.LOST_IN_TRANSIT: frozenset(CAME),
}


class Decision(models.TextChoices):
    """What the inspection says: are the units taken back, and paid back?"""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NEEDS_REVIEW = "needs_review"


D = Decision
_DECIDED = frozenset({D.ACCEPTED, D.REJECTED})
DECISION: Table = {
    D.PENDING: frozenset({D.NEEDS_REVIEW}) | _DECIDED,
    D.NEEDS_REVIEW: _DECIDED,
}


class Disposition(models.TextChoices):
    """What becomes of units that came back."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    SCRAP = "scrap"
    RETURN_TO_CUSTOMER = "return_to_customer"


class DocumentKind(models.TextChoices):
    """What a numbered document says: money was taken, went back, or came back after that."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    REVERSAL = "credit_note_reversal"
