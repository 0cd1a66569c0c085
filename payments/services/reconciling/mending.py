"""What may be done about an intent without a person: learn what it shows, or cancel a stray."""

from datetime import timedelta

from django.utils import timezone

from globalmart.core import timeline
from payments import gateways
from payments.gateways.intents import Outcome
from payments.models import PaymentAttempt
from payments.services import operations
from payments.services.outcomes import apply_outcome
from payments.services.reconciling.comparing import Cure, Difference
from payments.services.reconciling.healing import ACTOR, report_case

# A younger intent may still be on its way into our books; its case is looked at again.
YOUNG = timedelta(minutes=10)


def mend_intent(found: Difference) -> None:
    """Do what is safe about a difference of an intent. Waits for the network."""
    match found.cure:
        case Cure.LOOK_UP if found.attempt_id is not None:
            operations.look_up(attempt_id=found.attempt_id, actor=ACTOR)
        case Cure.ADOPT if found.attempt_id is not None:
            _adopt(found.subject, found.attempt_id)
        case Cure.CANCEL:
            _cancel(found)


def _adopt(intent_id: str, attempt_id: int) -> None:
    """The intent names an attempt that has not learnt of it: what it shows is applied to it."""
    answer = gateways.current().retrieve(intent_id=intent_id)
    if answer.intent is not None:
        apply_outcome(attempt_id=attempt_id, answer=answer, actor=ACTOR, now=timezone.now())


def _is_own_intent_there(found: Difference) -> bool:
    """Tell whether Stripe shows the intent that the attempt does hold: else this one may be it."""
    if found.attempt_id is None:
        return False
    own = PaymentAttempt.objects.get(pk=found.attempt_id).stripe_intent_id
    return own is not None and gateways.lists().intent(intent_id=own) is not None


def _is_old(intent_id: str) -> bool:
    theirs = gateways.lists().intent(intent_id=intent_id)
    return theirs is not None and theirs.created < timezone.now() - YOUNG


def _is_held(intent_id: str) -> bool:
    """Tell whether an attempt holds it by now; asked last, just before the call."""
    return PaymentAttempt.objects.filter(stripe_intent_id=intent_id).exists()


def _cancel(found: Difference) -> None:
    """Cancel an intent that no attempt holds. The case is the intent to do so, committed first;
    the key makes a second cancel within the hour the same one. A later one has another: for a
    day Stripe repeats what it has once answered to a key, an error too."""
    report_case(found)
    if not _is_own_intent_there(found) or not _is_old(found.subject) or _is_held(found.subject):
        return
    answer = gateways.current().cancel(
        intent_id=found.subject,
        request={},
        key=f"cancel-stray-{found.subject}-{timezone.now():%Y%m%d%H}",
    )
    if answer.outcome == Outcome.CANCELLED and found.order_id is not None:
        timeline.record(
            subject_type="order",
            subject_id=found.order_id,
            kind="payment.stray_cancelled",
            actor=ACTOR,
            reason=found.subject,
            data={"amount_minor": found.their_minor},
        )
