"""Orders of goods that were too far off for a hold: paid for by a link, once the goods are near."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from globalmart.core import outbox, timeline
from orders import events
from orders.models import Order
from orders.queries.orders import list_uninvited
from orders.queries.preorders import latest_ahead


@transaction.atomic
def invite(*, order_id: int, now: datetime) -> bool:
    """Ask the customer for the money, and give them PAY_LINK_HOURS; tell whether this call did.

    From here on the order is like any that waits for its payment. The day on which it ships is
    frozen anew: staff may have moved it.
    """
    order = Order.objects.locked().get(pk=order_id)
    if not list_uninvited(now=now, limit=1, order_id=order_id):
        return False
    days = order.lines.values_list("product__ships_from", flat=True)
    order.ships_from = latest_ahead(days, today=timezone.localdate(now))
    order.payment_due_at = now + timedelta(hours=settings.PAY_LINK_HOURS)
    order.waits_until = order.payment_due_at
    order.version += 1
    order.save()
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind="order.payment_invited",
        actor="system",
        reason=f"the goods are near: to be paid until {order.payment_due_at:%F %H:%M} UTC",
    )
    outbox.publish(events.PaymentInvited(subject_id=order_id))
    return True
