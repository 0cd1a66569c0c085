"""Refunds at Stripe against refunds here."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from payments import gateways
from payments.gateways.lists import ListBroken
from payments.gateways.refunds import StripeRefund
from payments.models import PaymentAttempt, Refund
from payments.services import refunding
from payments.services.reconciling.comparing import Cure, Difference
from payments.services.reconciling.healing import ACTOR, Run
from payments.services.reconciling.matching import pages
from payments.states import CaseKind, RefundState

R = RefundState
# Our states that agree with Stripe's status. A failed one may have been given up, or be paid back
# by hand; tried anew it has another refund at Stripe.
AGREES = {
    "pending": {R.PENDING, R.PROCESSING, R.UNKNOWN, R.EXTERNAL},
    "requires_action": {R.REQUIRES_ACTION},
    "succeeded": {R.SUCCEEDED},
    "failed": {R.FAILED, R.MANUAL, R.CANCELLED},
    "canceled": {R.CANCELLED, R.FAILED, R.MANUAL},
}
WITHOUT_EFFECT = {"failed", "canceled"}


def compare_window(run: Run, *, since: datetime, until: datetime) -> None:
    """Compare the refunds that began at Stripe in this time."""
    for page in pages(gateways.lists().refunds(since=since, until=until)):
        run.report.compared["refunds"] += len(page)
        rows = Refund.objects.filter(stripe_refund_id__in=[each.id for each in page])
        known = {row.stripe_refund_id: row for row in rows}
        paid = _find_paid(page)
        for theirs in page:
            if compare(theirs, known.get(theirs.id), theirs.intent_id in paid) is not None:
                run.settle(partial(look_at, theirs.id), partial(mend, theirs.intent_id))


def _find_paid(page: Sequence[StripeRefund]) -> set[str]:
    """Return those intents of a page of refunds that our attempts hold."""
    ids = [each.intent_id for each in page]
    rows = PaymentAttempt.objects.filter(stripe_intent_id__in=ids)
    return {found for found in rows.values_list("stripe_intent_id", flat=True) if found}


def mend(intent_id: str, found: Difference) -> None:
    """Look the refund up and apply what it shows. Waits for the network."""
    refunding.look_up_refund(stripe_refund_id=found.subject, intent_id=intent_id, actor=ACTOR)


def look_at(stripe_refund_id: str) -> Difference | None:
    """Ask both sides anew about a refund, Stripe first. Raises ListBroken."""
    answer = gateways.refunds().retrieve(refund_id=stripe_refund_id)
    if answer.refund is None:
        raise ListBroken(f"Stripe did not show {stripe_refund_id}: {answer.code}")
    ours = Refund.objects.filter(stripe_refund_id=stripe_refund_id).first()
    return compare(answer.refund, ours, bool(_find_paid([answer.refund])))


def compare(theirs: StripeRefund, ours: Refund | None, is_paid_here: bool) -> Difference | None:
    """Return how the two differ, or None where they agree.

    Of a payment that is not in our books, the payment is the difference, not its refund.
    """
    if ours is None:
        if theirs.status in WITHOUT_EFFECT or theirs.is_release or not is_paid_here:
            return None
        return _difference(CaseKind.MISSING_HERE, theirs, None, "is not in our books")
    if (theirs.amount_minor, theirs.currency) != (ours.amount_minor, ours.currency):
        return _difference(CaseKind.AMOUNT, theirs, ours, "has another amount", Cure.NONE)
    if ours.state not in AGREES.get(theirs.status, set()):
        return _difference(CaseKind.STATE, theirs, ours, f"is {ours.state} here")
    return None


def _difference(
    kind: CaseKind, theirs: StripeRefund, ours: Refund | None, words: str, cure: Cure = Cure.LOOK_UP
) -> Difference:
    return Difference(
        kind=kind,
        subject=theirs.id,
        detail=f"The refund is {theirs.status} at Stripe, and {words}",
        cure=cure,
        order_id=ours.order_id if ours else None,
        attempt_id=ours.attempt_id if ours else None,
        our_minor=ours.amount_minor if ours else None,
        their_minor=theirs.amount_minor,
        currency=theirs.currency,
    )
