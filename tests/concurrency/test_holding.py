"""A hold and the sending of a request at the same moment: one comes first, and both know it."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone

from fulfillment import gateways
from fulfillment.models import Fulfillment
from fulfillment.services import sending
from fulfillment.states import FulfillmentState
from globalmart.core.db import Lease
from globalmart.core.models import Alert
from orders.models import Order, OrderHold
from orders.services import holds
from orders.services.lifecycle import confirm_order
from orders.states import HoldKind
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.fakes import FakeWarehouse
from tests.payments.disputing import capture

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 12


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> FakeWarehouse:
    fake = FakeWarehouse()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def order(transactional_db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


def submit(lease: Lease) -> None:
    sending.submit(fulfillment_id=lease.key, token=lease.token)


def confirm(order: Order) -> None:
    confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())


def place(order: Order) -> Callable[[], bool]:
    return lambda: holds.place(
        order_id=order.pk,
        kind=HoldKind.MANUAL,
        reason="looks odd",
        actor="staff:1",
        now=timezone.now(),
    )


def release(order: Order) -> None:
    holds.release(
        order_id=order.pk,
        kind=HoldKind.MANUAL,
        reason="looked at",
        actor="staff:1",
        now=timezone.now(),
    )


class TestHoldAndSend:
    def test_the_request_stays_or_the_parcel_is_alarmed(
        self, order: Order, warehouse: FakeWarehouse
    ) -> None:
        capture(order)
        confirm(order)
        row = Fulfillment.objects.get()
        ends: Counter[str] = Counter()

        for _ in range(ROUNDS):
            rows = Fulfillment.objects.all()
            (lease,) = rows.lease(now=timezone.now(), limit=9, lease_seconds=50)
            sent_before = len(warehouse.submitted)
            assert race(place(order), partial(submit, lease)) == [True, None]

            row.refresh_from_db()
            is_sent = len(warehouse.submitted) > sent_before
            is_alarmed = Alert.objects.filter(
                kind="parcel_to_stop", closed_at__isnull=True
            ).exists()
            assert row.is_held
            assert is_sent == is_alarmed == (row.state == FulfillmentState.ACCEPTED)
            ends[row.state] += 1
            release(order)
            Fulfillment.objects.update(
                state=FulfillmentState.READY, due_at=timezone.now(), lease_until=None
            )

        assert set(ends) <= {FulfillmentState.ON_HOLD, FulfillmentState.ACCEPTED}


class TestHoldAndConfirm:
    def test_the_request_is_held_whoever_comes_first(
        self, order: Order, warehouse: FakeWarehouse
    ) -> None:
        capture(order)

        race(place(order), lambda: confirm(order))

        row = Fulfillment.objects.get()
        assert (row.state, row.is_held) == (FulfillmentState.ON_HOLD, True)


class TestTwoHolds:
    def test_of_one_kind_are_one(self, order: Order) -> None:
        assert sorted(race(place(order), place(order))) == [False, True]
        assert OrderHold.objects.count() == 1
