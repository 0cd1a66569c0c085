"""The comparisons together: what moves, every few minutes; all of it, by night, in parts."""

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from globalmart.core.reconciliation import Progress, Report, Unfinished
from payments.gateways.lists import ListBroken
from payments.models import Cursor, PaymentAttempt
from payments.queries.reconciliation import (
    RECENT,
    WHOLE_FROM,
    WHOLE_UNTIL,
    has_due_reconciliation,
)
from payments.services.reconciling import disputes, intents, refunds
from payments.services.reconciling.balance import read_balance
from payments.services.reconciling.balancing import compare_balance
from payments.services.reconciling.healing import Run
from payments.services.reconciling.rechecking import recheck_cases
from payments.states import OPEN, AttemptState

# Where no older payment is open: so far back goes the comparison of all.
DAYS = timedelta(days=30)
# The part of the time that is compared at once: a quarter where Stripe shows more intents than
# can be kept in mind, twice as long where it shows few.
FIRST_PART, LEAST_PART, MOST_PART = timedelta(hours=1), timedelta(minutes=1), timedelta(days=7)
MANY, FEW = 5_000, 500
# What has just begun is still on its way between the two.
SETTLING = timedelta(minutes=1)
OVERLAP, FIRST_LOOK = timedelta(minutes=2), timedelta(hours=1)
# Balance lines that Stripe lists days late are found by the comparison of all.
READ_AGAIN = timedelta(days=2)
# What is recent is compared in parts of so much, each remembered when it is done.
RECENT_PART = timedelta(hours=1)
# A job is ended after 180 s; whoever waits for a silent Stripe then waits for a minute.
JOB_SECONDS = 100.0


def reconcile(*, since: datetime | None, apply: bool, progress: Progress) -> Report:
    """Compare everything from `since` on, or from the oldest payment that is open.

    Without `apply` nothing is changed anywhere. Waits for the network, for long where there is
    much. Raises Unfinished.
    """
    now = timezone.now()
    run = Run(now=now, apply=apply)
    begins = since or oldest_open(now=now)
    try:
        for done in _parts(run, since=begins, until=now - SETTLING):
            progress(begins, done, now)
        if apply:
            run.report.compared["new lines"] = read_balance(now=now)
        _finish(run)
    except ListBroken as error:
        raise Unfinished(str(error)) from error
    return run.report


def oldest_open(*, now: datetime) -> datetime:
    """Return when the oldest payment began about which something can still change."""
    waiting = [*OPEN, AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED]
    rows = PaymentAttempt.objects.filter(state__in=waiting).order_by("created_at")
    oldest = rows.values_list("created_at", flat=True).first()
    return min(oldest or now, now - DAYS)


def _parts(run: Run, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """Compare part after part of the time, and give each part's end when it is done."""
    size = FIRST_PART
    while since < until:
        end = min(since + size, until)
        most = MANY if size > LEAST_PART else sys.maxsize - 1
        count = intents.compare_window(run, since=since, until=end, most=most)
        if count > most:
            size = max(size / 4, LEAST_PART)
            continue
        refunds.compare_window(run, since=since, until=end)
        disputes.compare_window(run, since=since, until=end)
        if count < FEW:
            size = min(size * 2, MOST_PART)
        since = end
        yield end


def _finish(run: Run) -> None:
    recheck_cases(run)
    compare_balance(run)


def reconcile_recent(*, now: datetime) -> Report:
    """Compare, and heal, what has moved since the last time; read Stripe's balance.

    Waits for the network. Raises Unfinished: the next time begins after the last part that was
    done.
    """
    run = _job(now)
    cursor, _ = Cursor.objects.get_or_create(name=RECENT, defaults={"read_until": now - FIRST_LOOK})
    since = cursor.read_until - OVERLAP
    try:
        while since < now:
            until = min(since + RECENT_PART, now)
            intents.compare_changes(run, since=since, until=until)
            refunds.compare_window(run, since=since, until=until)
            disputes.compare_window(run, since=since, until=until)
            _advance(RECENT, until)
            since = until
        read_balance(now=now)
        recheck_cases(run)
        intents.compare_moving(run)
    except ListBroken as error:
        raise Unfinished(str(error)) from error
    return run.report


def _job(now: datetime) -> Run:
    """Return a comparison that ends before its job would be ended."""
    return Run(now=now, apply=True, ends=time.monotonic() + JOB_SECONDS)


def begin_whole(*, now: datetime) -> None:
    """Have everything compared, part by part, by `continue_whole`."""
    _set(WHOLE_FROM, oldest_open(now=now))
    _set(WHOLE_UNTIL, now)


def continue_whole(*, now: datetime, budget: timedelta) -> Report | None:
    """Compare the next parts of everything until the budget is spent; None where nothing is due.

    What is done is remembered after each part. Waits for the network. Raises Unfinished.
    """
    if not has_due_reconciliation(now=now):
        return None
    at = {row.name: row.read_until for row in Cursor.objects.filter(name__startswith=WHOLE_FROM)}
    run, until = _job(now), at[WHOLE_UNTIL]
    try:
        for done in _parts(run, since=at[WHOLE_FROM], until=until - SETTLING):
            _advance(WHOLE_FROM, done)
            if timezone.now() - now > budget:
                return run.report
        read_balance(now=now, again=READ_AGAIN)
        _finish(run)
    except ListBroken as error:
        raise Unfinished(str(error)) from error
    _advance(WHOLE_FROM, until)
    return run.report


def _set(name: str, moment: datetime) -> None:
    Cursor.objects.update_or_create(name=name, defaults={"read_until": moment})


def _advance(name: str, moment: datetime) -> None:
    Cursor.objects.filter(name=name, read_until__lt=moment).update(read_until=moment)
