"""When a parcel is there."""

from datetime import date, timedelta

from orders.models import ShippingMethod

SUNDAY = 6
DISPATCH_DAYS = 1


def estimate(*, method_code: str, dispatched: date) -> tuple[date, date] | None:
    """Return the first and last day of arrival of what leaves on a day; None: no such method."""
    method = ShippingMethod.objects.filter(code=method_code).first()
    if method is None:
        return None
    first = add_working_days(dispatched, method.days_min)
    return first, add_working_days(dispatched, method.days_max)


def add_working_days(start: date, days: int) -> date:
    """Return the day that is `days` delivery days later; nothing is delivered on Sundays."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() != SUNDAY:
            days -= 1
    return day
