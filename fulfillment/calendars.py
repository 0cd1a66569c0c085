"""On which day a warehouse lets goods leave. Plain data in, a day out; it asks nobody."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a warehouse works: `working_days` are ISO weekdays as one text ("12345"), `cutoff` is
    the local time from which on a request waits for the next working day."""

    time_zone: str
    cutoff: time
    working_days: str
    holidays: Set[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Tell whether goods leave on this day."""
        return str(day.isoweekday()) in self.working_days and day not in self.holidays


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of this IANA name; None if this machine knows no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def ship_day(calendar: Calendar, *, asked_at: datetime, not_before: date | None = None) -> date:
    """Return the day (local) on which what is asked for at a time (aware) leaves: the first
    working day, from `not_before` on, whose cut-off is still to come.

    A zone that this machine does not know counts as UTC, and a system check complains: the day may
    be off by one, but no page fails.
    """
    zone = find_zone(calendar.time_zone) or UTC
    day = asked_at.astimezone(zone).date()
    # As moments, not as wall clocks: an hour that comes twice must not reopen the day.
    if asked_at.astimezone(UTC) >= datetime.combine(day, calendar.cutoff, zone).astimezone(UTC):
        day += DAY
    day = max(day, not_before or day)
    while not calendar.works_on(day):
        day += DAY
    return day
