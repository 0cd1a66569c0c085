"""Finding an order by number and e-mail address, with a limit on guessing."""

from datetime import datetime, timedelta

from django.conf import settings

from globalmart.core import tries
from globalmart.core.tries import Limit
from orders.models import Order
from orders.queries import tracking

ADDRESS, NUMBER = "lookup.address", "lookup.number"


class TooManyTries(Exception):
    """Too many wrong pairs came from this address, or for this number; `seconds` to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


def find_order(*, number: str, email: str, address: str, now: datetime) -> Order | None:
    """Return the order with this number if it belongs to this e-mail address.

    Wrong pairs are counted for the client's network `address` and for the number, whether or not
    there is an order with it; an empty number is none. Raises TooManyTries.
    """
    if not number:
        return None
    _count(address, number, now)
    order = tracking.find_order(number=number, email=email)
    if order is not None:
        _forget(address, number)
    return order


def _count(address: str, number: str, now: datetime) -> None:
    seconds = tries.take(limit=_limit(ADDRESS), subject=address, now=now)
    if seconds:
        raise TooManyTries(seconds)
    seconds = tries.take(limit=_limit(NUMBER), subject=number, now=now)
    if seconds:
        tries.give_back(limit=_limit(ADDRESS), subject=address)
        raise TooManyTries(seconds)


def _forget(address: str, number: str) -> None:
    tries.give_back(limit=_limit(ADDRESS), subject=address)
    tries.give_back(limit=_limit(NUMBER), subject=number)


def _limit(scope: str) -> Limit:
    window = timedelta(minutes=settings.LOOKUP_MINUTES)
    return Limit(scope=scope, most=settings.LOOKUP_TRIES, window=window)
