"""Goods that come back while somebody else does the same with them: real threads."""

from uuid import uuid4

import pytest

from fulfillment import gateways as warehouses
from orders.models import Order, OrderLine, Return, ReturnLine, Withdrawal
from orders.services import withdrawing
from orders.services.returns import inspecting, receiving
from orders.services.returns.steps import CannotReturn
from orders.services.withdrawing import CannotWithdraw
from orders.states import Decision, Disposition
from payments import gateways as payments
from payments.models import Refund
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.house import now, pay
from tests.orders.returns import story
from tests.orders.returns.story import MUG
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shipped(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Order:
    """Four mugs that have left and are paid."""
    stripe, refunds, warehouse = FakeStripe(), FakeRefunds(captured_minor=100_000), FakeWarehouse()
    monkeypatch.setattr(payments, "current", lambda: stripe)
    monkeypatch.setattr(payments, "refunds", lambda: refunds)
    monkeypatch.setattr(warehouses, "current", lambda: warehouse)
    builders.open_shop()
    builders.add_product("MUG", on_hand=20)
    order = builders.place({"MUG": 4})
    pay()
    return story.ship(order, warehouse)


def received(order: Order) -> Return:
    rma = story.ask(order, {MUG: 4})
    story.arrive(rma, MUG, 4)
    return rma


def test_two_wishes_for_the_same_units_are_one(shipped: Order) -> None:
    told = race(*[lambda: story.ask(shipped, {MUG: 3})] * 4)
    assert sum(isinstance(each, Return) for each in told) == 1
    assert sum(isinstance(each, CannotReturn) for each in told) == 3
    assert ReturnLine.objects.get().quantity == 3


def test_one_form_sent_at_once_is_one_return(shipped: Order) -> None:
    uuid = uuid4()
    told = race(*[lambda: story.ask(shipped, {MUG: 1}, uuid=uuid)] * 4)
    assert len({each.pk for each in told}) == Return.objects.count() == 1


def test_a_receipt_told_at_once_counts_once(shipped: Order) -> None:
    rma = story.ask(shipped, {MUG: 4})
    receipt = story.tell_receipt(MUG, 1)

    def take() -> bool:
        return receiving.take_receipt(
            receipt_id=receipt.pk, return_id=rma.pk, actor="staff:1", now=now()
        )

    assert sorted(race(take, take, take)) == [False, False, True]
    assert ReturnLine.objects.get(reception="received").quantity == 1


def test_units_accepted_at_once_are_paid_back_once(shipped: Order) -> None:
    row = received(shipped).lines.get()

    def accept() -> bool:
        return inspecting.inspect(
            row_id=row.pk,
            quantity=4,
            decision=Decision.ACCEPTED,
            disposition=Disposition.SCRAP,
            actor="system",
            now=now(),
        )

    assert sorted(race(accept, accept, accept)) == [False, False, True]
    assert Refund.objects.get().amount_minor == 3600
    assert OrderLine.objects.get().returned == 4


def test_withdrawals_at_once_are_one(shipped: Order) -> None:
    def withdraw() -> Withdrawal:
        return withdrawing.withdraw(
            order_id=shipped.pk,
            uuid=uuid4(),
            name="Ada",
            email="ada@example.com",
            units={1: 4},
            now=now(),
        )

    told = race(withdraw, withdraw, withdraw)
    assert sum(isinstance(each, CannotWithdraw) for each in told) == 2
    assert Return.objects.get().kind == "withdrawal"
