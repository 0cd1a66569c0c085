"""Ada's order, and a Stripe that lives in memory."""

import pytest
from django.utils import timezone

from orders.models import Order
from payments import gateways
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.services.operations import send_operation
from tests import builders
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
