"""Chargebacks: recorded, booked, and told to the house; early fraud warnings are looked up here.

One way in for webhooks and the reconciler: what Stripe shows now is applied in any order and any
number of times, and gives the same end state.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from globalmart.core import outbox, states, timeline
from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.money import display
from payments import events, gateways
from payments.gateways.disputes import DisputeAnswer, state_of_status
from payments.models import Dispute, PaymentAttempt
from payments.services.cases import close_case, open_case
from payments.services.disputed_money import book_dispute, lock_payment
from payments.services.fraud_warnings import apply_warning
from payments.states import DISPUTE, CaseKind, DisputeState

RANK = {
    DisputeState.WARNING: 0,
    DisputeState.NEEDS_RESPONSE: 1,
    DisputeState.UNDER_REVIEW: 2,
    DisputeState.WON: 3,
    DisputeState.LOST: 3,
}
UNKNOWN_STATUS = "dispute_status_unknown"


def look_up_dispute(*, stripe_id: str, actor: str) -> bool:
    """Ask Stripe for a dispute and apply what it shows. Waits for the network.

    Returns False where nothing was applied: Stripe did not answer, or the dispute is about a
    payment that is not known here (yet).
    """
    answer = gateways.disputes().retrieve_dispute(stripe_id=stripe_id)
    return answer is not None and apply_dispute(answer=answer, actor=actor, now=timezone.now())


def look_up_fraud_warning(*, stripe_id: str, actor: str) -> bool:
    """Ask Stripe for an early fraud warning and apply what it shows; as look_up_dispute."""
    answer = gateways.disputes().retrieve_warning(stripe_id=stripe_id)
    return answer is not None and apply_warning(answer=answer, actor=actor, now=timezone.now())


def next_state(
    *,
    before: DisputeState,
    told: DisputeState,
    due_before: datetime | None = None,
    due_told: datetime | None = None,
) -> DisputeState:
    """Return the state after an answer that shows `told`; answers may come late and in any order.

    Nothing goes back, except that the bank asks for evidence once more: then by a later date.
    """
    if RANK[told] > RANK[before]:
        return told
    is_asked_again = (before, told) == (DisputeState.UNDER_REVIEW, DisputeState.NEEDS_RESPONSE)
    is_later = due_before is not None and due_told is not None and due_told > due_before
    return told if is_asked_again and is_later else before


@transaction.atomic
def apply_dispute(*, answer: DisputeAnswer, actor: str, now: datetime) -> bool:
    """Record what a dispute looks like; tell whether its payment is known here.

    Writes dispute, ledger, case, timeline and outbox in one transaction.
    """
    attempt = lock_payment(answer.intent_id)
    if attempt is None:
        return False
    told = state_of_status(answer.status)
    dispute = Dispute.objects.locked().filter(stripe_id=answer.id).first()
    if dispute is None:
        dispute = _record(attempt, answer, told or DisputeState.NEEDS_RESPONSE, actor, now)
    elif told is not None:
        _follow(dispute, answer, told, actor, now)
    _tell_status(dispute, answer, told, now)
    book_dispute(dispute=dispute, answer=answer, attempt=attempt)
    return True


def _record(
    attempt: PaymentAttempt,
    answer: DisputeAnswer,
    state: DisputeState,
    actor: str,
    now: datetime,
) -> Dispute:
    dispute = Dispute.objects.create(
        stripe_id=answer.id,
        order_id=attempt.order_id,
        attempt=attempt,
        currency=answer.currency,
        amount_minor=answer.amount_minor,
        state=state,
        reason=answer.reason[:60],
        evidence_due_at=answer.evidence_due_at,
        opened_at=answer.opened_at,
        state_changed_at=now,
    )
    _note(dispute, "", actor)
    told = {"subject_id": dispute.order_id, "attempt_id": attempt.pk, "dispute_id": dispute.pk}
    outbox.publish(events.PaymentDisputeOpened(**told))
    if state != DisputeState.WON:
        _open_case(dispute)
    return dispute


def _follow(
    dispute: Dispute, answer: DisputeAnswer, told: DisputeState, actor: str, now: datetime
) -> None:
    """Take the step that the answer shows, if it shows one that is new."""
    before = DisputeState(dispute.state)
    after = next_state(
        before=before,
        told=told,
        due_before=dispute.evidence_due_at,
        due_told=answer.evidence_due_at,
    )
    dues = [due for due in (dispute.evidence_due_at, answer.evidence_due_at) if due is not None]
    dispute.evidence_due_at = max(dues, default=None)
    if after != before:
        _move(dispute, after, actor, now)
    dispute.save()


def _move(dispute: Dispute, state: DisputeState, actor: str, now: datetime) -> None:
    """Take one step, with its line in the order's timeline and its event; the caller saves."""
    before = DisputeState(dispute.state)
    states.require(DISPUTE, "dispute", before, state)
    dispute.state, dispute.state_changed_at = state, now
    _note(dispute, before, actor)
    _tell_step(dispute, before, now)


def _tell_step(dispute: Dispute, before: DisputeState, now: datetime) -> None:
    told = {
        "subject_id": dispute.order_id,
        "attempt_id": dispute.attempt_id,
        "dispute_id": dispute.pk,
    }
    if dispute.state == DisputeState.WON:
        outbox.publish(events.PaymentDisputeWon(**told))
        close_case(
            kind=CaseKind.DISPUTE,
            subject=dispute.stripe_id,
            closed_by="system",
            resolution="The dispute was won, or the inquiry was closed",
            now=now,
        )
    elif dispute.state == DisputeState.LOST:
        outbox.publish(events.PaymentDisputeLost(**told))
    elif before == DisputeState.WARNING:
        # The inquiry has become a dispute: whoever let the goods go must decide anew.
        outbox.publish(events.PaymentDisputeOpened(**told))


def _tell_status(
    dispute: Dispute, answer: DisputeAnswer, told: DisputeState | None, now: datetime
) -> None:
    """A status that we do not know, or that contradicts the end in our books, is for a person."""
    if told is None:
        open_alert(
            kind=UNKNOWN_STATUS,
            subject_type="dispute",
            subject_id=dispute.pk,
            detail=f"Dispute {dispute.stripe_id} is {answer.status!r} at Stripe, "
            f"and stays {dispute.state} here",
        )
        return
    close_alert(kind=UNKNOWN_STATUS, subject_type="dispute", subject_id=dispute.pk, now=now)
    is_ended_here = states.is_final(DISPUTE, dispute.state)
    is_after_the_end = states.is_final(DISPUTE, told) or answer.status.startswith("appeal_")
    if is_ended_here and is_after_the_end and told != dispute.state:
        open_case(
            kind=CaseKind.STATE,
            subject=dispute.stripe_id,
            order_id=dispute.order_id,
            attempt_id=dispute.attempt_id,
            detail=f"The dispute ended as {dispute.state} here, and is {answer.status} at Stripe",
        )


def _open_case(dispute: Dispute) -> None:
    due = dispute.evidence_due_at
    until = f"evidence by {due:%Y-%m-%d %H:%M} UTC" if due else "no evidence is asked for"
    amount = display(dispute.amount_minor, dispute.currency)
    kind = "asks about" if dispute.state == DisputeState.WARNING else "disputes"
    open_case(
        kind=CaseKind.DISPUTE,
        subject=dispute.stripe_id,
        order_id=dispute.order_id,
        attempt_id=dispute.attempt_id,
        their_minor=dispute.amount_minor,
        currency=dispute.currency,
        detail=f"The bank {kind} {amount} ({dispute.reason or 'no reason given'}); {until}",
    )


def _note(dispute: Dispute, before: str, actor: str) -> None:
    timeline.record(
        subject_type="order",
        subject_id=dispute.order_id,
        kind=f"dispute.{dispute.state}",
        before=before,
        after=dispute.state,
        actor=actor,
        reason=dispute.reason,
        data={"dispute": dispute.stripe_id, "amount_minor": dispute.amount_minor},
    )
