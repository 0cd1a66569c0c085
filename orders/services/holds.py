"""Stop what has not left, and let it go again. Each step locks the order, then its requests."""

from datetime import datetime

from django.db import transaction

from fulfillment.services import holds as requests
from globalmart.core import outbox, timeline
from orders import events
from orders.models import Order, OrderHold
from orders.queries.holds import is_held
from orders.states import AT_REST, RELEASED_BY_SYSTEM, HoldKind, OrderState
from payments import queries as payments

# Between these and the warehouse nothing stands but a hold.
ON_ITS_WAY = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)
MOST_REASON = 300


class HoldStays(Exception):
    """The hold may not be released: not by this actor, or not yet. The text is for staff."""


@transaction.atomic
def place(*, order_id: int, kind: HoldKind, reason: str, actor: str, now: datetime) -> bool:
    """Put an order on hold; tell whether it was not on this kind of hold yet.

    An order of which nothing is left to ship is left alone. What the warehouse may have already
    stays there, with an alert. Raises ValueError without a reason.
    """
    reason = _reason(reason)
    order = Order.objects.locked().get(pk=order_id)
    if order.state in AT_REST or _open(order_id, kind) is not None:
        return False
    OrderHold.objects.create(order=order, kind=kind, reason=reason, placed_by=actor, placed_at=now)
    left = requests.hold(order_id=order_id, now=now)
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind="hold.placed",
        actor=actor,
        reason=reason,
        data={"hold": kind, **({"at_warehouse": left} if left else {})},
    )
    outbox.publish(events.OrderHoldPlaced(subject_id=order_id, kind=kind))
    return True


@transaction.atomic
def release(*, order_id: int, kind: HoldKind, reason: str, actor: str, now: datetime) -> bool:
    """Release the open hold of this kind; tell whether there was one.

    With the last one the order's requests go on their way. Raises HoldStays, and ValueError
    without a reason.
    """
    reason = _reason(reason)
    order = Order.objects.locked().get(pk=order_id)
    hold = _open(order_id, kind)
    if hold is None:
        return False
    _check_may_release(hold, actor)
    hold.released_by, hold.released_at, hold.release_reason = actor, now, reason
    hold.save(update_fields=["released_by", "released_at", "release_reason"])
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind="hold.released",
        actor=actor,
        reason=reason,
        data={"hold": kind},
    )
    outbox.publish(events.OrderHoldReleased(subject_id=order_id, kind=kind))
    if not is_held(order_id=order_id) and order.state not in AT_REST:
        requests.resume(order_id=order_id, now=now, not_before=order.waits_until)
    return True


def _reason(text: str) -> str:
    found = text.strip()[:MOST_REASON]
    if not found:
        raise ValueError("a hold is placed and released for a reason")
    return found


def _open(order_id: int, kind: HoldKind) -> OrderHold | None:
    rows = OrderHold.objects.filter(order_id=order_id, kind=kind, released_at__isnull=True)
    return rows.locked().first()


def _check_may_release(hold: OrderHold, actor: str) -> None:
    if hold.kind not in RELEASED_BY_SYSTEM and not actor.startswith("staff:"):
        raise HoldStays("A person decides about this hold.")
    if hold.kind == HoldKind.PAYMENT and not payments.is_secured(order_id=hold.order_id):
        raise HoldStays("The order's money is neither held nor captured.")


@transaction.atomic
def hold_for_dispute(*, order_id: int, now: datetime) -> None:
    """A dispute, or an inquiry, was opened: stop what has not left, unless it is over already."""
    Order.objects.locked().get(pk=order_id)
    if payments.stops_shipping(order_id=order_id):
        place(
            order_id=order_id,
            kind=HoldKind.DISPUTE,
            reason="The customer's bank disputes the payment",
            actor="system",
            now=now,
        )


@transaction.atomic
def release_after_dispute(*, order_id: int, now: datetime) -> None:
    """A dispute was won: let the order go, unless another one is open or was lost."""
    Order.objects.locked().get(pk=order_id)
    if not payments.stops_shipping(order_id=order_id):
        release(
            order_id=order_id,
            kind=HoldKind.DISPUTE,
            reason="No dispute is open, and none was lost",
            actor="system",
            now=now,
        )


@transaction.atomic
def hold_for_fraud_warning(*, order_id: int, now: datetime) -> None:
    """The card's network calls the payment fraudulent: a person decides before anything leaves."""
    Order.objects.locked().get(pk=order_id)
    if payments.has_fraud_warning(order_id=order_id):
        place(
            order_id=order_id,
            kind=HoldKind.FRAUD_WARNING,
            reason="The card's network calls the payment fraudulent",
            actor="system",
            now=now,
        )


@transaction.atomic
def hold_for_payment(*, order_id: int, now: datetime) -> None:
    """Held money is gone: goods do not leave without money. Before the order is confirmed nothing
    could leave anyway."""
    order = Order.objects.locked().get(pk=order_id)
    if order.state in ON_ITS_WAY and not payments.is_secured(order_id=order_id):
        place(
            order_id=order_id,
            kind=HoldKind.PAYMENT,
            reason="The money for the order is not held any more",
            actor="system",
            now=now,
        )


@transaction.atomic
def release_if_paid(*, order_id: int, now: datetime) -> None:
    """Money was held or captured: let the order go, if that covers it."""
    Order.objects.locked().get(pk=order_id)
    if payments.is_secured(order_id=order_id):
        release(
            order_id=order_id,
            kind=HoldKind.PAYMENT,
            reason="The order is covered again",
            actor="system",
            now=now,
        )
