"""Whose intent is it? By Stripe's id, else by the attempt that its metadata names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from payments.gateways.lists import ListedIntent
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.reconciling.comparing import Ours
from payments.states import LIVE, OPEN, OperationKind

PAGE = 100
# A creation that was sent so long ago should have brought its intent.
LOST_AFTER = timedelta(minutes=10)
# A call that is younger than this may explain a difference; an older one has an alert of its own.
MOVING_FOR = timedelta(minutes=15)
Thing = TypeVar("Thing")


def pages(things: Iterable[Thing], size: int = PAGE) -> Iterator[list[Thing]]:
    """Cut a stream into lists of at most `size`."""
    stream = iter(things)
    while page := list(islice(stream, size)):
        yield page


def match(page: Sequence[ListedIntent]) -> list[tuple[ListedIntent, Ours | None]]:
    """Return each intent of a page with our side of it: at most three queries."""
    ids = [each.intent.id for each in page]
    holders = {
        each.stripe_intent_id: each
        for each in PaymentAttempt.objects.filter(stripe_intent_id__in=ids)
    }
    strays = [each for each in page if each.intent.id not in holders]
    named = _find_named(strays)
    elsewhere = _find_paid({attempt.order_id for attempt in named.values()})

    def ours(theirs: ListedIntent) -> Ours | None:
        holder = holders.get(theirs.intent.id)
        if holder is not None:
            return Ours(holder, True)
        attempt = named.get(theirs.intent.id)
        if attempt is None:
            return None
        # Between the two queries our own creation may have been answered.
        is_holder = attempt.stripe_intent_id == theirs.intent.id
        return Ours(attempt, is_holder, elsewhere[attempt.order_id])

    return [(theirs, ours(theirs)) for theirs in page]


def _find_named(strays: Sequence[ListedIntent]) -> dict[str, PaymentAttempt]:
    uuids = {each.intent.id: uuid_of(each.intent.metadata.get("attempt_id", "")) for each in strays}
    wanted = [uuid for uuid in uuids.values() if uuid is not None]
    found = {each.uuid: each for each in PaymentAttempt.objects.filter(uuid__in=wanted)}
    return {key: found[uuid] for key, uuid in uuids.items() if uuid in found}


def uuid_of(text: str) -> UUID | None:
    """Return the UUID that a text is, or None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _find_paid(order_ids: set[int]) -> dict[int, list[int]]:
    """Return, by order, the attempts that hold or took money."""
    paid: dict[int, list[int]] = defaultdict(list)
    rows = PaymentAttempt.objects.filter(order_id__in=order_ids, authorized_minor__gt=0)
    for order_id, pk in rows.values_list("order_id", "pk"):
        paid[order_id].append(pk)
    return paid


def is_moving(*, attempt_id: int, now: datetime) -> bool:
    """Tell whether a call about the attempt's money is under way, or about to be made."""
    return PaymentOperation.objects.filter(
        Q(first_sent_at__isnull=True, created_at__gt=now - MOVING_FOR)
        | Q(first_sent_at__gt=now - MOVING_FOR),
        attempt_id=attempt_id,
        finished_at__isnull=True,
        due_at__isnull=False,
    ).exists()


def with_intent(*, since: datetime, until: datetime) -> QuerySet[PaymentAttempt]:
    """Attempts begun in that time whose intent Stripe must show: those that matter still."""
    return PaymentAttempt.objects.filter(
        created_at__gte=since,
        created_at__lt=until,
        stripe_intent_id__isnull=False,
        state__in=LIVE,
    )


def without_intent(*, since: datetime, until: datetime, now: datetime) -> QuerySet[PaymentAttempt]:
    """Attempts begun in that time whose creation was sent a while ago and brought no intent."""
    return PaymentAttempt.objects.filter(
        created_at__gte=since,
        created_at__lt=until,
        stripe_intent_id__isnull=True,
        state__in=OPEN,
        operations__kind=OperationKind.CREATE,
        operations__first_sent_at__lt=now - LOST_AFTER,
    )


def by_time(rows: QuerySet[PaymentAttempt]) -> Iterator[PaymentAttempt]:
    """Read rows in pages, as they began: no cursor stays open while the network is waited for."""
    rows = rows.order_by("created_at", "pk")
    page = list(rows[:PAGE])
    while page:
        yield from page
        last = page[-1]
        same = Q(created_at=last.created_at, pk__gt=last.pk)
        page = list(rows.filter(same | Q(created_at__gt=last.created_at))[:PAGE])
