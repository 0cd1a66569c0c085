"""Ways to deliver as a customer chooses among them, and when the parcel is there."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings

from fulfillment import queries as fulfillment
from orders.models import ShippingMethod
from orders.queries.rates import list_shipping_prices

SUNDAY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A shipping method for one basket. `price_minor` includes tax; 0 means free."""

    code: str
    name: str
    price_minor: int
    earliest: date
    latest: date


def list_options(
    *,
    currency: str,
    subtotal_minor: int,
    now: datetime,
    ships_from: date | None = None,
    country: str = "",
    region: str = "",
    weight_grams: int = 0,
) -> list[Option]:
    """Return the ways to deliver goods of this value and weight ordered now (aware), in the shop's
    order, to a country; without one, at home.

    They leave by the warehouses' calendars, and not before `ships_from`.
    """
    options = list_shipping_prices(
        currency=currency,
        country=country or settings.SHOP_COUNTRY,
        region=region,
        weight_grams=weight_grams,
        goods_minor=subtotal_minor,
    )
    leaves = fulfillment.earliest_ship_date(now=now, not_before=ships_from)
    return [
        Option(
            code=method.code,
            name=method.name,
            price_minor=price,
            earliest=add_working_days(leaves, method.days_min),
            latest=add_working_days(leaves, method.days_max),
        )
        for method, price in options
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
