"""Yes or no to a return, and its end where no goods come."""

from datetime import datetime

from django.db import transaction

from orders.models import Return
from orders.services.returns import steps
from orders.services.returns.steps import CannotReturn
from orders.states import Decision, Reception, ReturnKind, ReturnState

S = ReturnState
MOST_REASON = 200
# Where nothing of a return was sent, or is known to have been.
BEFORE_GOODS = (S.AWAITING_GOODS, S.IN_TRANSIT)


@transaction.atomic
def approve(*, return_id: int, actor: str, now: datetime) -> bool:
    """Say yes: the customer gets the label; tell whether this call said it.

    Raises CannotReturn where it was declined or cancelled.
    """
    _order, rma = steps.lock(return_id)
    if rma.state in (S.DECLINED, S.CANCELLED):
        raise CannotReturn("This return is over.")
    if rma.state != S.REQUESTED:
        return False
    steps.move(rma, S.APPROVED, actor=actor, now=now)
    await_goods(rma, now)
    return True


def await_goods(rma: Return, now: datetime) -> None:
    """The label is there: the goods may come. The caller holds the order's lock."""
    steps.move(rma, S.AWAITING_GOODS, actor="system", now=now)


@transaction.atomic
def decline(*, return_id: int, reason: str, actor: str, now: datetime) -> bool:
    """Say no, with a reason that the customer reads; tell whether this call said it.

    Raises CannotReturn: a withdrawal can be declined by nobody (Directive 2011/83/EU, Art. 9),
    and what was approved is no longer declined.
    """
    reason = reason.strip()[:MOST_REASON]
    if not reason:
        raise CannotReturn("Say why: the customer reads it.")
    _order, rma = steps.lock(return_id)
    if rma.kind == ReturnKind.WITHDRAWAL:
        raise CannotReturn("Nobody can decline a withdrawal from the contract.")
    if rma.state == S.DECLINED:
        return False
    if rma.state != S.REQUESTED:
        raise CannotReturn("It was approved, or is over.")
    rma.decline_reason = reason
    steps.move(rma, S.DECLINED, actor=actor, now=now, reason=reason)
    return True


@transaction.atomic
def mark_sent(*, return_id: int, actor: str, now: datetime) -> bool:
    """The customer says that the goods are on their way; tell whether that is new."""
    _order, rma = steps.lock(return_id)
    if rma.state != S.AWAITING_GOODS:
        return False
    for row in steps.lines_of(rma):
        if row.reception == Reception.AWAITING:
            steps.receive(row, Reception.IN_TRANSIT, actor=actor)
    steps.move(rma, S.IN_TRANSIT, actor=actor, now=now)
    return True


@transaction.atomic
def expire(*, return_id: int, now: datetime, actor: str = "system") -> bool:
    """End a return whose goods never came; tell whether it ended.

    By itself only a return past its day does; staff may end any of which nothing came.
    """
    _order, rma = steps.lock(return_id)
    is_due = rma.kind == ReturnKind.RETURN and rma.goods_due_at < now
    if rma.state not in BEFORE_GOODS or not (is_due or actor.startswith("staff:")):
        return False
    for row in steps.lines_of(rma):
        steps.receive(row, Reception.NOT_RETURNED, actor=actor)
        steps.decide(row, Decision.REJECTED, None, actor=actor)
    steps.move(rma, S.EXPIRED, actor=actor, now=now, reason="the goods never came")
    return True
