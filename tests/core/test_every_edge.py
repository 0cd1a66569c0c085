"""Every machine of the house takes every edge that its table has, and refuses every other.

Each axis is walked through its own transition function: from every state to every state. An edge
that is taken leaves its line in the order's timeline; one that is refused leaves nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from fulfillment.models import Fulfillment, Shipment
from fulfillment.services import steps, tracking
from fulfillment.states import FULFILLMENT, SHIPMENT, FulfillmentState, ShipmentState
from globalmart.core.models import OutboxEvent, TimelineEntry
from globalmart.core.states import IllegalTransition, Table
from notifications.models import Message
from notifications.services import outgoing
from notifications.states import MESSAGE, MessageState
from orders import events
from orders.models import Order, OrderCancellation, OrderCorrection, OrderShortage
from orders.services import correcting, lifecycle, shortages, wishes
from orders.states import (
    CANCELLATION,
    CORRECTION,
    ORDER,
    SHORTAGE,
    CancellationState,
    CorrectionState,
    OrderState,
    ShortageState,
)
from payments.models import Dispute, OrderAccount, PaymentAttempt, PaymentOperation, Refund
from payments.services import disputes, settling
from payments.services.books import Books, open_books
from payments.services.refund_books import RefundBooks
from payments.states import (
    ATTEMPT,
    DISPUTE,
    OPERATION,
    REFUND,
    REFUND_BEFORE_APPROVAL,
    REFUND_RESERVED,
    AttemptState,
    DisputeState,
    OperationState,
    RefundState,
)
from tests import builders
from tests.core.test_ages import MACHINES
from tests.payments import refunding
from tests.payments.disputing import capture

pytestmark = pytest.mark.django_db
# Puts a row into a state and takes one step from there; returns the state that it is in then.
Step = Callable[[str, str], str]


@pytest.fixture
def order() -> Order:
    builders.open_shop()
    builders.add_product("MUG", on_hand=10)
    return builders.place({"MUG": 2})


@pytest.fixture
def paid(order: Order) -> Order:
    capture(order)
    return order


def edges(states: Any) -> Iterator[tuple[str, str]]:
    for before in states.values:
        for after in states.values:
            yield before, after


def walk(table: Table, states: Any, step: Step, *, is_told: bool = True) -> None:
    """Try every pair of states, each in a transaction that is rolled back."""
    for before, after in edges(states):
        with transaction.atomic():
            told = TimelineEntry.objects.count()
            if after in table.get(before, ()):
                assert step(before, after) == after, (before, after)
                entry = TimelineEntry.objects.order_by("pk").last()
                if is_told:
                    assert entry is not None
                    assert (entry.before, entry.after) == (before, after)
                    assert entry.actor
            else:
                with pytest.raises(IllegalTransition):
                    step(before, after)
                assert TimelineEntry.objects.count() == told, (before, after)
            transaction.set_rollback(True)


def test_of_an_order(order: Order) -> None:
    def step(before: str, after: str) -> str:
        Order.objects.filter(pk=order.pk).update(state=before)
        row = Order.objects.locked().get(pk=order.pk)
        event = events.OrderConfirmed(subject_id=order.pk)
        lifecycle.move_order(row, OrderState(after), event, actor="system", now=timezone.now())
        row.refresh_from_db()
        assert OutboxEvent.objects.filter(name=event.name, subject_id=order.pk).count() == 1
        return row.state

    walk(ORDER, OrderState, step)


def test_of_an_attempt(order: Order) -> None:
    attempt = PaymentAttempt.objects.get()

    def move(books: Books, before: str, after: str) -> None:
        books.attempt.state = before
        books.move(AttemptState(after))

    def step(before: str, after: str) -> str:
        with open_books(attempt_id=attempt.pk, actor="stripe", now=timezone.now()) as books:
            move(books, before, after)
        attempt.refresh_from_db()
        return attempt.state

    walk(ATTEMPT, AttemptState, step)


def test_of_a_refund(paid: Order) -> None:
    refund = refunding.request(paid, 100)

    def step(before: str, after: str) -> str:
        for row in (OrderAccount, PaymentAttempt):
            row.objects.update(
                refund_reserved_minor=100 * (before in REFUND_RESERVED),
                refunded_minor=100 * (before == RefundState.SUCCEEDED),
            )
        row = Refund.objects.get(pk=refund.pk)
        row.state = before
        account, attempt = OrderAccount.objects.get(), PaymentAttempt.objects.get()
        if before not in REFUND_BEFORE_APPROVAL or after not in REFUND_BEFORE_APPROVAL:
            row.approved_by = "staff:2"
        books = RefundBooks(account, attempt, row, "staff:2", timezone.now())
        books.move(RefundState(after))
        return str(row.state)

    walk(REFUND, RefundState, step)


def test_of_a_dispute(paid: Order) -> None:
    attempt = PaymentAttempt.objects.get()

    def step(before: str, after: str) -> str:
        row = Dispute(pk=1, order=paid, attempt=attempt, stripe_id="dp_ada", state=before)
        disputes._move(row, DisputeState(after), "stripe", timezone.now())
        return row.state

    walk(DISPUTE, DisputeState, step)


def test_of_a_request_to_the_warehouse(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = Fulfillment(order=order, reference="GM-1", state=before)
        steps.move(row, FulfillmentState(after), timezone.now())
        return row.state

    walk(FULFILLMENT, FulfillmentState, step)


def test_of_a_parcel(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = Shipment(pk=1, order=order, public_id="shp_1", state=before)
        tracking._move(row, ShipmentState(after), actor="carrier")
        return row.state

    walk(SHIPMENT, ShipmentState, step)


def test_of_a_message(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = Message(order=order, state=before)
        outgoing._step(row, MessageState(after), timezone.now())
        return row.state

    # A message is a line of the order's page itself.
    walk(MESSAGE, MessageState, step, is_told=False)


@pytest.fixture
def unsaved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows take their steps in memory: what else a state asks of its row has tests of its own."""
    for model in (OrderCancellation, OrderCorrection, OrderShortage):
        monkeypatch.setattr(model, "save", lambda self, **kwargs: None)


@pytest.mark.usefixtures("unsaved")
def test_of_a_wish_to_cancel(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = OrderCancellation(order=order, state=before, requested_by="customer")
        wishes._decide(row, CancellationState(after), "too late", timezone.now())
        return row.state

    walk(CANCELLATION, CancellationState, step)


@pytest.mark.usefixtures("unsaved")
def test_of_a_correction(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = OrderCorrection(order=order, state=before, kind="address", requested_by="customer")
        correcting._decide(row, CorrectionState(after), "too late", timezone.now())
        return row.state

    walk(CORRECTION, CorrectionState, step)


@pytest.mark.usefixtures("unsaved")
def test_of_missing_goods(order: Order) -> None:
    def step(before: str, after: str) -> str:
        row = OrderShortage(line=order.lines.get(), quantity=1, state=before)
        state = ShortageState(after)
        shortages.move(order, row, state, actor="customer", now=timezone.now())
        return row.state

    walk(SHORTAGE, ShortageState, step)


def test_of_a_call_to_stripe(order: Order) -> None:
    attempt = PaymentAttempt.objects.get()
    now = timezone.now()

    def step(before: str, after: str) -> str:
        row = PaymentOperation(attempt=attempt, state=before)
        books = Books(OrderAccount.objects.get(), attempt, [row], "stripe", now)
        settling._finish(books, row, OperationState(after), "card_declined")
        return row.state

    # A call is told of by what it does to its attempt.
    walk(OPERATION, OperationState, step, is_told=False)


IN_RETURNS = {"RETURN", "RECEPTION", "DECISION"}
# Reservations move many at once, in statements that name the states that they move from.
MANY_AT_ONCE = {"RESERVATION"}


def test_no_machine_is_left_out() -> None:
    text = Path(__file__).read_text()
    returns = (Path(__file__).parents[1] / "orders" / "returns" / "test_edges.py").read_text()
    assert {name for name in MACHINES if f"walk({name}, " in returns} == IN_RETURNS
    here = {name for name in MACHINES if f"walk({name}, " in text}
    assert here | IN_RETURNS | MANY_AT_ONCE == set(MACHINES)
