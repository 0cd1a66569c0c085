"""Payments that the customer's browser confirms; card data never reaches us."""

from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from globalmart.core import outbox
from globalmart.core.db import forbid_transaction
from payments import events, gateways
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.queries import AttemptView, find_attempt, resting_until
from payments.services.intake import PaymentPlan, plan_attempt
from payments.services.operations import send_operation
from payments.services.outcomes import apply_outcome
from payments.states import LIVE, AttemptState, OperationKind

# States in which the same client secret may be tried (again).
PAYABLE = (AttemptState.CREATED, AttemptState.REQUIRES_ACTION)
SETTLED = (AttemptState.AUTHORIZED, AttemptState.PARTIALLY_CAPTURED, AttemptState.CAPTURED)


class CoolDown(Exception):
    """Too many cards were declined; the next may be tried from `until` (UTC) on."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no further card before {until:%F %T}")
        self.until = until


def client_secret(*, attempt_id: int) -> str | None:
    """Return the intent's client secret, creating the intent if it is not there.

    None when Stripe did not answer: the planned creation stays due for a worker, and the caller
    asks again. The secret is fetched, never stored. Waits for the network.
    """
    forbid_transaction()
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.stripe_intent_id is None:
        creations = attempt.operations.filter(kind=OperationKind.CREATE)
        send_operation(operation_id=creations.latest("number").pk)
        attempt.refresh_from_db()
    if attempt.stripe_intent_id is None or _may_be_cancelled(attempt):
        return None
    answer = gateways.current().retrieve(intent_id=attempt.stripe_intent_id).as_look_up()
    apply_outcome(attempt_id=attempt_id, answer=answer, actor="stripe", now=timezone.now())
    return answer.intent.client_secret if answer.intent else None


def _may_be_cancelled(attempt: PaymentAttempt) -> bool:
    """Tell whether a cancel has left whose answer we do not know: it could end a good payment."""
    left = attempt.operations.filter(kind=OperationKind.CANCEL, first_sent_at__isnull=False)
    return left.filter(finished_at__isnull=True).exists()


def finish_cancel(*, attempt_id: int) -> bool:
    """Send the attempt's cancel now, where one is under way; tell whether the attempt has ended.

    A declined payment ends so at once, and another card may be tried without a wait. Waits for
    the network; refuses to run in a transaction.
    """
    forbid_transaction()
    cancel = PaymentOperation.objects.filter(
        attempt_id=attempt_id, kind=OperationKind.CANCEL, finished_at__isnull=True
    ).first()
    if cancel is None:
        return False
    send_operation(operation_id=cancel.pk)
    return not PaymentAttempt.objects.filter(pk=attempt_id, state__in=LIVE).exists()


def plan_next_attempt(*, plan: PaymentPlan, now: datetime) -> AttemptView:
    """Plan attempt n+1 of an order whose last one has ended; the caller holds the order's lock.

    Raises CoolDown after too many declines.
    """
    OrderAccount.objects.locked().get(order_id=plan.order_id)
    until = resting_until(order_id=plan.order_id, now=now)
    if until is not None:
        raise CoolDown(until)
    attempts = PaymentAttempt.objects.filter(order_id=plan.order_id, purpose="order")
    last = attempts.aggregate(last=Max("number"))["last"] or 0
    attempt = plan_attempt(plan=plan, number=last + 1, now=now)
    outbox.publish(events.OperationPlanned(subject_id=plan.order_id, attempt_id=attempt.pk))
    found = find_attempt(uuid=attempt.uuid)
    if found is None:
        raise LookupError(str(attempt.uuid))
    return found
