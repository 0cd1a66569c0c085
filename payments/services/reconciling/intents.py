"""Intents at Stripe against attempts here, in both directions."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from django.db.models import F

from payments import gateways
from payments.gateways.lists import ListedIntent
from payments.models import OrderAccount, PaymentAttempt
from payments.services.reconciling.comparing import Difference, compare, missing_there
from payments.services.reconciling.healing import Run
from payments.services.reconciling.matching import (
    by_time,
    is_moving,
    match,
    pages,
    with_intent,
    without_intent,
)
from payments.services.reconciling.mending import mend_intent
from payments.states import LIVE, OPEN, CaseKind

# An attempt that changed so lately is looked at even where no event told of it.
LATELY = timedelta(hours=1)
# As many of those are looked at one by one; the others' turn comes with the full comparison.
MOST_LOOKS = 200
OVERPAID = "order-"


def compare_window(run: Run, *, since: datetime, until: datetime, most: int) -> int:
    """Compare what either side began in this time; return how many intents Stripe showed.

    Where it shows more than `most`, the rest of them is left, and our side is. Keeps one number
    per attempt of the window in memory, and a page of each side.
    """
    intents = gateways.lists().intents(since=since, until=until)
    count, seen, named = _compare(run, islice(intents, most + 1))
    if count > most:
        return count
    run.report.compared["intents"] += count
    for attempt in by_time(with_intent(since=since, until=until)):
        run.report.compared["attempts"] += 1
        if attempt.pk not in seen:
            # Its intent may be some seconds younger than the window. The look-up decides.
            run.settle(partial(look_at, attempt.stripe_intent_id or "", run.now), mend_intent)
    # Those that an intent named have learnt of it by now, or the run has changed nothing.
    for attempt in by_time(without_intent(since=since, until=until, now=run.now)):
        if attempt.pk not in named:
            run.settle(partial(look_for, attempt.pk, run.now))
    return count


def _compare(run: Run, intents: Iterable[ListedIntent]) -> tuple[int, set[int], set[int]]:
    """Compare a stream; return its length, the attempts that hold one, and those only named."""
    count, seen, named = 0, set[int](), set[int]()
    for page in pages(intents):
        count += len(page)
        pairs = match(page)
        for theirs, ours in pairs:
            if ours is not None:
                (seen if ours.is_holder else named).add(ours.attempt.pk)
            if compare(theirs, ours) is not None:
                run.settle(partial(look_at, theirs.intent.id, run.now), mend_intent)
        _compare_accounts(run, {ours.attempt.order_id for _, ours in pairs if ours is not None})
    return count, seen, named


def look_at(intent_id: str, now: datetime) -> Difference | None:
    """Ask both sides anew about an intent, Stripe first. Raises ListBroken."""
    theirs = gateways.lists().intent(intent_id=intent_id)
    if theirs is None:
        attempt = PaymentAttempt.objects.filter(stripe_intent_id=intent_id, state__in=LIVE).first()
        return missing_there(attempt) if attempt is not None else None
    ((_, ours),) = match([theirs])
    found = compare(theirs, ours)
    if found is None or not found.is_moving or found.attempt_id is None:
        return found
    return None if is_moving(attempt_id=found.attempt_id, now=now) else found


def look_for(attempt_id: int, now: datetime) -> Difference | None:
    """Tell whether an attempt still waits for the intent that its creation should have brought."""
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    rows = without_intent(
        since=attempt.created_at, until=attempt.created_at + timedelta(seconds=1), now=now
    )
    return missing_there(attempt) if rows.filter(pk=attempt_id).exists() else None


def compare_changes(run: Run, *, since: datetime, until: datetime) -> None:
    """Compare what Stripe's events told of in this time."""
    shown: set[str] = set()

    def newest() -> Iterable[ListedIntent]:
        for each in gateways.lists().changed_intents(since=since, until=until):
            if each.intent.id not in shown:
                shown.add(each.intent.id)
                yield each

    count, _, _ = _compare(run, newest())
    run.report.compared["intents"] += count


def compare_moving(run: Run) -> None:
    """Compare our attempts that move, whether or not an event told of them."""
    lately = PaymentAttempt.objects.filter(state_changed_at__gte=run.now - LATELY)
    moving = lately | PaymentAttempt.objects.filter(state__in=OPEN)
    rows = moving.filter(stripe_intent_id__isnull=False).order_by("-state_changed_at")
    for attempt in rows[:MOST_LOOKS]:
        run.report.compared["attempts"] += 1
        run.settle(partial(look_at, attempt.stripe_intent_id or "", run.now), mend_intent)


def _compare_accounts(run: Run, order_ids: set[int]) -> None:
    """Two attempts that together took more than is due are a double payment."""
    rows = OrderAccount.objects.filter(order_id__in=order_ids, captured_minor__gt=F("due_minor"))
    for order_id in rows.values_list("order_id", flat=True):
        run.settle(partial(look_at_account, order_id))


def look_at_account(order_id: int) -> Difference | None:
    """Tell whether more was taken for an order than is due, and is not on its way back."""
    account = OrderAccount.objects.get(order_id=order_id)
    kept = account.captured_minor - account.refunded_minor - account.refund_reserved_minor
    if kept <= account.due_minor:
        return None
    return Difference(
        kind=CaseKind.DUPLICATE,
        subject=f"{OVERPAID}{order_id}",
        detail="More was captured for the order than is due",
        order_id=order_id,
        our_minor=account.due_minor,
        their_minor=kept,
        currency=account.currency,
    )
