"""A wish to cancel and the sending, the parcel or another wish at the same moment: one end each."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from fulfillment import gateways
from fulfillment.jobs import work_request
from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import requests, shipments, stock
from fulfillment.services.cancelling import Standing, request_cancellation
from fulfillment.states import FulfillmentState
from globalmart.core.db import Lease
from globalmart.core.models import OutboxEvent
from orders.models import Order
from tests import builders
from tests.concurrency.racing import race
from tests.fulfillment.conftest import open_request
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.fulfillment.working import work

pytestmark = pytest.mark.django_db(transaction=True)
S = FulfillmentState
ROUNDS = 12


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> FakeWarehouse:
    fake = FakeWarehouse()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def shop(transactional_db: None) -> None:
    builders.open_shop()
    builders.add_product(on_hand=100)


def ordered() -> Fulfillment:
    order = builders.place({"MUG": 1})
    stock.commit_reservations(order_id=order.pk)
    return open_request(order)


def cancel(row: Fulfillment) -> Callable[[], Standing]:
    def act() -> Standing:
        with transaction.atomic():
            Order.objects.locked().get(pk=row.order_id)
            return request_cancellation(
                order_id=row.order_id, reason="no", actor="customer", now=timezone.now()
            )

    return act


def lease(row: Fulfillment) -> Lease:
    rows = Fulfillment.objects.filter(pk=row.pk)
    rows.update(due_at=timezone.now(), lease_until=None)
    (found,) = rows.lease(now=timezone.now(), limit=1, lease_seconds=50)
    return found


def events(row: Fulfillment) -> Counter[str]:
    rows = OutboxEvent.objects.filter(subject_id=row.order_id, payload__fulfillment_id=row.pk)
    return Counter(
        name.removeprefix("fulfillment.") for name in rows.values_list("name", flat=True)
    )


def no_error(results: list[Any]) -> None:
    assert not [each for each in results if isinstance(each, Exception)]


def has_one_end(row: Fulfillment) -> str:
    """Check that what was told, reserved and recorded is one story; return its end."""
    row.refresh_from_db()
    told = events(row)
    assert told["cancelled"] + told["cancellation_refused"] == 1
    reservation = Reservation.objects.get(order_id=row.order_id)
    if row.state == S.CANCELLED:
        assert told["cancelled"] == 1
        assert (reservation.state, reservation.shipped) == ("released", 0)
    else:
        assert row.is_too_late
        assert row.state == S.SHIPPED
        assert (reservation.state, reservation.shipped) == ("consumed", 1)
    return row.state


class TestCancelAndSend:
    def test_it_is_never_sent_or_it_is_stopped(self, shop: None, warehouse: FakeWarehouse) -> None:
        for _ in range(ROUNDS):
            row = ordered()
            claimed = lease(row)
            no_error(race(cancel(row), lambda claimed=claimed: work_request(claimed)))

            for _ in range(3):
                work(row)
            assert has_one_end(row) == S.CANCELLED
            is_there = row.reference in warehouse.orders
            assert not is_there or warehouse.orders[row.reference].status == "cancelled"
        assert Stock.objects.get().reserved == 0


class TestCancelAndParcel:
    def test_goods_win_or_nothing_leaves(self, shop: None, warehouse: FakeWarehouse) -> None:
        ends: Counter[str] = Counter()
        for turn in range(ROUNDS):
            row = work(ordered())
            cancel(row)()
            claimed = lease(row)
            has_left = turn % 2 == 0
            status = "shipped" if has_left else "cancelled"
            parcels = [parcel(f"P-{turn}", MUG=1)] if has_left else []
            found = warehouse.show(row.reference, status, *parcels)  # type: ignore[arg-type]
            no_error(
                race(
                    lambda claimed=claimed: work_request(claimed),
                    lambda row=row, found=found: shipments.record(
                        warehouse_id=row.warehouse_id, found=found
                    ),
                )
            )

            work(row)
            ends[has_one_end(row)] += 1
        assert ends == {S.SHIPPED: ROUNDS / 2, S.CANCELLED: ROUNDS / 2}


class TestTwoCancels:
    def test_are_one(self, shop: None, warehouse: FakeWarehouse) -> None:
        for turn in range(ROUNDS):
            row = ordered() if turn % 2 else work(ordered())
            no_error(race(cancel(row), cancel(row)))

            work(row)
            assert has_one_end(row) == S.CANCELLED


class TestTwoAnswers:
    def test_are_recorded_once(self, shop: None, warehouse: FakeWarehouse) -> None:
        """A zombie and its successor both ask, and both are told that it is cancelled."""
        for _ in range(ROUNDS):
            row = work(ordered())
            cancel(row)()
            zombie, claimed = lease(row), lease(row)
            no_error(race(lambda z=zombie: work_request(z), lambda c=claimed: work_request(c)))

            assert has_one_end(row) == S.CANCELLED


class TestRemainder:
    def test_is_opened_once(self, shop: None, warehouse: FakeWarehouse) -> None:
        row = ordered()
        Fulfillment.objects.update(state=S.CANCELLED, due_at=None)

        def act() -> int:
            with transaction.atomic():
                Order.objects.locked().get(pk=row.order_id)
                return requests.open_remainder(
                    order_id=row.order_id,
                    order_number=row.order_number,
                    service=row.service,
                    ship_to=row.ship_to,
                    names={},
                    now=timezone.now(),
                )

        assert sorted(race(act, act, act)) == [0, 0, 1]
