"""Goods that a warehouse will not ship: opened when it says so, settled by a choice or new stock.

Each step locks the order first. Money and stock follow in the same transaction.
"""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import requests, stock, swapping
from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import Order, OrderLine, OrderShortage
from orders.queries.cancellations import is_cancelling, not_coming
from orders.queries.holds import blocks_changes, is_held
from orders.queries.shortages import OPEN, is_coming, is_missing, list_offers, skus_of
from orders.services import holds, lifecycle, shrinking
from orders.services.counting import cancel_units, count_allocated, count_parcels
from orders.states import SHORTAGE, OrderState, ShortageState
from payments.services import planning

S = ShortageState
LIVE = (OrderState.CONFIRMED, OrderState.IN_FULFILLMENT)


class Choice(StrEnum):
    """What a customer can do about missing goods."""

    WAIT = "wait"
    CANCEL = "cancel"
    SUBSTITUTE = "substitute"


# A choice as a form sends it: one word, or the word and what is to be sent instead.
INSTEAD = "substitute:"


def read_choice(text: str) -> tuple[Choice, str]:
    """Return what was chosen, with the SKU of what is to be sent instead. Raises ValueError."""
    if text.startswith(INSTEAD):
        return Choice.SUBSTITUTE, text.removeprefix(INSTEAD)
    choice = Choice(text)
    if choice == Choice.SUBSTITUTE:
        raise ValueError("a substitute has a name")
    return choice, ""


class CannotChoose(Exception):
    """This choice is not there any more; the text is for the customer."""


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
def choose(
    *, order_id: int, shortage_id: int, choice: Choice, actor: str, now: datetime, sku: str = ""
) -> bool:
    """Settle missing goods: wait for them, go without, or take another product (`sku`) instead.

    The choice that was made already changes nothing; tells whether this call made it. Who waits
    may still choose otherwise. Raises CannotChoose, and OrderShortage.DoesNotExist.
    """
    order = Order.objects.locked().get(pk=order_id)
    planning.lock_account(order_id=order_id)
    rows = OrderShortage.objects.filter(line__order=order)
    row = rows.locked().get(pk=shortage_id)
    # Who records a parcel holds its request, and wants stock next.
    requests.lock_requests(order_id=order_id)
    if _is_chosen(row, choice, sku):
        return False
    _check(order, row, choice, is_staff=actor.startswith("staff:"))
    row.chosen_by = actor
    STEPS[choice](order, row, sku, actor, now)
    return True


def _is_chosen(row: OrderShortage, choice: Choice, sku: str) -> bool:
    match choice:
        case Choice.WAIT:
            return row.state in (S.WAITING, S.FILLED)
        case Choice.CANCEL:
            return row.state == S.CANCELLED
        case Choice.SUBSTITUTE:
            return row.state == S.SUBSTITUTED and row.substitute_sku == sku


def _check(order: Order, row: OrderShortage, choice: Choice, *, is_staff: bool) -> None:
    if row.state not in OPEN:
        raise CannotChoose("This has been settled already.")
    if order.state not in LIVE or is_cancelling(order_id=order.pk):
        raise CannotChoose("The order has ended, or is being cancelled.")
    if choice != Choice.WAIT and is_coming(row):
        # Nothing may be taken from a request that is on its way.
        raise CannotChoose("These goods have come in, and are on their way to you.")
    if choice != Choice.WAIT and not is_staff and blocks_changes(order_id=order.pk):
        raise CannotChoose(
            "The payment for this order is being looked into. Until that is over you can only wait."
        )


def _wait(order: Order, row: OrderShortage, sku: str, actor: str, now: datetime) -> None:
    _move(order, row, S.WAITING, actor=actor, now=now)
    _fill(order, now)


def _cancel(order: Order, row: OrderShortage, sku: str, actor: str, now: datetime) -> None:
    _move(order, row, S.CANCELLED, actor=actor, now=now)
    cancel_units(order, {row.line.position: row.quantity})
    shrinking.follow_lines(order_id=order.pk, actor=actor, now=now)
    stock.release_reservations(
        order_id=order.pk,
        warehouse_id=fulfillment.warehouse_of(fulfillment_id=row.fulfillment_id),
        skus=skus_of(row),
        now=now,
    )
    count_allocated(order)
    holds.release_if_stocked(order_id=order.pk, now=now)
    end_if_over(order_id=order.pk, actor=actor, now=now)


def _substitute(order: Order, row: OrderShortage, sku: str, actor: str, now: datetime) -> None:
    offers = {offer.sku: offer for offer in list_offers(order=order, row=row)}
    if sku not in offers:
        raise CannotChoose("That has just been sold. Please choose again.")
    given_up = skus_of(row)
    row.substitute_sku, row.substitute_name = sku, offers[sku].name
    try:
        swapping.swap(
            order_id=order.pk,
            warehouse_id=fulfillment.warehouse_of(fulfillment_id=row.fulfillment_id),
            given_up=given_up,
            sku=sku,
            quantity=row.quantity,
            now=now,
            promised_on=fulfillment.earliest_ship_date(now=now),
        )
    except stock.OutOfStock as error:
        raise CannotChoose("That has just been sold. Please choose again.") from error
    _move(order, row, S.SUBSTITUTED, actor=actor, now=now)
    ask_for_the_rest(order, now)
    holds.release_if_stocked(order_id=order.pk, now=now)


STEPS = {Choice.WAIT: _wait, Choice.CANCEL: _cancel, Choice.SUBSTITUTE: _substitute}


@transaction.atomic
def fill(*, order_id: int, now: datetime) -> None:
    """Units have come that the order waited for: ask the warehouse for them.

    Where the customer has not chosen yet, that is what they had ordered.
    """
    order = Order.objects.locked().get(pk=order_id)
    if order.state in LIVE and not is_cancelling(order_id=order_id):
        _fill(order, now)
        ask_for_the_rest(order, now)


def _fill(order: Order, now: datetime) -> None:
    rows = OrderShortage.objects.filter(line__order=order, state__in=OPEN).locked()
    filled = [row for row in rows if not is_missing(row)]
    for row in filled:
        if row.state == S.OPEN:
            row.chosen_by = "system"
            _move(order, row, S.WAITING, actor="system", now=now)
        _move(order, row, S.FILLED, actor="warehouse", now=now)
    if filled:
        ask_for_the_rest(order, now)


def ask_for_the_rest(order: Order, now: datetime) -> None:
    """Open requests for units that are there for the order and that nobody was asked for."""
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


def give_up(order: Order, *, actor: str, now: datetime) -> None:
    """The rest of the order is cancelled: nobody waits for what is missing any more.

    What has come in and was asked for is not given up. The caller counts the units, and has locked
    order and account.
    """
    for row in OrderShortage.objects.filter(line__order=order, state__in=OPEN).locked():
        if is_coming(row):
            continue
        row.chosen_by = actor
        _move(order, row, S.CANCELLED, actor=actor, now=now)
        stock.release_reservations(
            order_id=order.pk,
            warehouse_id=fulfillment.warehouse_of(fulfillment_id=row.fulfillment_id),
            skus=skus_of(row),
            now=now,
        )
    count_allocated(order)


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


def _move(
    order: Order, row: OrderShortage, state: ShortageState, *, actor: str, now: datetime
) -> None:
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
