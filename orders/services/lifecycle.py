"""The order's own machine: every step locks the order, checks the table, tells timeline and
outbox, in one transaction. The second telling of the same fact finds the state moved and does
nothing."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import requests, stock
from globalmart.core import outbox, states, timeline
from globalmart.core.failpoints import failpoint
from globalmart.core.models import TimelineEntry
from orders import events
from orders.models import Order
from orders.queries.cancellations import is_cancelling
from orders.queries.changes import is_changing
from orders.queries.holds import is_held
from orders.queries.preorders import start_of
from orders.queries.shares import shipped_minor
from orders.queries.shortages import has_open_shortage
from orders.services.counting import cancel_units, count_allocated, count_parcels
from orders.services.vouchers import give_voucher_back, lock_voucher, take_voucher_again
from orders.states import ORDER, OrderState, PaymentTiming
from payments import queries as payments
from payments.services import giving_back, planning
from payments.services.refunds import Reason


def move_order(
    order: Order, state: OrderState, event: outbox.Event, *, actor: str, now: datetime
) -> None:
    """Take one step of the order's machine: row, timeline and event in the caller's transaction,
    under the order's lock. Raises IllegalTransition."""
    states.require(ORDER, "order", order.state, state)
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind=f"order.{state}",
        before=order.state,
        after=state,
        actor=actor,
    )
    order.state = state
    order.state_changed_at = now
    order.version += 1
    order.save()
    outbox.publish(event)


@transaction.atomic
def confirm_order(*, order_id: int, actor: str, now: datetime) -> bool:
    """The money is held: confirm, commit the stock, open the request to the warehouse (Tx3).

    Goods that are still to come are asked for on their day, and charged now where that was told.
    Whatever comes for a cancelled order goes back, and one that somebody wants cancelled is not
    confirmed. Returns whether this call confirmed it.
    """
    order = Order.objects.locked().get(pk=order_id)
    if order.state == OrderState.CANCELLED:
        giving_back.give_back(order_id=order_id, now=now, reason=Reason.CANCELLED)
        return False
    is_late = order.state == OrderState.EXPIRED
    is_waiting = is_late or order.state == OrderState.PENDING_PAYMENT
    if not is_waiting or is_cancelling(order_id=order_id):
        return False
    if not payments.is_covered(order_id=order_id):
        return False
    if is_late and not _takes_again(order):
        _return_late_payment(order, now)
        return False
    order.confirmed_at = now
    order.waits_until = start_of(order.ships_from) if order.ships_from else None
    event = events.OrderConfirmed(subject_id=order.pk)
    move_order(order, OrderState.CONFIRMED, event, actor=actor, now=now)
    if order.payment_timing == PaymentTiming.AT_ORDER:
        planning.plan_capture(order_id=order_id, now=now)
    requests.open_fulfillment(
        order_id=order.pk,
        order_number=order.number,
        service=order.shipping_method,
        ship_to=ship_to(order),
        lines=[
            requests.Wanted(sku=line.sku, name=line.name, quantity=line.quantity)
            for line in order.lines.order_by("position")
        ],
        now=now,
        not_before=order.waits_until,
        is_held=is_held(order_id=order.pk),
    )
    stock.commit_reservations(order_id=order.pk)
    failpoint("CP28", order=order.pk)
    return True


def _takes_again(order: Order) -> bool:
    """Take once more what an expired order had: its voucher, and its stock."""
    quantities = {line.sku: line.quantity for line in order.lines.all()}
    try:
        with transaction.atomic():
            if not take_voucher_again(order=order):
                return False
            planning.lock_account(order_id=order.pk)
            stock.reserve(order_id=order.pk, quantities=quantities, promised_on=order.ships_from)
    except stock.OutOfStock:
        return False
    count_allocated(order)
    return True


def _return_late_payment(order: Order, now: datetime) -> None:
    """The money came after the order's end, and its goods, or its voucher, are gone: give it back
    and say so."""
    giving_back.give_back(order_id=order.pk, now=now)
    if TimelineEntry.objects.filter(
        subject_type="order", subject_id=order.pk, kind="order.late_payment_returned"
    ).exists():
        return
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind="order.late_payment_returned",
        actor="system",
        reason="the order had ended, and its goods or its voucher could not be had again",
    )
    outbox.publish(events.LatePaymentReturned(subject_id=order.pk))


def ship_to(order: Order, address: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return where its parcels go, or would go, with the keys of the warehouse's request."""
    address = address or order.shipping_address
    parts = ("name", "line1", "line2", "city", "region", "postal_code", "country")
    return {**{part: address.get(part, "") for part in parts}, "phone": order.phone}


@transaction.atomic
def start_fulfillment(*, order_id: int, now: datetime) -> None:
    """The warehouse has accepted the request; where the house captures then, so it does."""
    order = Order.objects.locked().get(pk=order_id)
    if order.state == OrderState.CONFIRMED:
        event = events.OrderInFulfillment(subject_id=order.pk)
        move_order(order, OrderState.IN_FULFILLMENT, event, actor="warehouse", now=now)
    capture_on_acceptance(order, now)


def capture_on_acceptance(order: Order, now: datetime) -> None:
    """Where the house captures once the warehouse has accepted, have that done, unless the order
    has ended or is to be changed. The caller holds the order's lock."""
    is_live = order.state == OrderState.IN_FULFILLMENT and not is_changing(order_id=order.pk)
    if settings.CAPTURE_AT == "acceptance" and is_live:
        planning.plan_capture(order_id=order.pk, now=now)


@transaction.atomic
def record_shipment(*, order_id: int, now: datetime) -> None:
    """Goods have left: count them on the lines and plan the capture."""
    order = Order.objects.locked().get(pk=order_id)
    if order.state == OrderState.CONFIRMED:
        # The parcel overtook the warehouse's acceptance.
        event = events.OrderInFulfillment(subject_id=order.pk)
        move_order(order, OrderState.IN_FULFILLMENT, event, actor="warehouse", now=now)
    lines = count_parcels(order)
    planning.plan_capture(order_id=order_id, now=now, amount_minor=shipped_minor(order, lines))
    complete_if_done(order, now)


@transaction.atomic
def record_capture(*, order_id: int, now: datetime) -> None:
    """Money was captured: the order may be complete."""
    complete_if_done(Order.objects.locked().get(pk=order_id), now)


def complete_if_done(order: Order, now: datetime) -> None:
    """Every line shipped or cancelled, all that is due captured, no customer asked: nothing is
    left to do. The caller holds the order's lock."""
    if order.state != OrderState.IN_FULFILLMENT or has_open_shortage(order_id=order.pk):
        return
    lines = list(order.lines.all())
    is_over = all(line.shipped + line.cancelled == line.quantity for line in lines)
    if is_over and any(line.shipped for line in lines) and payments.is_settled(order_id=order.pk):
        order.completed_at = now
        event = events.OrderCompleted(subject_id=order.pk)
        move_order(order, OrderState.COMPLETED, event, actor="system", now=now)


def cancel(order: Order, *, actor: str, now: datetime) -> None:
    """End an order of which nothing has left and nothing will: units, money and stock go back.

    The caller holds the order's lock and has seen that every request was cancelled, or that no
    payment is open. Raises IllegalTransition, and ValueError while goods may still leave.
    """
    lines = order.lines.all()
    if any(line.shipped for line in lines):
        raise ValueError("goods of the order have left")
    ahead = fulfillment.outlook(order_id=order.pk)
    if ahead.coming or ahead.being_stopped:
        raise ValueError("goods of the order may still leave")
    give_voucher_back(order=order, now=now)
    cancel_units(order, {line.position: line.quantity - line.cancelled for line in lines})
    event = events.OrderCancelled(subject_id=order.pk)
    move_order(order, OrderState.CANCELLED, event, actor=actor, now=now)
    giving_back.give_back(order_id=order.pk, now=now, reason=Reason.CANCELLED)
    stock.release_reservations(order_id=order.pk, now=now)
    count_allocated(order)


@transaction.atomic
def let_money_go(*, order_id: int, now: datetime) -> None:
    """Give back whatever is still held or captured for a cancelled order."""
    order = Order.objects.locked().get(pk=order_id)
    if order.state == OrderState.CANCELLED:
        giving_back.give_back(order_id=order_id, now=now, reason=Reason.CANCELLED)


@transaction.atomic
def expire_order(*, order_id: int, now: datetime) -> None:
    """End an order that was not paid in time, and give its stock back.

    The clock alone ends nothing: first the live attempt is cancelled and seen cancelled (the
    event of that comes back here), and only then the stock is released.
    """
    order = Order.objects.locked().get(pk=order_id)
    is_overdue = order.payment_due_at is not None and order.payment_due_at <= now
    if order.state != OrderState.PENDING_PAYMENT or not is_overdue:
        return
    if is_cancelling(order_id=order_id):
        # It ends as what somebody wanted: see cancelling.
        return
    if payments.is_covered(order_id=order_id):
        confirm_order(order_id=order_id, actor="system", now=now)
        return
    # Locked before the account, though it goes back only where the attempt is over.
    lock_voucher(order=order)
    if not planning.plan_cancel(order_id=order_id, now=now):
        return
    # Somebody may have captured a part at Stripe: nobody gets goods for it.
    giving_back.give_back(order_id=order_id, now=now)
    give_voucher_back(order=order, now=now)
    event = events.OrderExpired(subject_id=order.pk)
    move_order(order, OrderState.EXPIRED, event, actor="system", now=now)
    stock.release_reservations(order_id=order_id)
    count_allocated(order)
