"""What the customer chooses about missing goods: wait for them, go without, or take another.

Each step locks the order first. Money and stock follow in the same transaction.
"""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import stock, swapping
from orders.models import Order, OrderShortage
from orders.queries.changes import LIVE, is_changing
from orders.queries.holds import blocks_changes
from orders.queries.shortages import OPEN, is_coming, list_offers, skus_of, warehouse_of
from orders.services import changing, holds, shortages, shrinking
from orders.services.counting import cancel_units, count_allocated
from orders.services.remainders import ask_for_the_rest, end_if_over
from orders.states import ShortageState

S = ShortageState


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
def choose(
    *, order_id: int, shortage_id: int, choice: Choice, actor: str, now: datetime, sku: str = ""
) -> bool:
    """Settle missing goods: wait for them, go without, or take another product (`sku`) instead.

    The choice that was made already changes nothing; tells whether this call made it. Who waits
    may still choose otherwise. Raises CannotChoose, and OrderShortage.DoesNotExist.
    """
    order = changing.lock(order_id)
    rows = OrderShortage.objects.filter(line__order=order)
    row = rows.locked().get(pk=shortage_id)
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
    if order.state not in LIVE or is_changing(order_id=order.pk):
        raise CannotChoose("The order has ended, or is being changed just now.")
    if choice != Choice.WAIT and is_coming(row):
        # Nothing may be taken from a request that is on its way.
        raise CannotChoose("These goods have come in, and are on their way to you.")
    if choice != Choice.WAIT and not is_staff and blocks_changes(order_id=order.pk):
        raise CannotChoose(
            "The payment for this order is being looked into. Until that is over you can only wait."
        )


def _wait(order: Order, row: OrderShortage, sku: str, actor: str, now: datetime) -> None:
    shortages.move(order, row, S.WAITING, actor=actor, now=now)
    shortages.fill_what_came(order, now)


def _cancel(order: Order, row: OrderShortage, sku: str, actor: str, now: datetime) -> None:
    shortages.move(order, row, S.CANCELLED, actor=actor, now=now)
    cancel_units(order, {row.line.position: row.quantity})
    shrinking.follow_lines(order_id=order.pk, actor=actor, now=now)
    stock.release_reservations(
        order_id=order.pk,
        warehouse_id=warehouse_of(row),
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
            warehouse_id=warehouse_of(row),
            given_up=given_up,
            sku=sku,
            quantity=row.quantity,
            now=now,
            promised_on=fulfillment.earliest_ship_date(now=now),
        )
    except stock.OutOfStock as error:
        raise CannotChoose("That has just been sold. Please choose again.") from error
    shortages.move(order, row, S.SUBSTITUTED, actor=actor, now=now)
    ask_for_the_rest(order, now)
    holds.release_if_stocked(order_id=order.pk, now=now)


STEPS = {Choice.WAIT: _wait, Choice.CANCEL: _cancel, Choice.SUBSTITUTE: _substitute}
