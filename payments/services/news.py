"""What a stored event is about: what we know of it, and how more is learnt."""

from payments.models import Dispute, FraudWarning, PaymentAttempt, Refund, StripeEvent
from payments.services import disputes, operations, refunding
from payments.services.ranking import HANDLED, KNOWN, Thing

ACTOR = "webhook"


def find_attempt(event: StripeEvent) -> PaymentAttempt | None:
    """Return the attempt whose intent the event names."""
    # An attempt without an intent has NULL there, which an empty id must not find.
    if not event.intent_id:
        return None
    return PaymentAttempt.objects.filter(stripe_intent_id=event.intent_id).first()


def known_state(event: StripeEvent, attempt: PaymentAttempt | None) -> str | None:
    """Return our state of the event's thing; None where we do not know the thing."""
    handling = HANDLED.get(event.type)
    match handling.thing if handling else None:
        case Thing.INTENT:
            return attempt.state if attempt else None
        case Thing.REFUND:
            refunds = Refund.objects.filter(stripe_refund_id=event.object_id)
            return refunds.values_list("state", flat=True).first()
        case Thing.DISPUTE:
            found = Dispute.objects.filter(stripe_id=event.object_id)
            return found.values_list("state", flat=True).first()
        case Thing.FRAUD_WARNING:
            warnings = FraudWarning.objects.filter(stripe_id=event.object_id)
            return KNOWN if warnings.exists() else None
    return None


def look_up(event: StripeEvent, attempt: PaymentAttempt) -> bool:
    """Ask Stripe for the event's thing and apply what it shows; tell whether Stripe showed it.

    Waits for the network; refuses to run in a transaction.
    """
    match HANDLED[event.type].thing:
        case Thing.INTENT:
            return operations.look_up(attempt_id=attempt.pk, actor=ACTOR)
        case Thing.CHARGE:
            return refunding.look_up_refunds(intent_id=event.intent_id, actor=ACTOR)
        case Thing.REFUND:
            return refunding.look_up_refund(
                stripe_refund_id=event.object_id, intent_id=event.intent_id, actor=ACTOR
            )
        case Thing.DISPUTE:
            return disputes.look_up_dispute(stripe_id=event.object_id, actor=ACTOR)
        case Thing.FRAUD_WARNING:
            return disputes.look_up_fraud_warning(stripe_id=event.object_id, actor=ACTOR)
