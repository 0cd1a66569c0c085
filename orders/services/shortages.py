"""Goods that a warehouse does not have: opened when it says so, settled by new stock or a choice.

Each step locks the order first. Money and stock follow in the same transaction.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import recalling, requests, stock
from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import Order, OrderLine, OrderShortage
from orders.queries.cancellations import is_cancelling, not_coming
from orders.queries.changes import LIVE, is_changing
from orders.queries.shortages import (
    OPEN,
    is_coming,
    is_missing,
    list_unasked,
    skus_of,
    warehouse_of,
)
from orders.services.counting import count_allocated, count_parcels
from orders.services.remainders import ask_for_the_rest
from orders.states import SHORTAGE, ShortageState

S = ShortageState
# Why a request is taken back of which a part is on back-order: for the warehouse and the timeline.
NOT_THERE = "not all of it is there"


@transaction.atomic
def open_shortages(*, order_id: int, fulfillment_id: int, now: datetime) -> int:
    """A warehouse has closed a request short: ask the customer about each line of it.

    Returns how many were opened; a second telling opens none. Nobody is asked about units that
    have left, come from elsewhere, or were given up. What nobody is to be asked about, because the
    order is being cancelled or has ended, is settled with that.
    """
    order = Order.objects.locked().get(pk=order_id)
    if order.state not in LIVE:
        return 0
    of_sku = _lines_by_sku(order)
    left = not_coming(
        order=order, lines=count_parcels(order), ahead=fulfillment.outlook(order_id=order_id)
    )
    opened = []
    for short in fulfillment.list_short(fulfillment_id=fulfillment_id):
        line = of_sku.get(short.sku)
        if line is None or line.shortages.filter(fulfillment_id=fulfillment_id).exists():
            continue
        others = sum(line.shortages.filter(state__in=OPEN).values_list("quantity", flat=True))
        quantity = min(short.quantity, left.get(line.position, 0) - others)
        if quantity <= 0:
            continue
        row = OrderShortage.objects.create(
            line=line,
            fulfillment_id=fulfillment_id,
            quantity=quantity,
            reason=short.reason,
            opened_at=now,
            state_changed_at=now,
        )
        opened.append(row)
        _tell(order, row, "", actor="warehouse", reason=short.reason)
    if opened and not is_cancelling(order_id=order_id):
        outbox.publish(events.GoodsShort(subject_id=order_id))
    return len(opened)


def _lines_by_sku(order: Order) -> dict[str, OrderLine]:
    """Return the order's lines by what is sent for them: their own SKU, or another instead."""
    rows = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    instead = {row.substitute_sku: row.line for row in rows.select_related("line")}
    return {**instead, **{line.sku: line for line in order.lines.all()}}


@transaction.atomic
def ask_about_backorders(*, order_id: int, now: datetime) -> int:
    """A count has taken units from the order: ask the customer about them, too.

    Returns how many lines were asked about; a second telling asks about none. What was to be sent
    together with such units goes without them: its requests are taken back and opened anew. Of what
    a warehouse was asked for already it says itself whether it ships, so nobody is asked yet.
    """
    order = Order.objects.locked().get(pk=order_id)
    if order.state not in LIVE or is_changing(order_id=order_id):
        return 0
    requests.lock_requests(order_id=order_id)
    of_sku = _lines_by_sku(order)
    there = fulfillment.sent_for(order_id=order_id)
    opened = 0
    for (warehouse_id, sku), units in sorted(list_unasked(order_id=order_id).items()):
        line = of_sku.get(sku)
        if line is None or (warehouse_id, sku) in there:
            continue
        opened += 1
        row = OrderShortage.objects.create(
            line=line,
            warehouse_id=warehouse_id,
            sku=sku,
            quantity=units,
            opened_at=now,
            state_changed_at=now,
        )
        _tell(order, row, "", actor="warehouse", reason="")
        recalling.recall(
            order_id=order_id,
            fulfillment_ids=fulfillment.requests_for(
                order_id=order_id, warehouse_id=warehouse_id, sku=sku
            ),
            reason=NOT_THERE,
            actor="system",
            now=now,
        )
    if opened:
        ask_for_the_rest(order, now)
        outbox.publish(events.GoodsShort(subject_id=order_id))
    return opened


@transaction.atomic
def fill(*, order_id: int, now: datetime) -> None:
    """Units have come that the order waited for: ask the warehouse for them.

    Where the customer has not chosen yet, that is what they had ordered.
    """
    order = Order.objects.locked().get(pk=order_id)
    if order.state in LIVE and not is_changing(order_id=order_id):
        fill_what_came(order, now)
        ask_for_the_rest(order, now)


def fill_what_came(order: Order, now: datetime) -> None:
    """Settle what is not missing any more. The caller holds the order's lock."""
    rows = OrderShortage.objects.filter(line__order=order, state__in=OPEN).locked()
    filled = [row for row in rows if not is_missing(row)]
    for row in filled:
        if row.state == S.OPEN:
            row.chosen_by = "system"
            move(order, row, S.WAITING, actor="system", now=now)
        move(order, row, S.FILLED, actor="warehouse", now=now)
    if filled:
        ask_for_the_rest(order, now)


def give_up(order: Order, *, actor: str, now: datetime) -> None:
    """The rest of the order is cancelled: nobody waits for what is missing any more.

    What has come in and was asked for is not given up. The caller counts the units, and has locked
    order and account.
    """
    for row in OrderShortage.objects.filter(line__order=order, state__in=OPEN).locked():
        if is_coming(row):
            continue
        row.chosen_by = actor
        move(order, row, S.CANCELLED, actor=actor, now=now)
        stock.release_reservations(
            order_id=order.pk,
            warehouse_id=warehouse_of(row),
            skus=skus_of(row),
            now=now,
        )
    count_allocated(order)


def shrink(
    order: Order, given_up: Mapping[tuple[int, str], int], *, actor: str, now: datetime
) -> None:
    """Units on back-order were given up, by warehouse and SKU: so many fewer are missing. The
    caller holds the order's lock, and has counted them."""
    left = dict(given_up)
    for row in OrderShortage.objects.filter(line__order=order, state__in=OPEN).locked():
        here, fewer = warehouse_of(row), 0
        for key in {(here, sku) for sku in skus_of(row)} & left.keys():
            units = min(left[key], row.quantity - fewer)
            left[key] -= units
            fewer += units
        if fewer == row.quantity:
            row.chosen_by = actor
            move(order, row, S.CANCELLED, actor=actor, now=now)
        elif fewer:
            row.quantity -= fewer
            row.save(update_fields=["quantity"])


def move(
    order: Order, row: OrderShortage, state: ShortageState, *, actor: str, now: datetime
) -> None:
    """Take one step, and tell it. Raises IllegalTransition."""
    states.require(SHORTAGE, "shortage", row.state, state)
    before, row.state, row.state_changed_at = row.state, state, now
    row.save()
    _tell(order, row, before, actor=actor, reason=row.substitute_sku)


def _tell(order: Order, row: OrderShortage, before: str, *, actor: str, reason: str) -> None:
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind=f"shortage.{row.state}",
        before=before,
        after=row.state,
        actor=actor,
        reason=reason,
        data={"sku": row.line.sku, "units": row.quantity},
    )
