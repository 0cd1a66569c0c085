"""The one place where a return, and the units in it, change their state.

The caller holds the order's lock. Each step checks its table and tells the order's timeline.
"""

from datetime import datetime

from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import Order, Return, ReturnLine
from orders.states import DECISION, RECEPTION, RETURN, Decision, Disposition, Reception, ReturnState

# Past returns are booked as they were: whenever that was, and without asking anybody.
IMPORT = "import"


class CannotReturn(Exception):
    """This cannot be done with the return, or with these units; the text says why."""


def lock(return_id: int) -> tuple[Order, Return]:
    """Lock a return's order, then the return. Raises Return.DoesNotExist."""
    order_id = Return.objects.values_list("order_id", flat=True).get(pk=return_id)
    order = Order.objects.locked().get(pk=order_id)
    return order, Return.objects.locked().get(pk=return_id)


def lines_of(rma: Return) -> list[ReturnLine]:
    """Return the rows of a return as they are now, by key."""
    return list(rma.lines.select_related("line").order_by("pk"))


def move(rma: Return, state: ReturnState, *, actor: str, now: datetime, reason: str = "") -> None:
    """Move a return. Raises IllegalTransition."""
    states.require(RETURN, "return", rma.state, state)
    before, rma.state, rma.state_changed_at = rma.state, state, now
    rma.version += 1
    rma.save()
    tell(rma, before=before, actor=actor, reason=reason)


def tell(rma: Return, *, before: str, actor: str, reason: str) -> None:
    """Tell timeline and outbox of the state that a return has come to, or has begun with."""
    timeline.record(
        subject_type="order",
        subject_id=rma.order_id,
        kind=f"return.{rma.state}",
        before=before,
        after=rma.state,
        actor=actor,
        reason=reason,
        data={"return": rma.number, "kind": rma.kind},
    )
    outbox.publish(events.ReturnMoved(subject_id=rma.order_id, return_id=rma.pk, state=rma.state))


def receive(row: ReturnLine, reception: Reception, *, actor: str, reason: str = "") -> None:
    """Note what has come of a row's units. Raises IllegalTransition."""
    states.require(RECEPTION, "reception", row.reception, reception)
    before, row.reception = row.reception, reception
    row.save()
    _tell_row(row, "reception", before, reception, actor, reason)


def decide(
    row: ReturnLine,
    decision: Decision,
    disposition: Disposition | None,
    *,
    actor: str,
    reason: str = "",
) -> None:
    """Note what becomes of a row's units; the database checks that it fits what has come.

    Raises IllegalTransition.
    """
    states.require(DECISION, "decision", row.decision, decision)
    before, row.decision, row.disposition = row.decision, decision, disposition or ""
    row.save()
    _tell_row(row, "decision", before, decision, actor, reason)


def _tell_row(row: ReturnLine, axis: str, before: str, after: str, actor: str, reason: str) -> None:
    timeline.record(
        subject_type="order",
        subject_id=row.rma.order_id,
        kind=f"{axis}.{after}",
        before=before,
        after=after,
        actor=actor,
        reason=reason,
        data={
            "return": row.rma.number,
            "sku": row.line.sku,
            "units": row.quantity,
            "disposition": row.disposition,
        },
    )


def split(row: ReturnLine, quantity: int) -> ReturnLine:
    """Return a row of exactly so many of these units; the others stay behind in a row of their own.

    Raises CannotReturn where there are not so many.
    """
    if not 0 < quantity <= row.quantity:
        raise CannotReturn(f"Of {row.line.sku}, there are {row.quantity} here.")
    if quantity < row.quantity:
        rest = row.quantity - quantity
        row.quantity = quantity
        row.save(update_fields=["quantity"])
        ReturnLine.objects.create(
            rma=row.rma,
            line=row.line,
            quantity=rest,
            reason=row.reason,
            reception=row.reception,
            decision=row.decision,
            disposition=row.disposition,
        )
    return row
