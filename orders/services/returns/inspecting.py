"""Looking at what came back: take it or not, and where it goes. What is taken is paid back."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from orders.models import Order, OrderLine, Return, ReturnLine
from orders.services.returns import refunding, steps
from orders.services.returns.steps import CannotReturn
from orders.states import CAME, DECISION, Decision, Disposition, Reception, ReturnState

S = ReturnState
TAKEN = (Disposition.RESTOCK, Disposition.REFURBISH, Disposition.SCRAP)


@transaction.atomic
def inspect(
    *,
    row_id: int,
    quantity: int,
    decision: Decision,
    disposition: Disposition | None,
    actor: str,
    now: datetime,
    reason: str = "",
) -> bool:
    """Decide about so many units of a row of a return; tell whether this call decided.

    What is accepted counts as returned and is paid back; what is rejected goes back to the
    customer. Goods that are taken to be sold again come into stock by the warehouse's own counts
    and changes: nothing is added here, or they would count twice. Raises CannotReturn.
    """
    return_id = ReturnLine.objects.values_list("rma_id", flat=True).get(pk=row_id)
    order, rma = steps.lock(return_id)
    row = ReturnLine.objects.select_related("line", "rma").get(pk=row_id)
    row.rma = rma
    if row.decision == decision:
        return False
    disposition = _fitting(row, decision, disposition)
    row = steps.split(row, quantity)
    steps.decide(row, decision, disposition, actor=actor, reason=reason)
    if decision == Decision.ACCEPTED:
        OrderLine.objects.filter(pk=row.line_id).update(returned=F("returned") + row.quantity)
    advance(order, rma, actor=actor, now=now)
    return True


def _fitting(
    row: ReturnLine, decision: Decision, disposition: Disposition | None
) -> Disposition | None:
    """Return where the units go, or None. Raises CannotReturn where that, or the decision, does not
    fit what has come."""
    if decision not in DECISION.get(row.decision, frozenset()):
        raise CannotReturn("That was decided already.")
    has_come = row.reception in CAME
    is_lost = row.reception == Reception.LOST_IN_TRANSIT
    if decision == Decision.NEEDS_REVIEW:
        return None
    if decision == Decision.REJECTED:
        if row.reception in (Reception.AWAITING, Reception.IN_TRANSIT):
            raise CannotReturn("It has not come yet.")
        return Disposition.RETURN_TO_CUSTOMER if has_come else None
    if is_lost:
        return None
    if not has_come:
        raise CannotReturn("It has not come yet.")
    if disposition not in TAKEN:
        raise CannotReturn("Say where it goes: restock, refurbish or scrap.")
    return disposition


@transaction.atomic
def give_up_rest(*, return_id: int, actor: str, now: datetime, reason: str) -> bool:
    """Nothing more will come of a return of which a part has; tell whether this call said so."""
    order, rma = steps.lock(return_id)
    if rma.state != S.PARTIALLY_RECEIVED:
        return False
    for row in steps.lines_of(rma):
        if row.reception in (Reception.AWAITING, Reception.IN_TRANSIT):
            steps.receive(row, Reception.NOT_RETURNED, actor=actor, reason=reason)
            steps.decide(row, Decision.REJECTED, None, actor=actor, reason=reason)
    advance(order, rma, actor=actor, now=now)
    return True


def advance(order: Order, rma: Return, *, actor: str, now: datetime) -> None:
    """Take every step that what has come and was decided allows. The caller holds the order's lock;
    done again, nothing changes."""
    rows = steps.lines_of(rma)
    is_awaited = any(row.reception in (Reception.AWAITING, Reception.IN_TRANSIT) for row in rows)
    is_open = rma.state in (S.AWAITING_GOODS, S.IN_TRANSIT)
    if is_open and is_awaited:
        steps.move(rma, S.PARTIALLY_RECEIVED, actor=actor, now=now)
    if (is_open or rma.state == S.PARTIALLY_RECEIVED) and not is_awaited:
        steps.move(rma, S.RECEIVED, actor=actor, now=now)
    # Parts are paid back as they are taken.
    refunding.refund_taken(order, rma, actor=actor, now=now)
    is_decided = not any(row.decision in (Decision.PENDING, Decision.NEEDS_REVIEW) for row in rows)
    if rma.state == S.RECEIVED and is_decided:
        steps.move(rma, S.INSPECTED, actor=actor, now=now)
    refunding.close_if_done(rma, actor=actor, now=now)
