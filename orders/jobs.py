"""What orders does when told: handlers of events, and the expiry of what was not paid."""

from uuid import UUID

from django.utils import timezone

from globalmart.core import bell
from orders.queries.orders import list_unpaid_overdue
from orders.services import lifecycle

BATCH = 5_000


def on_payment_authorized(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Confirm the order, if its page has not done so already."""
    lifecycle.confirm_order(order_id=subject_id, actor="stripe", now=timezone.now())


def on_payment_captured(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Complete the order, if nothing is left to ship."""
    lifecycle.record_capture(order_id=subject_id, now=timezone.now())


def on_payment_closed(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """An attempt ended without money: an overdue order ends with it, another may be paid yet."""
    lifecycle.expire_order(order_id=subject_id, now=timezone.now())


def on_fulfillment_accepted(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """The warehouse has the order."""
    lifecycle.start_fulfillment(order_id=subject_id, now=timezone.now())


def on_shipment_dispatched(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Goods have left: count them, plan the capture."""
    lifecycle.record_shipment(order_id=subject_id, now=timezone.now())


def expire_unpaid() -> None:
    """Begin, or finish, the end of every unpaid order past its deadline."""
    bell.answer("orders.unpaid")
    for order_id in list_unpaid_overdue(now=timezone.now(), limit=BATCH):
        lifecycle.expire_order(order_id=order_id, now=timezone.now())
