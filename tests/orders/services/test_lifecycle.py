"""Each step of an order, and its second telling."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import shipments
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders import jobs
from orders.models import Order, OrderLine
from orders.queries.orders import has_unpaid_overdue, list_stuck, list_unpaid_overdue
from orders.queries.representation import represent
from orders.services import lifecycle
from payments import gateways
from payments.models import PaymentOperation
from payments.services.operations import check_attempt, send_operation
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.payments.conftest import attempt_of, authorize, operation, send
from tests.payments.fakes import FakeStripe


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def order(db: None, stripe: FakeStripe) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


@pytest.fixture
def confirmed(order: Order) -> Order:
    authorize(order)
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
    return order


def state(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def told(order: Order, name: str) -> int:
    return OutboxEvent.objects.filter(subject_id=order.pk, name=name).count()


def ship(order: Order, **quantities: int) -> None:
    Fulfillment.objects.update(state="accepted")
    row = Fulfillment.objects.get(order=order)
    found = FakeWarehouse().show(row.reference, "shipped", parcel(**quantities))
    shipments.record(warehouse_id=row.warehouse_id, found=found)
    lifecycle.record_shipment(order_id=order.pk, now=timezone.now())


def expire(order: Order) -> None:
    later = timezone.now() + timedelta(minutes=31)
    lifecycle.expire_order(order_id=order.pk, now=later)


class TestConfirmOrder:
    def test_waits_for_the_money(self, order: Order) -> None:
        is_moved = lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())

        assert not is_moved
        assert state(order) == "pending_payment"

    def test_commits_the_stock_and_opens_the_request(self, confirmed: Order) -> None:
        assert state(confirmed) == "confirmed"
        assert Reservation.objects.get().state == "committed"
        assert Fulfillment.objects.get().reference == f"{confirmed.number}-1"
        assert Order.objects.get().version == 2

    def test_changes_nothing_the_second_time(self, confirmed: Order) -> None:
        again = lifecycle.confirm_order(order_id=confirmed.pk, actor="x", now=timezone.now())

        assert not again
        assert told(confirmed, "order.confirmed") == 1
        assert TimelineEntry.objects.filter(kind="order.confirmed").count() == 1

    def test_does_not_ship_on_a_hold_that_is_being_cancelled(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        """The customer finishes 3-D Secure while the deadline's cancel is on its way."""
        send(order, "create")
        expire(order)
        intent_id = attempt_of(order).stripe_intent_id or ""
        stripe.lost["cancel"] = 1
        stripe.before["cancel"] = lambda: stripe.set(intent_id, "requires_capture")
        send(order, "cancel")
        stripe.set(intent_id, "requires_capture")
        check_attempt(attempt_id=attempt_of(order).pk)

        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
        assert state(order) == "pending_payment"

        send(order, "cancel")
        expire(order)
        assert state(order) == "expired"


class TestStartFulfillment:
    def test_moves_once(self, confirmed: Order) -> None:
        for _ in range(2):
            lifecycle.start_fulfillment(order_id=confirmed.pk, now=timezone.now())

        assert state(confirmed) == "in_fulfillment"
        assert told(confirmed, "order.in_fulfillment") == 1

    def test_leaves_an_unpaid_order_alone(self, order: Order) -> None:
        lifecycle.start_fulfillment(order_id=order.pk, now=timezone.now())

        assert state(order) == "pending_payment"


class TestRecordShipment:
    def test_counts_the_goods_and_plans_one_capture(self, confirmed: Order) -> None:
        ship(confirmed, MUG=2)
        lifecycle.record_shipment(order_id=confirmed.pk, now=timezone.now())

        assert OrderLine.objects.get().shipped == 2
        assert PaymentOperation.objects.filter(kind="capture").count() == 1
        assert state(confirmed) == "in_fulfillment"

    def test_is_complete_once_captured_too(self, confirmed: Order) -> None:
        ship(confirmed, MUG=2)
        send(confirmed, "capture")
        for _ in range(2):
            lifecycle.record_capture(order_id=confirmed.pk, now=timezone.now())

        assert state(confirmed) == "completed"
        assert told(confirmed, "order.completed") == 1
        (body,) = represent([Order.objects.get()])
        assert (body["payment_status"], body["fulfillment_status"]) == ("paid", "fulfilled")
        assert body["shipments"][0]["tracking_number"] == "RM-P-1"

    def test_is_not_complete_while_goods_are_missing(self, confirmed: Order) -> None:
        ship(confirmed, MUG=1)
        send(confirmed, "capture")
        lifecycle.record_capture(order_id=confirmed.pk, now=timezone.now())

        assert state(confirmed) == "in_fulfillment"


class TestLostHold:
    def test_alarms_at_once_and_again_when_goods_leave(
        self, confirmed: Order, stripe: FakeStripe
    ) -> None:
        stripe.set(attempt_of(confirmed).stripe_intent_id or "", "canceled")
        check_attempt(attempt_id=attempt_of(confirmed).pk)
        assert Alert.objects.filter(kind="hold_lost", subject_id=confirmed.pk).exists()

        ship(confirmed, MUG=1)

        assert Alert.objects.filter(kind="capture_failed", subject_id=confirmed.pk).exists()


class TestExpireUnpaid:
    def test_ends_the_others_when_one_cannot_be_ended(
        self, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = builders.place()
        Order.objects.update(payment_due_at=timezone.now() - timedelta(minutes=1))
        real = lifecycle.expire_order

        def failing(*, order_id: int, now: datetime) -> None:
            if order_id == order.pk:
                raise RuntimeError("cannot be")
            real(order_id=order_id, now=now)

        monkeypatch.setattr(lifecycle, "expire_order", failing)
        jobs.expire_unpaid()

        assert (state(order), state(other)) == ("pending_payment", "expired")


class TestExpireOrder:
    def test_waits_for_the_deadline(self, order: Order) -> None:
        lifecycle.expire_order(order_id=order.pk, now=timezone.now())

        assert state(order) == "pending_payment"
        assert not has_unpaid_overdue(now=timezone.now())

    def test_ends_at_once_what_stripe_never_heard_of(self, order: Order) -> None:
        expire(order)

        assert state(order) == "expired"
        assert Stock.objects.get().reserved == 0

    def test_gives_the_stock_back_only_after_the_cancel_was_seen(self, order: Order) -> None:
        send(order, "create")
        expire(order)
        assert (state(order), Stock.objects.get().reserved) == ("pending_payment", 2)

        send_operation(operation_id=operation(order, "cancel").pk)
        expire(order)
        expire(order)

        assert (state(order), Stock.objects.get().reserved) == ("expired", 0)
        assert told(order, "order.expired") == 1

    def test_confirms_instead_when_the_money_came(self, order: Order) -> None:
        authorize(order)

        expire(order)

        assert state(order) == "confirmed"

    def test_lets_money_win_that_comes_before_the_cancel_left(self, order: Order) -> None:
        send(order, "create")
        expire(order)
        send(order, "confirm")

        expire(order)

        assert state(order) == "confirmed"
        assert attempt_of(order).state == "authorized"

    def test_is_asked_for_each_overdue_order(self, order: Order) -> None:
        later = timezone.now() + timedelta(minutes=31)

        assert has_unpaid_overdue(now=later)
        assert list_unpaid_overdue(now=later, limit=9) == [order.pk]


class TestListStuck:
    def test_names_an_order_past_its_age(self, order: Order) -> None:
        (found,) = list_stuck(now=timezone.now() + timedelta(hours=3))

        assert (found.kind, found.subject_id) == ("order_stuck", order.pk)
