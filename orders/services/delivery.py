"""The ways to deliver a basket, as a customer chooses among them."""

from dataclasses import dataclass
from datetime import date

from orders.queries.delivery import DISPATCH_DAYS, add_working_days
from orders.services.pricing import list_shipping_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A shipping method for one basket. `price_minor` includes tax; 0 means free."""

    code: str
    name: str
    price_minor: int
    earliest: date
    latest: date


def list_options(*, currency: str, subtotal_minor: int, today: date) -> list[Option]:
    """Return the ways to deliver goods of this value ordered today, in the shop's order."""
    options = list_shipping_options(currency=currency, subtotal_minor=subtotal_minor)
    return [
        Option(
            code=method.code,
            name=method.name,
            price_minor=price,
            earliest=add_working_days(today, DISPATCH_DAYS + method.days_min),
            latest=add_working_days(today, DISPATCH_DAYS + method.days_max),
        )
        for method, price in options
    ]
