"""What notifications does when told: handlers of events, and sending what is due."""

from uuid import UUID

from django.utils import timezone

from globalmart.core import bell
from globalmart.core.db import Lease
from globalmart.core.work import drain
from notifications.models import Message
from notifications.services import outgoing
from orders.queries import corrections, returns, withdrawals


def on_order_confirmed(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Confirm the order to the customer."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="order_confirmed",
        data={},
        now=timezone.now(),
    )


def on_shipment_dispatched(
    *, event_id: UUID, subject_id: int, shipment_id: int, **_later: object
) -> None:
    """Tell the customer that a parcel is on its way."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="shipment_dispatched",
        data={"shipment_id": shipment_id},
        now=timezone.now(),
    )


def on_payment_invited(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Ask the customer for the money: the goods are near."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="payment_invited",
        data={},
        now=timezone.now(),
    )


def on_pay_link_sent(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Send the link to pay for an order that was placed by telephone."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="pay_link",
        data={},
        now=timezone.now(),
    )


def on_late_payment_returned(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that money which came too late goes back."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="late_payment_returned",
        data={},
        now=timezone.now(),
    )


def on_order_cancelled(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that the order is cancelled, and what becomes of the money."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="order_cancelled",
        data={},
        now=timezone.now(),
    )


def on_cancellation_rejected(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that the order, or a part of it, had left."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="cancellation_rejected",
        data={},
        now=timezone.now(),
    )


def on_units_cancelled(
    *, event_id: UUID, subject_id: int, cancellation_id: int, **_later: object
) -> None:
    """Tell the customer which units are not sent, and what becomes of their money."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="units_cancelled",
        data={"cancellation_id": cancellation_id},
        now=timezone.now(),
    )


def on_contact_corrected(
    *, event_id: UUID, subject_id: int, correction_id: int, **_later: object
) -> None:
    """Tell the customer, where they are reached now and where they were before."""
    now = timezone.now()
    outgoing.queue_message(
        event_id=event_id, order_id=subject_id, kind="contact_corrected", data={}, now=now
    )
    if former := corrections.former_email(correction_id=correction_id):
        outgoing.queue_message(
            event_id=event_id,
            order_id=subject_id,
            kind=outgoing.ADDRESS_LEFT,
            data={},
            now=now,
            email=former,
        )


def on_address_corrected(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that what has not left goes to the new address."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="address_corrected",
        data={},
        now=timezone.now(),
    )


def on_address_kept(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that it was too late for another address."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="address_kept",
        data={},
        now=timezone.now(),
    )


def on_order_expired(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Tell the customer that the unpaid order has ended, with the way back to its basket."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="order_expired",
        data={},
        now=timezone.now(),
    )


def on_goods_short(*, event_id: UUID, subject_id: int, **_later: object) -> None:
    """Ask the customer what to do about goods that the warehouse does not have."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="goods_short",
        data={},
        now=timezone.now(),
    )


# What a return tells its customer of, by the state that it came to.
RETURN_KINDS = {
    "requested": "return_requested",
    "awaiting_goods": "return_approved",
    "declined": "return_declined",
    "partially_received": "return_received",
    "received": "return_received",
    "closed": "return_closed",
}


def on_return_moved(
    *, event_id: UUID, subject_id: int, return_id: int, state: str, **_later: object
) -> None:
    """Tell the customer how far a return is; of a state that is over already, nothing."""
    if state not in RETURN_KINDS or returns.get_return(return_id=return_id).state != state:
        return
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind=RETURN_KINDS[state],
        data={"return_id": return_id},
        now=timezone.now(),
    )


def on_withdrawal_received(
    *, event_id: UUID, subject_id: int, withdrawal_id: int, **_later: object
) -> None:
    """Send the receipt of a withdrawal at once, to the address that its customer gave."""
    outgoing.queue_message(
        event_id=event_id,
        order_id=subject_id,
        kind="withdrawal_received",
        data={"withdrawal_id": withdrawal_id},
        now=timezone.now(),
        email=withdrawals.get_statement(withdrawal_id=withdrawal_id).email,
    )


def send_due() -> None:
    """Send the messages that are due."""
    bell.answer("notifications.messages")

    def claim(limit: int) -> list[Lease]:
        return Message.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=outgoing.LEASE_SECONDS
        )

    drain(
        claim=claim,
        work=lambda each: outgoing.send_message(message_id=each.key, token=each.token),
        threads=4,
    )
