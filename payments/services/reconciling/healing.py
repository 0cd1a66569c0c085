"""Look again before a difference is believed; mend what is safe, open a case for the rest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from globalmart.core.money import display
from globalmart.core.reconciliation import Report
from payments.services.cases import close_case, open_case
from payments.services.reconciling.comparing import Cure, Difference
from payments.states import CaseKind

ACTOR = "reconciler"
MOST_STEPS = 3
# Asks both sides anew for what a difference is about; None where they agree by now.
Look = Callable[[], Difference | None]
# Does what is safe about a difference; the look that follows tells whether it helped.
Mend = Callable[[Difference], None]


@dataclass(slots=True)
class Run:
    """One comparison: whether it may change anything, and what it has found so far."""

    now: datetime
    apply: bool
    report: Report = field(default_factory=Report)
    # Differences that were looked at closely, so that none is counted twice.
    settled: set[tuple[str, str]] = field(default_factory=set)

    def settle(self, look: Look, mend: Mend | None = None) -> None:
        """Look at a suspicion anew, and heal it or open a case. Waits for the network."""
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
        self.settle(look, mend)
        if (kind, subject) in self.settled or not self.apply:
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
    """Open a case for a difference, unless it is open already."""
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


def close(kind: CaseKind, subject: str, resolution: str) -> bool:
    """Close a case that is no longer true; tell whether one was open."""
    return close_case(
        kind=kind, subject=subject, closed_by="system", resolution=resolution, now=timezone.now()
    )
