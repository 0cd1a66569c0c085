"""Disputes at Stripe against disputes here."""

from datetime import datetime
from functools import partial

from globalmart.core import states
from payments import gateways
from payments.gateways.disputes import DisputeAnswer, state_of_status
from payments.gateways.lists import ListBroken
from payments.models import Dispute
from payments.services.disputes import look_up_dispute, next_state
from payments.services.reconciling.comparing import Cure, Difference
from payments.services.reconciling.healing import ACTOR, Run
from payments.services.reconciling.matching import pages
from payments.states import DISPUTE, CaseKind, DisputeState


def compare_window(run: Run, *, since: datetime, until: datetime) -> None:
    """Compare the disputes that were opened at Stripe in this time."""
    for page in pages(gateways.lists().disputes(since=since, until=until)):
        run.report.compared["disputes"] += len(page)
        ids = [each.id for each in page]
        rows = Dispute.objects.filter(stripe_id__in=ids).select_related("attempt")
        known = {row.stripe_id: row for row in rows}
        for theirs in page:
            if compare(theirs, known.get(theirs.id)) is not None:
                run.settle(partial(look_at, theirs.id), mend)


def mend(found: Difference) -> None:
    """Look the dispute up and apply what it shows. Waits for the network."""
    look_up_dispute(stripe_id=found.subject, actor=ACTOR)


def look_at(stripe_id: str) -> Difference | None:
    """Ask both sides anew about a dispute, Stripe first. Raises ListBroken."""
    theirs = gateways.disputes().retrieve_dispute(stripe_id=stripe_id)
    if theirs is None:
        raise ListBroken(f"Stripe did not show {stripe_id}")
    return compare(theirs, Dispute.objects.filter(stripe_id=stripe_id).first())


def compare(theirs: DisputeAnswer, ours: Dispute | None) -> Difference | None:
    """Return how the two differ, or None where they agree."""
    if ours is None:
        return _difference(CaseKind.MISSING_HERE, theirs, None, "is not in our books")
    if theirs.currency != ours.attempt.currency:
        # It cannot be booked, however often it is looked up.
        words = "has another currency than the payment"
        return _difference(CaseKind.AMOUNT, theirs, ours, words, Cure.NONE)
    if (theirs.amount_minor, theirs.currency) != (ours.amount_minor, ours.currency):
        return _difference(CaseKind.AMOUNT, theirs, ours, "has another amount")
    if _is_other_state(theirs, ours):
        return _difference(CaseKind.STATE, theirs, ours, f"is {ours.state} here")
    return None


def _is_other_state(theirs: DisputeAnswer, ours: Dispute) -> bool:
    """Tell whether a look-up would take a step, or the two have ended differently."""
    told, before = state_of_status(theirs.status), DisputeState(ours.state)
    if told is None or told == before:
        return False
    if states.is_final(DISPUTE, before):
        return states.is_final(DISPUTE, told) or theirs.status.startswith("appeal_")
    after = next_state(
        before=before,
        told=told,
        due_before=ours.evidence_due_at,
        due_told=theirs.evidence_due_at,
    )
    return after != before


def _difference(
    kind: CaseKind,
    theirs: DisputeAnswer,
    ours: Dispute | None,
    words: str,
    cure: Cure = Cure.LOOK_UP,
) -> Difference:
    return Difference(
        kind=kind,
        subject=theirs.id,
        detail=f"The dispute is {theirs.status} at Stripe, and {words}",
        cure=cure,
        order_id=ours.order_id if ours else None,
        attempt_id=ours.attempt_id if ours else None,
        our_minor=ours.amount_minor if ours else None,
        their_minor=theirs.amount_minor,
        currency=theirs.currency,
    )
