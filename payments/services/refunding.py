"""Send refunds to Stripe: committed as sent before bytes leave, looked up before sent again."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from globalmart.core import states
from globalmart.core.alerts import open_alert
from globalmart.core.db import WORK_FIELDS
from globalmart.core.failpoints import failpoint
from payments import gateways
from payments.gateways.classification import classify_refund
from payments.gateways.refunds import RefundAnswer, RefundOutcome, StripeRefund
from payments.models import PaymentOperation, Refund
from payments.services.refund_books import open_books
from payments.services.refund_outcomes import apply_refund
from payments.states import OPERATION, OperationState, RefundState

# Stripe may forget a key after 24 h; the same key would then be a new request.
KEY_LIFE = timedelta(hours=23)
# A look-up and a call, each up to its deadline and one silence on top.
LEASE_SECONDS = 45


def send_refund(*, operation_id: int) -> None:
    """Send one refund, or find out what became of it, and record the outcome.

    Waits for the network; refuses to run in a transaction. An operation that is finished is
    left as it is.
    """
    operation, was_sent = _mark_sent(operation_id=operation_id, now=timezone.now())
    if operation is None:
        return
    order_id = operation.attempt.order_id
    failpoint("CP25", order=order_id, step="before the call")
    answer = (_ask_first(operation) if was_sent else None) or _call(operation)
    failpoint("CP25", order=order_id, step="after the call")
    apply_refund(
        answer=answer,
        actor="stripe",
        now=timezone.now(),
        refund_id=operation.refund_id,
        operation_id=operation.pk,
    )


@transaction.atomic(durable=True)
def _mark_sent(*, operation_id: int, now: datetime) -> tuple[PaymentOperation | None, bool]:
    """Commit that the call is about to leave; tell whether it may have left before."""
    refund_id = PaymentOperation.objects.values_list("refund_id", flat=True).get(pk=operation_id)
    if refund_id is None:
        raise ValueError("not the operation of a refund")
    books = open_books(refund_id=refund_id, actor="system", now=now)
    operation = PaymentOperation.objects.locked().select_related("attempt").get(pk=operation_id)
    if operation.finished_at is not None:
        return None, False
    # Even an operation put back to planned after a 429 or a lost answer may be known to Stripe.
    was_sent = operation.first_sent_at is not None
    if books.refund.state == RefundState.APPROVED:
        books.move(RefundState.PROCESSING)
    if operation.state != OperationState.SENT:
        states.require(OPERATION, "operation", operation.state, OperationState.SENT)
    operation.state = OperationState.SENT
    operation.first_sent_at = operation.first_sent_at or now
    operation.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    operation.due_at = operation.due_at or now
    operation.save(update_fields=["state", "first_sent_at", *WORK_FIELDS])
    if not _is_key_alive(operation, now):
        _alert_too_old(operation)
    return operation, was_sent


def _is_key_alive(operation: PaymentOperation, now: datetime) -> bool:
    return now - (operation.first_sent_at or now) < KEY_LIFE


def _alert_too_old(operation: PaymentOperation) -> None:
    open_alert(
        kind="operation_too_old",
        subject_type="order",
        subject_id=operation.attempt.order_id,
        detail=f"Refund {operation.refund_id} has had no definite answer for 23 hours; look it up "
        "in Stripe's dashboard",
    )


def _ask_first(operation: PaymentOperation) -> RefundAnswer | None:
    """Look for the refund at Stripe. None means: the same key may go again.

    That a list does not show it proves nothing, but the same key cannot make a second one.
    """
    found = gateways.refunds().list_of_intent(intent_id=operation.attempt.stripe_intent_id or "")
    for shown in found.refunds:
        if shown.metadata.get("operation_id") == str(operation.uuid):
            return answer_of(shown)
    if not found.is_whole:
        code = found.code or "look_up_failed"
        return RefundAnswer(RefundOutcome.UNKNOWN, None, code, found.retry_after)
    if _is_key_alive(operation, timezone.now()):
        return None
    return RefundAnswer(RefundOutcome.UNKNOWN, code="key_expired")


def answer_of(shown: StripeRefund) -> RefundAnswer:
    """Return the answer that a refund shown by Stripe is."""
    return RefundAnswer(classify_refund(status=shown.status), shown, shown.failure_code)


def _call(operation: PaymentOperation) -> RefundAnswer:
    return gateways.refunds().create(request=operation.request, key=operation.idempotency_key)


def look_up_refund(*, stripe_refund_id: str, intent_id: str, actor: str) -> bool:
    """Fetch what a webhook told of and apply it; tell whether Stripe showed it.

    Without a refund's id (`charge.refunded` names the charge alone) all refunds of the intent
    are fetched. Waits for the network; refuses to run in a transaction.
    """
    if stripe_refund_id:
        answer = gateways.refunds().retrieve(refund_id=stripe_refund_id)
        if answer.refund is None:
            return False
        apply_refund(answer=answer, actor=actor, now=timezone.now())
        return True
    return look_up_refunds(intent_id=intent_id, actor=actor)


def look_up_refunds(*, intent_id: str, actor: str) -> bool:
    """Fetch all refunds of an intent and apply them; tell whether Stripe showed them all.

    Waits for the network; refuses to run in a transaction.
    """
    if not intent_id:
        return False
    found = gateways.refunds().list_of_intent(intent_id=intent_id)
    for shown in found.refunds:
        apply_refund(answer=answer_of(shown), actor=actor, now=timezone.now())
    return found.is_whole


def check_refund(*, refund_id: int, actor: str = "poller") -> str:
    """Look up a refund that nobody has told us about for a while; return its state.

    Waits for the network; refuses to run in a transaction.
    """
    refund = Refund.objects.select_related("attempt").get(pk=refund_id)
    intent_id = refund.attempt.stripe_intent_id or ""
    look_up_refund(stripe_refund_id=refund.stripe_refund_id or "", intent_id=intent_id, actor=actor)
    return Refund.objects.values_list("state", flat=True).get(pk=refund_id)
