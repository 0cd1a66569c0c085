"""Ada's order, and a Stripe that lives in memory."""

import pytest
from django.utils import timezone

from orders.models import Order
from payments import gateways
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.services.ledger import SALES, STRIPE, book
from payments.services.operations import send_operation
from tests import builders
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def order(db: None, stripe: FakeStripe) -> Order:
    """Two mugs for 21.95 GBP, to be confirmed by our server."""
    builders.open_shop()
    builders.add_product()
    return builders.place()


@pytest.fixture
def browser_order(db: None, stripe: FakeStripe) -> Order:
    """The same, to be paid in the browser."""
    builders.open_shop()
    builders.add_product()
    return builders.place(payment_method="")


@pytest.fixture
def refunds(monkeypatch: pytest.MonkeyPatch) -> FakeRefunds:
    fake = FakeRefunds()
    monkeypatch.setattr(gateways, "refunds", lambda: fake)
    return fake


@pytest.fixture
def paid_order(order: Order, refunds: FakeRefunds) -> Order:
    """Ada's order, its 21.95 GBP captured."""
    mark_captured(order)
    return order


def mark_captured(order: Order) -> None:
    """Write what a capture of the whole leaves behind."""
    amount = order.total_minor
    PaymentAttempt.objects.filter(order=order).update(
        state="captured",
        authorized_minor=amount,
        captured_minor=amount,
        stripe_intent_id=f"pi_{order.pk}",
    )
    OrderAccount.objects.filter(order=order).update(authorized_minor=amount, captured_minor=amount)
    PaymentOperation.objects.filter(attempt__order=order).update(
        state="done", due_at=None, finished_at=timezone.now()
    )
    book(attempt=attempt_of(order), debit=STRIPE, credit=SALES, amount_minor=amount)


def attempt_of(order: Order) -> PaymentAttempt:
    return PaymentAttempt.objects.filter(order=order).latest("number")


def account_of(order: Order) -> OrderAccount:
    return OrderAccount.objects.get(order=order)


def operation(order: Order, kind: str) -> PaymentOperation:
    return PaymentOperation.objects.filter(attempt__order=order, kind=kind).latest("number")


def make_due(order: Order, kind: str) -> PaymentOperation:
    """Wait until the operation may be tried again, without the waiting."""
    found = operation(order, kind)
    found.due_at, found.lease_until = timezone.now(), None
    found.save()
    return found


def send(order: Order, kind: str) -> PaymentOperation:
    send_operation(operation_id=make_due(order, kind).pk)
    return operation(order, kind)


def authorize(order: Order) -> None:
    send(order, "create")
    send(order, "confirm")
