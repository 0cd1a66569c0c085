"""Money that comes after an order's end: its goods again, or the money back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fulfillment.models import Fulfillment, Reservation, Stock, Warehouse
from fulfillment.services.stock import adjust, ensure_warehouse
from globalmart.core.models import OutboxEvent
from orders import jobs
from orders.models import Order
from orders.services import lifecycle
from payments import gateways
from payments.models import PaymentAttempt, PaymentCase, PaymentOperation, Refund
from payments.services.operations import check_attempt, send_operation
from payments.states import AttemptState, CaseKind
from tests import builders
from tests.payments.conftest import attempt_of, send
from tests.payments.fakes import FakeStripe


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def expired(db: None, stripe: FakeStripe) -> Order:
    """Two mugs that nobody paid for in time; Stripe said that their intent was cancelled."""
    builders.open_shop()
    builders.add_product()
    order = builders.place()
    send(order, "create")
    later = timezone.now() + timedelta(hours=1)
    lifecycle.expire_order(order_id=order.pk, now=later)
    send(order, "cancel")
    lifecycle.expire_order(order_id=order.pk, now=later)
    order.refresh_from_db()
    assert order.state == "expired"
    return order


def pay_late(order: Order, stripe: FakeStripe, status: str = "requires_capture") -> None:
    dead = attempt_of(order)
    intent_id = dead.stripe_intent_id or ""
    received = order.total_minor if status == "succeeded" else 0
    stripe.set(intent_id, status, received=received)
    check_attempt(attempt_id=dead.pk, actor="webhook")
    check_attempt(attempt_id=attempt_of(order).pk)
    tell(order)


def tell(order: Order) -> None:
    names = OutboxEvent.objects.filter(name="payment.authorized")
    for event in names:
        jobs.on_payment_authorized(event_id=event.id, subject_id=order.pk, attempt_id=0)


class TestLateMoney:
    def test_revives_an_expired_order_whose_goods_are_there(
        self, expired: Order, stripe: FakeStripe
    ) -> None:
        pay_late(expired, stripe)

        expired.refresh_from_db()
        assert expired.state == "confirmed"
        assert Reservation.objects.get().state == "committed"
        assert Stock.objects.get().reserved == 2
        assert Fulfillment.objects.get().state == "ready"
        assert PaymentCase.objects.get().kind == CaseKind.LATE_PAYMENT

    def test_ships_a_revived_order_from_where_its_units_are_now(
        self, expired: Order, stripe: FakeStripe
    ) -> None:
        ensure_warehouse(code="second", name="Second warehouse")
        adjust(warehouse_code="second", deltas={"MUG": 5}, reason="opening", actor="test")
        Warehouse.objects.filter(code="main").update(is_active=False)

        pay_late(expired, stripe)

        assert Reservation.objects.get(state="released").warehouse.code == "main"
        assert Reservation.objects.get(state="committed").warehouse.code == "second"
        assert Fulfillment.objects.get().warehouse.code == "second"

    def test_cancels_the_hold_where_the_goods_are_gone(
        self, expired: Order, stripe: FakeStripe
    ) -> None:
        Stock.objects.update(on_hand=1)

        pay_late(expired, stripe)
        tell(expired)
        cancel = PaymentOperation.objects.get(attempt=attempt_of(expired), kind="cancel")
        send_operation(operation_id=cancel.pk)

        expired.refresh_from_db()
        assert expired.state == "expired"
        assert attempt_of(expired).state == AttemptState.CANCELLED
        assert Stock.objects.get().reserved == 0
        assert OutboxEvent.objects.filter(name="order.late_payment_returned").count() == 1
        assert PaymentOperation.objects.filter(kind="cancel").count() == 2

    def test_refunds_what_was_charged(self, expired: Order, stripe: FakeStripe) -> None:
        Stock.objects.update(on_hand=1)

        pay_late(expired, stripe, "succeeded")
        tell(expired)

        refund = Refund.objects.get()
        assert refund.amount_minor == expired.total_minor
        assert refund.reason == "late_payment"

    def test_refunds_a_hold_that_was_captured_before_our_cancel_came(
        self, expired: Order, stripe: FakeStripe
    ) -> None:
        Stock.objects.update(on_hand=1)
        pay_late(expired, stripe)
        late = attempt_of(expired)
        stripe.set(late.stripe_intent_id or "", "succeeded", received=expired.total_minor)
        cancel = PaymentOperation.objects.get(attempt=late, kind="cancel")
        send_operation(operation_id=cancel.pk)

        (event,) = OutboxEvent.objects.filter(name="payment.captured")
        jobs.on_payment_captured(event_id=event.id, subject_id=expired.pk)

        assert Refund.objects.get().amount_minor == expired.total_minor

    def test_refunds_a_part_that_somebody_captured_when_the_order_ends(
        self, db: None, stripe: FakeStripe
    ) -> None:
        builders.open_shop()
        builders.add_product()
        order = builders.place(payment_method="")
        send(order, "create")
        stripe.set(attempt_of(order).stripe_intent_id or "", "succeeded", received=500)
        check_attempt(attempt_id=attempt_of(order).pk)
        later = timezone.now() + timedelta(hours=1)

        lifecycle.expire_order(order_id=order.pk, now=later)
        lifecycle.expire_order(order_id=order.pk, now=later)

        order.refresh_from_db()
        assert order.state == "expired"
        assert Refund.objects.get().amount_minor == 500

    def test_refunds_a_second_payment_while_the_first_is_live(
        self, db: None, stripe: FakeStripe
    ) -> None:
        builders.open_shop()
        builders.add_product()
        order = builders.place()
        send(order, "create")
        first = attempt_of(order)
        PaymentAttempt.objects.update(state=AttemptState.CANCELLED)
        PaymentAttempt.objects.create(
            order=order,
            number=2,
            mode="browser",
            currency="GBP",
            amount_minor=order.total_minor,
        )
        stripe.set(first.stripe_intent_id or "", "succeeded", received=order.total_minor)

        check_attempt(attempt_id=first.pk, actor="webhook")
        check_attempt(attempt_id=PaymentAttempt.objects.get(purpose__startswith="late:").pk)

        assert Refund.objects.get().amount_minor == order.total_minor
        assert not lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
