"""Ways to ship: what they cost and when the parcel is there."""

from dataclasses import dataclass
from datetime import date, timedelta

from orders.models import ShippingMethod, ShippingRate

SUNDAY = 6
DISPATCH_DAYS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A shipping method for one basket. `price_minor` includes tax; 0 means free."""

    code: str
    name: str
    price_minor: int
    earliest: date
    latest: date


def list_options(*, currency: str, subtotal_minor: int, today: date) -> list[Option]:
    """Return the active methods that have a price in this currency, in the shop's order."""
    rates = ShippingRate.objects.filter(currency=currency, method__is_active=True)
    return [
        Option(
            code=rate.method.code,
            name=rate.method.name,
            price_minor=_price(rate, subtotal_minor),
            earliest=add_working_days(today, DISPATCH_DAYS + rate.method.days_min),
            latest=add_working_days(today, DISPATCH_DAYS + rate.method.days_max),
        )
        for rate in rates.select_related("method").order_by("method__position", "method__code")
    ]


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


def _price(rate: ShippingRate, subtotal_minor: int) -> int:
    if rate.free_from_minor is not None and subtotal_minor >= rate.free_from_minor:
        return 0
    return rate.amount_minor
