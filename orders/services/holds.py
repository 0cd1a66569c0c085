"""Stop what has not left, and let it go again. Each step locks the order, then its requests."""

from datetime import datetime

from django.db import transaction

from fulfillment.services import holds as requests
from globalmart.core import outbox, timeline
from orders import events
from orders.models import Order, OrderHold
from orders.queries.holds import is_held
from orders.queries.shortages import waits_unasked
from orders.services.counting import count_allocated
from orders.states import AT_REST, RELEASED_BY_SYSTEM, HoldBlocks, HoldKind, OrderState
from payments import queries as payments

# Between these and the warehouse nothing stands but a hold.
ON_ITS_WAY = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)
MOST_REASON = 300
# What a kind stops where nobody says otherwise: disputed money is not moved by its customer.
BLOCKS = {HoldKind.DISPUTE: HoldBlocks.CHANGES, HoldKind.FRAUD_WARNING: HoldBlocks.CHANGES}
# Who sees to it that a hold ends; of one placed by hand, whoever placed it.
OWNERS = {
    HoldKind.DISPUTE: "payments",
    HoldKind.FRAUD_WARNING: "payments",
    HoldKind.PAYMENT: "payments",
    HoldKind.STOCK: "warehouse",
}

# Why the house places a hold by itself, and releases it.
BEGINS = {
    HoldKind.DISPUTE: "The customer's bank disputes the payment",
    HoldKind.FRAUD_WARNING: "The card's network calls the payment fraudulent",
    HoldKind.PAYMENT: "The money for the order is not held any more",
    HoldKind.STOCK: "The warehouse has less than was promised",
}
ENDS = {
    HoldKind.DISPUTE: "No dispute is open, and none was lost",
    HoldKind.PAYMENT: "The order is covered again",
    HoldKind.STOCK: "The order waits for no units any more",
}


class HoldStays(Exception):
    """The hold may not be released: not by this actor, or not yet. The text is for staff."""


@transaction.atomic
def place(
    *,
    order_id: int,
    kind: HoldKind,
    reason: str,
    actor: str,
    now: datetime,
    owner: str = "",
    expires_at: datetime | None = None,
    blocks: HoldBlocks | None = None,
) -> bool:
    """Put an order on hold; tell whether it was not on this kind of hold yet.

    It ends by itself at `expires_at` (UTC), if nobody has released it before; `owner` sees to it
    that it ends. `blocks` and `owner` are the kind's own where they are not given. An order of
    which nothing is left to ship is left alone. What the warehouse may have already stays there,
    with an alert. Raises ValueError without a reason, for an end that is past, and for one of a
    hold for lost money: time does not bring that back.
    """
    reason = _reason(reason)
    if expires_at is not None and (expires_at <= now or kind == HoldKind.PAYMENT):
        raise ValueError("this hold cannot end then by itself")
    order = Order.objects.locked().get(pk=order_id)
    if order.state in AT_REST or _open(order_id, kind) is not None:
        return False
    hold = OrderHold.objects.create(
        order=order,
        kind=kind,
        reason=reason,
        placed_by=actor,
        placed_at=now,
        owner=(owner or OWNERS.get(kind, actor))[:80],
        expires_at=expires_at,
        blocks=blocks or BLOCKS.get(kind, HoldBlocks.SHIPPING),
    )
    left = requests.hold(order_id=order_id, now=now)
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind="hold.placed",
        actor=actor,
        reason=reason,
        data=_facts(hold, left),
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
    _check_may_release(hold, actor, now)
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


def _facts(hold: OrderHold, left: list[str]) -> dict[str, object]:
    """What the timeline says of a hold, beside its reason."""
    facts: dict[str, object] = {"hold": hold.kind}
    if hold.expires_at is not None:
        facts["expires_at"] = hold.expires_at.isoformat()
    if left:
        facts["at_warehouse"] = left
    return facts


def _reason(text: str) -> str:
    found = text.strip()[:MOST_REASON]
    if not found:
        raise ValueError("a hold is placed and released for a reason")
    return found


def _open(order_id: int, kind: HoldKind) -> OrderHold | None:
    rows = OrderHold.objects.filter(order_id=order_id, kind=kind, released_at__isnull=True)
    return rows.locked().first()


def _check_may_release(hold: OrderHold, actor: str, now: datetime) -> None:
    is_over = hold.expires_at is not None and hold.expires_at <= now
    if not is_over and hold.kind not in RELEASED_BY_SYSTEM and not actor.startswith("staff:"):
        raise HoldStays("A person decides about this hold.")
    if hold.kind == HoldKind.PAYMENT and not payments.is_secured(order_id=hold.order_id):
        raise HoldStays("The order's money is neither held nor captured.")


@transaction.atomic
def expire(*, order_id: int, now: datetime) -> None:
    """Release the order's holds whose time is over."""
    Order.objects.locked().get(pk=order_id)
    over = OrderHold.objects.filter(
        order_id=order_id, released_at__isnull=True, expires_at__lte=now
    )
    for kind in over.order_by("pk").values_list("kind", flat=True):
        release(order_id=order_id, kind=HoldKind(kind), reason="expired", actor="system", now=now)


def _place_by_itself(order_id: int, kind: HoldKind, now: datetime) -> None:
    place(order_id=order_id, kind=kind, reason=BEGINS[kind], actor="system", now=now)


def _release_by_itself(order_id: int, kind: HoldKind, now: datetime) -> None:
    release(order_id=order_id, kind=kind, reason=ENDS[kind], actor="system", now=now)


@transaction.atomic
def hold_for_stock(*, order_id: int, now: datetime) -> None:
    """The warehouse has counted less than the order was promised: what is missing is waited for,
    unless it has come since. Where the customer is asked about it, the rest does not wait."""
    count_allocated(Order.objects.locked().get(pk=order_id))
    if waits_unasked(order_id=order_id):
        _place_by_itself(order_id, HoldKind.STOCK, now)


@transaction.atomic
def release_if_stocked(*, order_id: int, now: datetime) -> None:
    """Units came, were given up, or the customer is asked about them: let the order go, if it
    waits for none any more."""
    count_allocated(Order.objects.locked().get(pk=order_id))
    if not waits_unasked(order_id=order_id):
        _release_by_itself(order_id, HoldKind.STOCK, now)


@transaction.atomic
def hold_for_dispute(*, order_id: int, now: datetime) -> None:
    """A dispute, or an inquiry, was opened: stop what has not left, unless it is over already."""
    Order.objects.locked().get(pk=order_id)
    if payments.stops_shipping(order_id=order_id):
        _place_by_itself(order_id, HoldKind.DISPUTE, now)


@transaction.atomic
def release_after_dispute(*, order_id: int, now: datetime) -> None:
    """A dispute was won: let the order go, unless another one is open or was lost."""
    Order.objects.locked().get(pk=order_id)
    if not payments.stops_shipping(order_id=order_id):
        _release_by_itself(order_id, HoldKind.DISPUTE, now)


@transaction.atomic
def hold_for_fraud_warning(*, order_id: int, now: datetime) -> None:
    """The card's network calls the payment fraudulent: a person decides before anything leaves."""
    Order.objects.locked().get(pk=order_id)
    if payments.has_fraud_warning(order_id=order_id):
        _place_by_itself(order_id, HoldKind.FRAUD_WARNING, now)


@transaction.atomic
def hold_for_payment(*, order_id: int, now: datetime) -> None:
    """Held money is gone: goods do not leave without money. Before the order is confirmed nothing
    could leave anyway."""
    order = Order.objects.locked().get(pk=order_id)
    if order.state in ON_ITS_WAY and not payments.is_secured(order_id=order_id):
        _place_by_itself(order_id, HoldKind.PAYMENT, now)


@transaction.atomic
def release_if_paid(*, order_id: int, now: datetime) -> None:
    """Money was held or captured: let the order go, if that covers it."""
    Order.objects.locked().get(pk=order_id)
    if payments.is_secured(order_id=order_id):
        _release_by_itself(order_id, HoldKind.PAYMENT, now)
