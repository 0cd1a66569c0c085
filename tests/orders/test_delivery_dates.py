"""Customers see dates that the warehouse's calendar can keep."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils import timezone

from fulfillment.models import Fulfillment, Warehouse, WarehouseHoliday
from globalmart.core import timeline
from orders.models import Order, ShippingMethod
from orders.queries import delivery
from orders.queries.tracking import Tracking, track
from orders.states import OrderState
from tests import builders
from tests.fulfillment.conftest import open_request

FRIDAY_MORNING = datetime(2026, 3, 6, 9, tzinfo=UTC)
FRIDAY, MONDAY, WEDNESDAY = date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 11)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop() -> None:
    """A warehouse that works from Monday to Friday until three; parcels take a day or two."""
    builders.open_shop()
    builders.add_product("MUG")
    ShippingMethod.objects.update(days_min=1, days_max=2)


def option(now: datetime, ships_from: date | None = None) -> delivery.Option:
    (found,) = delivery.list_options(
        currency="GBP", subtotal_minor=900, now=now, ships_from=ships_from
    )
    return found


def confirmed(**changes: object) -> Order:
    order = builders.place()
    Order.objects.update(state=OrderState.CONFIRMED, confirmed_at=FRIDAY_MORNING, **changes)
    order.refresh_from_db()
    return order


def window(order: Order, now: datetime = FRIDAY_MORNING) -> tuple[date | None, date | None]:
    found: Tracking = track(order=order, now=now)
    return found.earliest, found.latest


class TestOptions:
    def test_count_from_the_day_on_which_goods_leave(self) -> None:
        found = option(FRIDAY_MORNING)
        assert (found.earliest, found.latest) == (date(2026, 3, 7), MONDAY)

    def test_count_from_the_next_working_day_after_the_cutoff(self) -> None:
        assert option(FRIDAY_MORNING + timedelta(hours=6)).earliest == date(2026, 3, 10)

    def test_know_holidays_and_goods_that_are_to_come(self) -> None:
        WarehouseHoliday.objects.create(
            warehouse=Warehouse.objects.get(), on_date=MONDAY, name="Fair"
        )
        assert option(FRIDAY_MORNING, ships_from=date(2026, 3, 8)).earliest == WEDNESDAY


class TestTracking:
    def test_counts_from_the_confirmation(self) -> None:
        assert window(confirmed()) == (date(2026, 3, 7), MONDAY)

    def test_keeps_to_what_was_promised(self) -> None:
        order = confirmed()
        open_request(order)
        Fulfillment.objects.update(promised_on=MONDAY)
        Warehouse.objects.update(cutoff=time(8))

        assert window(order)[0] == date(2026, 3, 10)

    def test_tells_the_truth_once_the_promised_day_has_gone_by(self) -> None:
        order = confirmed()
        open_request(order)
        Fulfillment.objects.update(promised_on=FRIDAY)

        assert window(order, FRIDAY_MORNING + timedelta(days=3))[0] == date(2026, 3, 10)

    def test_does_not_take_the_end_of_a_parcel_for_the_end_of_the_order(self) -> None:
        order = confirmed()
        for kind, state in (("shipment", "expired"), ("fulfillment", "cancelled")):
            timeline.record(
                subject_type="order",
                subject_id=order.pk,
                kind=f"{kind}.{state}",
                after=state,
                actor="warehouse",
            )

        story = track(order=order, now=timezone.now()).story
        assert [happening.text for happening in story] == ["You placed the order"]
