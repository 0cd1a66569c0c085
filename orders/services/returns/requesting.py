"""Asking to send goods back: by the customer within the window, by staff whenever they like."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from globalmart.core.ids import return_number
from orders.models import Order, Return, ReturnLine, Withdrawal
from orders.queries import returns as queries
from orders.services.returns import deciding, steps
from orders.services.returns.steps import CannotReturn
from orders.states import ReturnKind, ReturnState

MOST_REASON = 200
METHODS = ("label", "own")
TOO_LATE = "The time to send something of this order back is over."


@transaction.atomic
def request_return(
    *,
    order_id: int,
    uuid: UUID,
    units: Mapping[int, int],
    reasons: Mapping[int, str],
    actor: str,
    now: datetime,
    method: str = "label",
    note: str = "",
) -> Return:
    """Ask to send units back, by the lines' positions; the same `uuid` asks once.

    Within the window it is approved at once, where `RETURN_AUTO_APPROVE` says so; what staff ask
    for always is. Raises CannotReturn: nothing was chosen, more than there is, or too late.
    """
    order = Order.objects.locked().get(pk=order_id)
    found = queries.find_by_uuid(order=order, uuid=uuid)
    if found is not None:
        return found
    is_staff = actor.startswith("staff:") or actor == steps.IMPORT
    until = queries.window_ends(order=order)
    if not is_staff and (until is None or now > until):
        raise CannotReturn(TOO_LATE)
    rma = open_return(
        order,
        uuid=uuid,
        units=units,
        reasons=reasons,
        actor=actor,
        now=now,
        method=method,
        note=note,
    )
    if is_staff or settings.RETURN_AUTO_APPROVE:
        deciding.approve(return_id=rma.pk, actor=actor if is_staff else "system", now=now)
        rma.refresh_from_db()
    return rma


def open_return(
    order: Order,
    *,
    uuid: UUID,
    units: Mapping[int, int],
    reasons: Mapping[int, str],
    actor: str,
    now: datetime,
    method: str = "label",
    note: str = "",
    withdrawal: Withdrawal | None = None,
) -> Return:
    """Open a return of units that were shipped and are asked back nowhere else.

    A withdrawal begins as approved: nobody is asked. The caller holds the order's lock. Raises
    CannotReturn.
    """
    chosen = {place: count for place, count in units.items() if count}
    check_units(order, chosen)
    is_withdrawal = withdrawal is not None
    reason = ", ".join(sorted({reasons.get(place, "") for place in chosen} - {""}))
    rma = Return.objects.create(
        order=order,
        withdrawal=withdrawal,
        number=return_number(),
        uuid=uuid,
        kind=ReturnKind.WITHDRAWAL if is_withdrawal else ReturnKind.RETURN,
        state=ReturnState.APPROVED if is_withdrawal else ReturnState.REQUESTED,
        reason=(reason or "no reason given")[:MOST_REASON],
        method=method if method in METHODS else METHODS[0],
        note=note[:300],
        requested_by=actor,
        requested_at=withdrawal.received_at if withdrawal else now,
        goods_due_at=now + timedelta(days=settings.RETURN_GOODS_DAYS),
        state_changed_at=now,
    )
    ids = dict(order.lines.values_list("position", "pk"))
    ReturnLine.objects.bulk_create(
        ReturnLine(
            rma=rma,
            line_id=ids[place],
            quantity=count,
            reason=reasons.get(place, "no reason given")[:40],
        )
        for place, count in sorted(chosen.items())
    )
    steps.tell(rma, before="", actor=actor, reason=rma.reason)
    return rma


def check_units(order: Order, units: Mapping[int, int]) -> None:
    """Check that so many units can be asked back. Raises CannotReturn."""
    if not units:
        raise CannotReturn("Choose what you want to send back.")
    there = {each.line.position: each for each in queries.list_returnable(order=order)}
    for place, count in sorted(units.items()):
        most = there[place].quantity if place in there else 0
        if not 0 < count <= most:
            name = there[place].line.name if place in there else f"line {place}"
            raise CannotReturn(f"Of {name}, {most} can be sent back.")


@transaction.atomic
def cancel_return(*, return_id: int, actor: str, now: datetime, reason: str = "") -> bool:
    """Think better of it, before anything was sent; tell whether it was still open.

    Raises CannotReturn: goods are on their way, or the customer has withdrawn from the contract.
    """
    _order, rma = steps.lock(return_id)
    if rma.state == ReturnState.CANCELLED:
        return False
    if rma.kind == ReturnKind.WITHDRAWAL and not actor.startswith("staff:"):
        raise CannotReturn("You have withdrawn from the contract: please write to us.")
    if rma.state not in queries.BEFORE_SENDING:
        raise CannotReturn("The goods are on their way, or this return is over.")
    steps.move(rma, ReturnState.CANCELLED, actor=actor, now=now, reason=reason)
    return True


def give_way(order: Order, positions: Collection[int], *, now: datetime) -> None:
    """End returns of these lines that were asked for and not sent: a withdrawal takes their place.
    What else they held is asked for anew. The caller holds the order's lock."""
    rows = Return.objects.filter(
        order=order,
        kind=ReturnKind.RETURN,
        state__in=queries.BEFORE_SENDING,
        lines__line__position__in=positions,
    )
    for rma in rows.distinct().order_by("pk"):
        cancel_return(return_id=rma.pk, actor="customer", now=now, reason="withdrawn from instead")
        _ask_anew(order, rma, positions, now)


def _ask_anew(order: Order, rma: Return, without: Collection[int], now: datetime) -> None:
    """Ask for what a return held beside these lines, as far as that return had come."""
    rest = [row for row in steps.lines_of(rma) if row.line.position not in without]
    if not rest:
        return
    again = open_return(
        order,
        uuid=uuid5(rma.uuid, "rest"),
        units={row.line.position: row.quantity for row in rest},
        reasons={row.line.position: row.reason for row in rest},
        actor="customer",
        now=now,
        method=rma.method,
        note=rma.note,
    )
    if rma.state != ReturnState.REQUESTED:
        deciding.approve(return_id=again.pk, actor="system", now=now)
