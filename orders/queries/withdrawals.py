"""Withdrawing from the contract: how long, from what, and what was stated."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils import dateformat

from fulfillment import queries as fulfillment
from orders.models import Order, OrderLine, ReturnLine, Withdrawal
from orders.queries.returns import BEFORE_SENDING, UNDECIDED
from orders.states import OPEN_RETURNS, Decision, OrderState, ReturnKind

# Where no carrier tells of the delivery, it is taken to have come so long after it left.
ASSUMED_TRANSIT = timedelta(days=30)
SATURDAY = 5
# Returns of which something is on its way, or has come.
SENT = tuple(state for state in OPEN_RETURNS if state not in BEFORE_SENDING)
# Of these there is no contract (any more) to withdraw from.
NO_CONTRACT = (OrderState.DRAFT, OrderState.CANCELLED, OrderState.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawable:
    """So many units of a line can be withdrawn from."""

    line: OrderLine
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A withdrawal as its receipt tells of it; `received_local` is in words of the shop's time."""

    name: str
    email: str
    is_whole: bool
    received_at: datetime
    received_local: str
    items: tuple[tuple[int, str], ...]


def period_ends(*, order: Order) -> datetime | None:
    """Return when the period of withdrawal is over; None: it has not begun, for not all has left.

    `WITHDRAWAL_DAYS` after the day on which the last of the goods came (Directive 2011/83/EU, Art.
    9(2)(b)), to the end of that day, local time; where that is no working day, of the next one
    (Regulation (EEC, Euratom) 1182/71, Art. 3). Holidays are not known here, Saturdays and Sundays
    are.
    """
    parcels = fulfillment.list_shipments([order.pk]).get(order.pk, [])
    lines = order.lines.all()
    if not parcels or any(line.shipped + line.cancelled < line.quantity for line in lines):
        return None
    there = max(each.delivered_at or each.shipped_at + ASSUMED_TRANSIT for each in parcels)
    zone = ZoneInfo(settings.SHOP_TIME_ZONE)
    last_day = there.astimezone(zone).date() + timedelta(days=settings.WITHDRAWAL_DAYS)
    while last_day.weekday() >= SATURDAY:
        last_day += timedelta(days=1)
    return datetime.combine(last_day + timedelta(days=1), time.min, tzinfo=zone)


def last_day(*, order: Order) -> date | None:
    """Return the last day of the period, local; None: it has not begun."""
    until = period_ends(order=order)
    return (until - timedelta(seconds=1)).date() if until is not None else None


def was_stated(*, order: Order, uuid: UUID) -> bool:
    """Tell whether a form has been confirmed already."""
    return Withdrawal.objects.filter(order=order, uuid=uuid).exists()


def is_open(*, order: Order, now: datetime) -> bool:
    """Tell whether the consumer may withdraw now, from something at least."""
    if order.state in NO_CONTRACT:
        return False
    until = period_ends(order=order)
    return (until is None or now < until) and bool(list_withdrawable(order=order))


def list_withdrawable(*, order: Order) -> list[Withdrawable]:
    """Return the units of which no withdrawal was stated, and that were neither cancelled nor came
    back or are on their way back, by position. A return that was only asked for gives way."""
    stated = stated_units(order=order)
    otherwise = _back_otherwise(order)
    found = [
        Withdrawable(
            line=line,
            quantity=line.quantity - line.cancelled - otherwise[line.pk] - stated[line.position],
        )
        for line in order.lines.order_by("position")
    ]
    return [each for each in found if each.quantity > 0]


def stated_units(*, order: Order) -> Counter[int]:
    """Return by position the units of withdrawals."""
    units: Counter[int] = Counter()
    for row in Withdrawal.objects.filter(order=order):
        units.update({int(place): count for place, count in row.units.items()})
    return units


def _back_otherwise(order: Order) -> Counter[int]:
    """Count by line id the units that came back, or are sent, by the shop's own rules."""
    rows = ReturnLine.objects.filter(rma__order=order, rma__kind=ReturnKind.RETURN)
    sent = Q(decision=Decision.ACCEPTED) | Q(rma__state__in=SENT, decision__in=UNDECIDED)
    units: Counter[int] = Counter()
    for line_id, quantity in rows.filter(sent).values_list("line_id", "quantity"):
        units[line_id] += quantity
    return units


def get_statement(*, withdrawal_id: int) -> Statement:
    """Return a withdrawal. Raises Withdrawal.DoesNotExist."""
    return show(Withdrawal.objects.get(pk=withdrawal_id))


def find_latest(*, order: Order) -> Statement | None:
    """Return the order's latest withdrawal, if there is one."""
    row = Withdrawal.objects.filter(order=order).order_by("-pk").first()
    return show(row) if row is not None else None


def show(row: Withdrawal) -> Statement:
    """Show a withdrawal with its goods' names."""
    names = dict(row.order.lines.values_list("position", "name"))
    items = tuple((count, names[int(place)]) for place, count in sorted(row.units.items()))
    return Statement(
        name=row.name,
        email=row.email,
        is_whole=row.is_whole,
        received_at=row.received_at,
        # A template would turn a time back into UTC.
        received_local=dateformat.format(
            row.received_at.astimezone(ZoneInfo(settings.SHOP_TIME_ZONE)), "j F Y, H:i:s T"
        ),
        items=items,
    )
