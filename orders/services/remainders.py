"""The rest of an order: units that are there for it and that nobody was asked for, and its end."""

from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import requests, stock
from orders.models import Order, OrderShortage
from orders.queries.holds import is_held
from orders.services import lifecycle
from orders.services.counting import count_allocated, count_parcels
from orders.states import OrderState

LIVE = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)


def ask_for_the_rest(order: Order, now: datetime) -> None:
    """Open requests for units that are there for the order and that nobody was asked for. The
    caller holds the order's lock, and has seen that no change of it is under way."""
    names = {line.sku: line.name for line in order.lines.order_by("position")}
    instead = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    names |= dict(instead.values_list("substitute_sku", "substitute_name"))
    requests.open_remainder(
        order_id=order.pk,
        order_number=order.number,
        service=order.shipping_method,
        ship_to=lifecycle.ship_to(order),
        names=names,
        now=now,
        not_before=order.waits_until,
        is_held=is_held(order_id=order.pk),
    )
    # What was waited for since before the order was confirmed is only held for it.
    stock.commit_reservations(order_id=order.pk)
    count_allocated(order)


@transaction.atomic
def end_if_over(*, order_id: int, actor: str, now: datetime) -> None:
    """Complete an order of which the rest was cancelled; end one of which all was."""
    order = Order.objects.locked().get(pk=order_id)
    lines = count_parcels(order)
    ahead = fulfillment.outlook(order_id=order_id)
    if ahead.coming or ahead.being_stopped:
        return
    if order.state in LIVE and all(line.cancelled == line.quantity for line in lines):
        lifecycle.cancel(order, actor=actor, now=now)
    else:
        lifecycle.complete_if_done(order, now)
