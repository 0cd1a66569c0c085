"""Look again before a difference is believed; mend what is safe, open a case for the rest."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from globalmart.core.money import display
from globalmart.core.reconciliation import Report
from payments.gateways.lists import ListBroken
from payments.models import PaymentCase
from payments.services.cases import close_case, open_case
from payments.services.reconciling.comparing import Cure, Difference
from payments.states import CaseKind

log = logging.getLogger(__name__)

ACTOR = "reconciler"
MOST_STEPS = 3
# So many things in a row that Stripe does not show: it is not they, it is Stripe.
MOST_SILENT = 3
# Asks both sides anew for what a difference is about; None where they agree by now.
Look = Callable[[], Difference | None]
# Does what is safe about a difference; the look that follows tells whether it helped.
Mend = Callable[[Difference], None]


@dataclass(slots=True)
class Run:
    """One comparison: whether it may change anything, and what it has found so far.

    `ends` is the reading of the monotonic clock after which nothing more is looked at.
    """

    now: datetime
    apply: bool
    ends: float | None = None
    report: Report = field(default_factory=Report)
    # Differences that were looked at closely, so that none is counted twice.
    settled: set[tuple[str, str]] = field(default_factory=set)
    silent: int = 0

    def settle(self, look: Look, mend: Mend | None = None) -> bool:
        """Look at a suspicion anew, and heal it or open a case; tell whether that could be done.

        What breaks is logged and counted, and the others go on. Waits for the network. Raises
        ListBroken where Stripe shows nothing at all, or the time is over.
        """
        if self.ends is not None and time.monotonic() > self.ends:
            raise ListBroken("there was no time for the rest")
        try:
            self._settle(look, mend)
        except ListBroken:
            self.silent += 1
            if self.silent >= MOST_SILENT:
                raise
            log.warning("%s is not shown by Stripe", look, exc_info=True)
        except Exception:
            log.exception("%s could not be compared with Stripe", look)
        else:
            self.silent = 0
            return True
        self.report.unfinished += 1
        return False

    def _settle(self, look: Look, mend: Mend | None) -> None:
        found = look()
        if found is None or (found.kind, found.subject) in self.settled:
            return
        self.settled.add((found.kind, found.subject))
        self.report.differ(found.kind, f"{found.subject}: {found.detail}{_amounts(found)}")
        if not self.apply:
            return
        left = _mend(found, look, mend)
        if left is None:
            self.report.healed[found.kind] += 1
            close(found.kind, found.subject, f"healed: {found.cure.label}")
            return
        self.settled.add((left.kind, left.subject))
        report_case(left)

    def reconsider(self, kind: CaseKind, subject: str, look: Look, mend: Mend | None) -> None:
        """Close an open case whose difference both sides, asked anew, do not show any more."""
        if (kind, subject) in self.settled:
            return
        is_known = self.settle(look, mend)
        if not is_known or (kind, subject) in self.settled or not self.apply:
            return
        if close(kind, subject, "a later comparison does not see it any more"):
            self.report.closed += 1


def _mend(found: Difference, look: Look, mend: Mend | None) -> Difference | None:
    """Mend until nothing is left, or the same again. What came late is taken over by a new
    attempt, which then has to learn of the money: two steps."""
    for _ in range(MOST_STEPS):
        if found.cure == Cure.NONE or mend is None:
            return found
        mend(found)
        left = look()
        if left is None or _is_same(left, found):
            return left
        found = left
    return found


def _is_same(one: Difference, other: Difference) -> bool:
    return (one.kind, one.attempt_id) == (other.kind, other.attempt_id)


def _amounts(found: Difference) -> str:
    sides = (("ours", found.our_minor), ("Stripe's", found.their_minor))
    told = [
        f"{whose} {display(amount, found.currency)}"
        for whose, amount in sides
        if amount is not None
    ]
    return f" ({', '.join(told)})" if told and found.currency else ""


def report_case(found: Difference) -> None:
    """Open a case for a difference, unless it is open already, or staff has closed one of the same
    that nothing but staff can end."""
    if found.cure == Cure.NONE and _is_accepted(found):
        return
    open_case(
        kind=found.kind,
        subject=found.subject,
        detail=found.detail,
        order_id=found.order_id,
        attempt_id=found.attempt_id,
        our_minor=found.our_minor,
        their_minor=found.their_minor,
        currency=found.currency,
    )


def _is_accepted(found: Difference) -> bool:
    """Tell whether a person has looked at this very difference, and closed its case."""
    rows = PaymentCase.objects.filter(kind=found.kind, subject=found.subject)
    last = rows.order_by("-pk").first()
    if last is None or last.closed_at is None or not last.closed_by.startswith("staff:"):
        return False
    told = (found.our_minor, found.their_minor, found.currency)
    return told == (last.our_minor, last.their_minor, last.currency)


def close(kind: CaseKind, subject: str, resolution: str) -> bool:
    """Close a case that is no longer true; tell whether one was open."""
    return close_case(
        kind=kind, subject=subject, closed_by="system", resolution=resolution, now=timezone.now()
    )
