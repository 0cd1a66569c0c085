"""Goods leave on a working day of the warehouse, if they were asked for before its cut-off."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as some

from fulfillment import checks, queries
from fulfillment.calendars import Calendar, ship_day
from fulfillment.models import Fulfillment, Warehouse, WarehouseHoliday
from fulfillment.states import FulfillmentState
from tests import builders

LONDON = Calendar(time_zone="Europe/London", cutoff=time(15), working_days="12345")
FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestShipDay:
    @pytest.mark.parametrize(
        ("asked_at", "day"),
        [
            ("2026-03-06T14:59:59+00:00", FRIDAY),
            ("2026-03-06T15:00:00+00:00", MONDAY),
            ("2026-03-07T10:00:00+00:00", MONDAY),
            ("2026-03-08T23:00:00+00:00", MONDAY),
            # The same moment, told by another clock.
            ("2026-03-06T23:59:59+09:00", FRIDAY),
        ],
    )
    def test_is_the_first_working_day_whose_cutoff_is_to_come(
        self, asked_at: str, day: date
    ) -> None:
        assert ship_day(LONDON, asked_at=at(asked_at)) == day

    def test_counts_the_cutoff_by_the_clock_of_the_warehouse(self) -> None:
        # Summer time: three in the afternoon in London is two by UTC.
        assert ship_day(LONDON, asked_at=at("2026-06-05T14:30:00+00:00")) == date(2026, 6, 8)

    def test_leaves_out_holidays(self) -> None:
        closed = Calendar(
            time_zone="Europe/London",
            cutoff=time(15),
            working_days="12345",
            holidays={MONDAY, date(2026, 3, 10)},
        )
        assert ship_day(closed, asked_at=at("2026-03-06T16:00:00+00:00")) == date(2026, 3, 11)

    def test_waits_for_goods_that_are_to_come(self) -> None:
        asked_at = at("2026-03-02T09:00:00+00:00")
        assert ship_day(LONDON, asked_at=asked_at, not_before=date(2026, 3, 7)) == MONDAY

    def test_does_not_reopen_the_day_in_the_hour_that_comes_twice(self) -> None:
        night = Calendar(time_zone="Europe/London", cutoff=time(1, 30), working_days="1234567")
        # 01:15 by the clock on the wall, for the second time: the cut-off was 45 minutes ago.
        assert ship_day(night, asked_at=at("2026-10-25T01:15:00+00:00")) == date(2026, 10, 26)
        assert ship_day(night, asked_at=at("2026-10-25T00:15:00+00:00")) == date(2026, 10, 25)

    def test_takes_a_zone_that_nobody_knows_for_utc(self) -> None:
        lost = Calendar(time_zone="Mars/Phobos", cutoff=time(15), working_days="12345")
        assert ship_day(lost, asked_at=at("2026-03-06T14:00:00+00:00")) == FRIDAY

    @given(
        zone=some.sampled_from(sorted(available_timezones())),
        cutoff=some.times(),
        working=some.sets(some.integers(1, 7), min_size=1),
        holidays=some.sets(some.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=20),
        seconds=some.integers(0, 364 * 24 * 3600),
    )
    def test_is_what_a_walk_from_day_to_day_finds(
        self, zone: str, cutoff: time, working: set[int], holidays: set[date], seconds: int
    ) -> None:
        asked_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        calendar = Calendar(
            time_zone=zone,
            cutoff=cutoff,
            working_days="".join(str(day) for day in sorted(working)),
            holidays=holidays,
        )

        def is_open(day: date) -> bool:
            ends = datetime.combine(day, cutoff, ZoneInfo(zone)).timestamp()
            works = day.isoweekday() in working and day not in holidays
            # A day that has not begun yet is open, whatever its clocks do at midnight.
            begun = day <= asked_at.astimezone(ZoneInfo(zone)).date()
            return works and (not begun or asked_at.timestamp() < ends)

        days = (asked_at.astimezone(ZoneInfo(zone)).date() + timedelta(n) for n in range(60))
        assert ship_day(calendar, asked_at=asked_at) == next(filter(is_open, days))


@pytest.mark.django_db
class TestEarliestShipDate:
    def test_is_a_day_that_every_active_warehouse_can_keep(self) -> None:
        Warehouse.objects.create(code="early", name="Early", working_days="1234567")
        late = Warehouse.objects.create(code="late", name="Late", cutoff=time(9))
        WarehouseHoliday.objects.create(warehouse=late, on_date=MONDAY, name="Founders' day")
        asked_at = at("2026-03-06T10:00:00+00:00")

        assert queries.earliest_ship_date(now=asked_at) == date(2026, 3, 10)
        Warehouse.objects.filter(code="late").update(is_active=False)
        assert queries.earliest_ship_date(now=asked_at) == FRIDAY

    def test_is_today_where_there_is_no_warehouse(self) -> None:
        assert queries.earliest_ship_date(now=at("2026-03-07T10:00:00+00:00")) == date(2026, 3, 7)

    def test_keeps_each_warehouse_to_its_own_holidays(self) -> None:
        here, there = (Warehouse.objects.create(code=code, name=code) for code in "ab")
        WarehouseHoliday.objects.create(warehouse=there, on_date=FRIDAY, name="Fair")

        days = queries.ship_by_many(
            warehouses=[here, there], asked_at=at("2026-03-06T10:00:00+00:00")
        )

        assert days == {here.pk: FRIDAY, there.pk: MONDAY}
        assert queries.ship_by(warehouse=there, asked_at=at("2026-03-06T10:00:00Z")) == MONDAY


class TestPromisedDates:
    def test_is_that_of_the_last_open_request(self, request_row: Fulfillment) -> None:
        other = builders.place({"MUG": 1})
        Fulfillment.objects.update(promised_on=FRIDAY)
        asked = [request_row.order_id, other.pk]

        assert queries.promised_dates(asked) == {request_row.order_id: FRIDAY}
        Fulfillment.objects.update(state=FulfillmentState.SHIPPED)
        assert queries.promised_dates(asked) == {}


@pytest.mark.django_db
class TestTimeZone:
    @pytest.mark.parametrize("name", ["Mars/Phobos", "Europe", "../passwd", ""])
    def test_that_is_none_is_refused_and_reported(self, name: str) -> None:
        warehouse = Warehouse(code="main", name="Main", time_zone=name)
        with pytest.raises(ValidationError, match="Europe/London"):
            warehouse.clean()
        warehouse.save()

        (found,) = checks.time_zones_are_known(app_configs=None, databases=["default"])
        assert "main" in found.msg

    def test_that_is_one_is_taken(self) -> None:
        warehouse = Warehouse.objects.create(code="main", name="M", time_zone="Europe/London")
        warehouse.clean()

        assert checks.time_zones_are_known(app_configs=None, databases=["default"]) == []
