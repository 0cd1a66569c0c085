"""When people order: by hour and weekday, more before Christmas, and more each year."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

# Of a day's orders, by hour of UTC: lunch and evening.
BY_HOUR = (
    *(1, 0.6, 0.4, 0.3, 0.3, 0.5, 1, 2, 3.2, 4.2, 4.8, 5.2),
    *(5.6, 5, 4.6, 4.6, 5, 5.6, 6.4, 7.4, 7.8, 6.6, 4.4, 2.2),
)
BY_WEEKDAY = (1.1, 1.05, 1.0, 1.0, 0.95, 0.9, 1.15)
BY_MONTH = (0.9, 0.8, 0.85, 0.85, 0.9, 0.9, 0.85, 0.85, 0.95, 1.05, 1.6, 1.7)
GROWTH_A_YEAR = 1.25


def weight(at: datetime, begin: datetime) -> float:
    """Return how many orders come in the hour from `at`, in any unit."""
    years = (at - begin) / timedelta(days=365)
    season = BY_MONTH[at.month - 1] * BY_WEEKDAY[at.weekday()]
    return float(BY_HOUR[at.hour] * season * GROWTH_A_YEAR**years)


def times(*, orders: int, begin: datetime, end: datetime) -> "Clock":
    """Return when each of so many orders between two moments (UTC) is placed."""
    hours = int((end - begin) / timedelta(hours=1))
    weights = [weight(begin + timedelta(hours=hour), begin) for hour in range(hours)]
    return Clock(begin, list(accumulate(weights)), orders)


class Clock:
    """The orders' moments, in order; each can be asked for by itself."""

    def __init__(self, begin: datetime, sums: list[float], orders: int) -> None:
        self.begin, self.sums, self.orders = begin, sums, orders

    def between(self, first: int, last: int, random: Random) -> Iterator[datetime]:
        """Give the moments of orders `first` to `last` (from 0, the last one not), in order."""
        step = self.sums[-1] / self.orders
        for place in range(first, last):
            target = (place + random.random()) * step
            hour = min(bisect_left(self.sums, target), len(self.sums) - 1)
            before = self.sums[hour - 1] if hour else 0.0
            share = (target - before) / (self.sums[hour] - before)
            yield self.begin + timedelta(hours=hour, seconds=int(3600 * min(share, 0.9999)))
