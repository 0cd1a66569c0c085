"""What all changes of a placed order share: the goods come back first, then the rest goes on.

A change that needs the warehouse's word takes back the requests that stand in its way, and stays
open. Each answer comes as an event and carries it on; with the last one it is decided, and what is
still wanted is asked for by new requests, in that transaction: so no crash leaves goods behind.
"""

from collections.abc import Collection
from datetime import datetime

from fulfillment.services import recalling
from fulfillment.services.requests import lock_requests
from orders.models import Order
from orders.queries.changes import LIVE
from orders.services import holds, leftovers, lifecycle, shortages
from orders.services.remainders import ask_for_the_rest, end_if_over
from orders.services.vouchers import lock_voucher
from payments.services import planning


class CannotChange(Exception):
    """The order is past this change, or may not be changed now; the text is for the customer."""


def lock(order_id: int) -> Order:
    """Lock an order with its voucher, account and requests, in the house's order, and return it:
    how far its goods have come does not change before the commit. Raises Order.DoesNotExist."""
    order = Order.objects.locked().get(pk=order_id)
    lock_voucher(order=order)
    planning.lock_account(order_id=order_id)
    lock_requests(order_id=order_id)
    return order


def recall(
    order: Order, fulfillment_ids: Collection[int], *, reason: str, actor: str, now: datetime
) -> None:
    """Have these requests taken back; the order keeps their units. The caller holds the locks."""
    recalling.recall(
        order_id=order.pk, fulfillment_ids=fulfillment_ids, reason=reason, actor=actor, now=now
    )


def resume(order: Order, *, actor: str, now: datetime) -> None:
    """A change was decided: ask for what is still wanted, catch up on what came meanwhile, and end
    the order if nothing is left of it. The caller holds the locks."""
    if order.state in LIVE:
        # The warehouse may have accepted while nobody knew what becomes of the order.
        lifecycle.capture_on_acceptance(order, now)
        shortages.fill_what_came(order, now)
        ask_for_the_rest(order, now)
        shortages.ask_about_backorders(order_id=order.pk, now=now)
        holds.release_if_stocked(order_id=order.pk, now=now)
    end_if_over(order_id=order.pk, actor=actor, now=now)
    leftovers.tell(order_id=order.pk, now=now)
