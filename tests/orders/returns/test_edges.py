"""A return and its units take every edge of their tables, and refuse every other."""

from django.utils import timezone

from globalmart.core.models import OutboxEvent
from orders.models import Order, Return
from orders.services.returns import steps
from orders.states import (
    DECISION,
    RECEPTION,
    RETURN,
    Decision,
    Disposition,
    Reception,
    ReturnState,
)
from tests.core.test_every_edge import walk
from tests.orders.returns import story
from tests.orders.returns.story import MUG

GOES = {
    Decision.ACCEPTED: Disposition.SCRAP,
    Decision.REJECTED: Disposition.RETURN_TO_CUSTOMER,
}


def test_of_a_return(shipped: Order) -> None:
    rma = story.ask(shipped, {MUG: 1})

    def step(before: str, after: str) -> str:
        row = Return.objects.get(pk=rma.pk)
        row.state, row.decline_reason = before, "worn"
        count = OutboxEvent.objects.filter(name="return.moved").count()
        steps.move(row, ReturnState(after), actor="system", now=timezone.now())
        row.refresh_from_db()
        assert OutboxEvent.objects.filter(name="return.moved").count() == count + 1
        return row.state

    walk(RETURN, ReturnState, step)


def test_of_the_reception_of_units(shipped: Order) -> None:
    rma = story.ask(shipped, {MUG: 1})

    def step(before: str, after: str) -> str:
        row = steps.lines_of(rma)[0]
        row.reception = before
        steps.receive(row, Reception(after), actor="staff:1")
        row.refresh_from_db()
        return row.reception

    walk(RECEPTION, Reception, step)


def test_of_the_decision_about_units(shipped: Order) -> None:
    rma = story.ask(shipped, {MUG: 1})
    rma.lines.update(reception=Reception.RECEIVED)

    def step(before: str, after: str) -> str:
        row = steps.lines_of(rma)[0]
        row.decision = before
        steps.decide(row, Decision(after), GOES.get(Decision(after)), actor="staff:1")
        row.refresh_from_db()
        return row.decision

    walk(DECISION, Decision, step)
