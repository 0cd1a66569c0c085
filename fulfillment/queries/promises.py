"""The day on which goods will leave, by the calendars of the warehouses."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db.models import Max

from fulfillment.calendars import Calendar, ship_day
from fulfillment.models import Fulfillment, Warehouse, WarehouseHoliday
from fulfillment.states import FulfillmentState


def ship_by(*, warehouse: Warehouse, asked_at: datetime, not_before: date | None = None) -> date:
    """Return the day on which a warehouse lets leave what it is asked for at a time (aware),
    `not_before` a day if one is given."""
    days = ship_by_many(warehouses=[warehouse], asked_at=asked_at, not_before=not_before)
    return days[warehouse.pk]


def ship_by_many(
    *, warehouses: Iterable[Warehouse], asked_at: datetime, not_before: date | None = None
) -> dict[int, date]:
    """Return the same day for each of several warehouses, by its key; asks the database once."""
    rows = list(warehouses)
    holidays: dict[int, set[date]] = defaultdict(set)
    for warehouse_id, day in WarehouseHoliday.objects.filter(warehouse__in=rows).values_list(
        "warehouse_id", "on_date"
    ):
        holidays[warehouse_id].add(day)
    return {
        row.pk: ship_day(
            Calendar(
                time_zone=row.time_zone,
                cutoff=row.cutoff,
                working_days=row.working_days,
                holidays=holidays[row.pk],
            ),
            asked_at=asked_at,
            not_before=not_before,
        )
        for row in rows
    }


def earliest_ship_date(*, now: datetime, not_before: date | None = None) -> date:
    """Return the day on which goods leave that are ordered now (aware), and not before a day.

    Which warehouse will serve the order is not known yet, so it is the day that every active one
    can keep. Without any, the day itself.
    """
    active = Warehouse.objects.filter(is_active=True)
    days = ship_by_many(warehouses=active, asked_at=now, not_before=not_before)
    return max(days.values(), default=max(now.date(), not_before or now.date()))


def promised_dates(order_ids: Sequence[int]) -> dict[int, date]:
    """Return the day on which the last of each order's open requests was promised to leave; an
    order without any such day has no entry."""
    ended = (FulfillmentState.SHIPPED, FulfillmentState.CANCELLED, FulfillmentState.INCOMPLETE)
    rows = Fulfillment.objects.filter(order_id__in=order_ids, promised_on__isnull=False)
    last = rows.exclude(state__in=ended).values("order_id").annotate(day=Max("promised_on"))
    return {row["order_id"]: row["day"] for row in last}
