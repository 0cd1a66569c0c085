"""Goods that are still to come: from which day they ship, and when an order of them is paid for."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from orders.states import PaymentTiming

# Stripe holds money on a card for so long where the customer pays online; the day is our margin.
HOLD_FOR = timedelta(days=7)
MARGIN = timedelta(days=1)
# A customer who waits for the goods is asked for the money so long before they ship.
INVITE_BEFORE = timedelta(days=3)


def latest_ahead(days: Iterable[date | None], *, today: date) -> date | None:
    """Return the latest of the days that is still to come; None: everything can leave now."""
    return max((day for day in days if day is not None and day > today), default=None)


def start_of(day: date) -> datetime:
    """Return the moment (UTC) at which the day begins."""
    return datetime.combine(day, time(), tzinfo=UTC)


def is_long_wait(*, ships_from: date | None, now: datetime) -> bool:
    """Tell whether a hold taken now might end before the goods leave."""
    return ships_from is not None and start_of(ships_from) > now + HOLD_FOR - MARGIN


def payment_timing(*, ships_from: date | None, is_told: bool, now: datetime) -> PaymentTiming:
    """Return when an order placed now is paid for. `is_told`: the customer was told that the
    card is charged at once, should the goods ship too late for a hold."""
    if not is_long_wait(ships_from=ships_from, now=now):
        return PaymentTiming.AT_SHIPMENT
    return PaymentTiming.AT_ORDER if is_told else PaymentTiming.BY_INVITATION
