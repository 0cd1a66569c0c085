"""What orders does when told, and by the clock: invitations to pay, the expiry of the unpaid."""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from globalmart.core import bell
from orders.queries.holds import list_expired
from orders.queries.orders import list_uninvited, list_unpaid_overdue
from orders.queries.returns import list_overdue
from orders.services import (
    cancelling,
    correcting,
    documents,
    holds,
    invitations,
    leftovers,
    lifecycle,
    payment,
    shortages,
    shrinking,
    withdrawing,
)
from orders.services.returns import deciding, receiving, refunding

log = logging.getLogger(__name__)

BATCH = 5_000
BUDGET_SECONDS = 20


def on_payment_authorized(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Confirm the order, if its page has not done so already; money that was lost is back.

    One that somebody wants cancelled is not confirmed: its money is let go.
    """
    now = timezone.now()
    lifecycle.confirm_order(order_id=subject_id, actor="stripe", now=now)
    cancelling.go_on(order_id=subject_id, now=now)
    # What was withdrawn from before it was paid is not to leave.
    withdrawing.go_on(order_id=subject_id, now=now)
    holds.release_if_paid(order_id=subject_id, now=now)
    # What a count took before the order was paid nobody was asked about.
    shortages.ask_about_backorders(order_id=subject_id, now=now)
    holds.release_if_stocked(order_id=subject_id, now=now)


def on_payment_captured(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Complete the order, if nothing is left to ship; money that was lost is back.

    An order that has ended is confirmed again or gives the money back: its hold may have been
    captured at Stripe before our cancel came there. One that has become smaller gives a part back.
    """
    now = timezone.now()
    lifecycle.confirm_order(order_id=subject_id, actor="stripe", now=now)
    cancelling.go_on(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)
    shrinking.follow_lines(order_id=subject_id, actor="system", now=now)
    lifecycle.record_capture(order_id=subject_id, now=now)
    holds.release_if_paid(order_id=subject_id, now=now)
    refunding.go_on(order_id=subject_id, now=now)


def on_payment_hold_lost(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Goods do not leave without money; and a cancelled order keeps none."""
    now = timezone.now()
    holds.hold_for_payment(order_id=subject_id, now=now)
    lifecycle.let_money_go(order_id=subject_id, now=now)


def on_dispute_opened(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Goods do not leave while the customer's bank disputes their payment."""
    holds.hold_for_dispute(order_id=subject_id, now=timezone.now())


def on_dispute_won(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """The money is ours: the goods may go, and what was cancelled meanwhile goes back. After a
    lost dispute a person decides."""
    now = timezone.now()
    holds.release_after_dispute(order_id=subject_id, now=now)
    shrinking.follow_lines(order_id=subject_id, actor="system", now=now)
    refunding.go_on(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)


def on_hold_released(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Changes may go on: what was withdrawn from meanwhile is not to leave."""
    withdrawing.go_on(order_id=subject_id, now=timezone.now())


def on_fraud_warned(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Goods do not leave before a person has decided about the warning."""
    holds.hold_for_fraud_warning(order_id=subject_id, now=timezone.now())


def on_payment_closed(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """An attempt ended without money: an order that is overdue, or to be cancelled, ends with it;
    another may be paid yet."""
    now = timezone.now()
    end_unpaid(order_id=subject_id, now=now)
    payment.pay_again(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)


def on_fulfillment_accepted(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """The warehouse has the order."""
    lifecycle.start_fulfillment(order_id=subject_id, now=timezone.now())


def on_shipment_dispatched(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Goods have left: count them, plan the capture."""
    now = timezone.now()
    lifecycle.record_shipment(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)


def on_fulfillment_stopped(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """A request was cancelled, or could not be any more: is that the last answer?"""
    now = timezone.now()
    _carry_change_on(order_id=subject_id, now=now)
    leftovers.tell(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)


def on_closed_short(
    *, event_id: UUID, subject_id: int, fulfillment_id: int, **_later: object
) -> None:
    """The warehouse will not ship all of a request: ask the customer; or cancel what is left."""
    now = timezone.now()
    shortages.open_shortages(order_id=subject_id, fulfillment_id=fulfillment_id, now=now)
    holds.release_if_stocked(order_id=subject_id, now=now)
    _carry_change_on(order_id=subject_id, now=now)
    withdrawing.go_on(order_id=subject_id, now=now)


def _carry_change_on(*, order_id: int, now: datetime) -> None:
    """Carry on the one change of the order that may be open."""
    cancelling.go_on(order_id=order_id, now=now)
    correcting.go_on(order_id=order_id, now=now)


def on_refund_succeeded(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Money has gone back: what is due for a smaller order may sink with it."""
    shrinking.follow_refund(order_id=subject_id, now=timezone.now())


def on_refund_cancelled(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Somebody said no to a refund: what was kept for cancelled units is told to a person."""
    shrinking.follow_refund(order_id=subject_id, now=timezone.now())


def on_money_moved(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Money was taken, went back, or came back: write the invoice or the credit note."""
    documents.issue_due(order_id=subject_id, now=timezone.now())


def on_stock_backordered(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """The warehouse lacks units that the order was promised: ask the customer, or wait."""
    now = timezone.now()
    shortages.ask_about_backorders(order_id=subject_id, now=now)
    holds.hold_for_stock(order_id=subject_id, now=now)


def on_backorder_filled(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Units came that the order waited for."""
    now = timezone.now()
    holds.release_if_stocked(order_id=subject_id, now=now)
    shortages.fill(order_id=subject_id, now=now)


def on_return_received(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """A warehouse took something back: give it to its return."""
    receiving.match_receipt(receipt_id=subject_id, now=timezone.now())


def expire_returns() -> None:
    """End returns whose goods never came."""
    bell.answer("orders.returns")

    def expire(*, order_id: int, now: datetime) -> None:
        deciding.expire(return_id=order_id, now=now)

    _each(list_overdue(now=timezone.now(), limit=BATCH), expire)


def expire_holds() -> None:
    """Release holds whose time is over."""
    bell.answer("orders.holds")
    _each(list_expired(now=timezone.now(), limit=BATCH), holds.expire)


def expire_unpaid() -> None:
    """Begin, or finish, the end of unpaid orders past their deadline."""
    bell.answer("orders.unpaid")
    _each(list_unpaid_overdue(now=timezone.now(), limit=BATCH), end_unpaid)


def end_unpaid(*, order_id: int, now: datetime) -> None:
    """Carry on what ends an unpaid order: somebody's wish to cancel it, or its deadline."""
    cancelling.go_on(order_id=order_id, now=now)
    lifecycle.expire_order(order_id=order_id, now=now)


def invite_to_pay() -> None:
    """Ask for the money of orders whose goods have come near."""
    bell.answer("orders.invitations")
    _each(list_uninvited(now=timezone.now(), limit=BATCH), invitations.invite)


def _each(order_ids: Iterable[int], step: Callable[..., object]) -> None:
    """Take the step with each order for a bounded time; one that cannot be taken must not keep
    the others from theirs."""
    stop_at = time.monotonic() + BUDGET_SECONDS
    for order_id in order_ids:
        try:
            step(order_id=order_id, now=timezone.now())
        except Exception:
            log.exception("order %s cannot take its step yet", order_id)
        if time.monotonic() > stop_at:
            return
