"""A handful of journeys through payments' own services; only settings differ between Stripes."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.utils import timezone

from orders.models import Order
from payments import gateways
from payments.gateways.intents import Outcome
from payments.models import (
    OrderAccount,
    PaymentAttempt,
    PaymentOperation,
    Refund,
    RefundItem,
    StripeEvent,
)
from payments.services.event_sweep import sweep_events
from payments.services.operations import look_up
from payments.services.outcomes import apply_outcome
from payments.services.planning import plan_cancel, plan_capture
from payments.services.refunding import look_up_refunds
from payments.services.refunds import Part, approve_refund, request_refund
from payments.states import AttemptState, OperationState, RefundState
from tests import builders
from tests.real_stripe.conftest import work

TOTAL = 2195
# Stripe's list of events is a moment behind.
EVENT_SECONDS = 30

pytestmark = pytest.mark.timeout(300)


def attempt_of(order: Order) -> PaymentAttempt:
    return PaymentAttempt.objects.get(order=order)


def intent_of(client: stripe.StripeClient, order: Order) -> Any:
    return client.v1.payment_intents.retrieve(attempt_of(order).stripe_intent_id or "")


def operation(order: Order, kind: str) -> PaymentOperation:
    return PaymentOperation.objects.get(attempt__order=order, kind=kind)


def pay(payment_method: str = "pm_card_visa") -> Order:
    order = builders.place(payment_method=payment_method, key=f"key-{time.time_ns()}")
    work()
    return order


def capture(order: Order) -> None:
    plan_capture(order_id=order.pk, now=timezone.now())
    work()


class TestJourneys:
    def test_holds_then_captures(self, there: stripe.StripeClient) -> None:
        order = pay()
        held = attempt_of(order)
        assert (held.state, held.authorized_minor) == (AttemptState.AUTHORIZED, TOTAL)
        assert intent_of(there, order).status == "requires_capture"
        assert held.capture_before is None or held.capture_before > timezone.now()

        capture(order)

        assert attempt_of(order).state == AttemptState.CAPTURED
        found = intent_of(there, order)
        assert (found.status, found.amount_received) == ("succeeded", TOTAL)
        assert OrderAccount.objects.get(order=order).captured_minor == TOTAL

    def test_cancels_what_was_declined(self, there: stripe.StripeClient) -> None:
        order = pay("pm_card_visa_chargeDeclined")

        ended = attempt_of(order)
        assert ended.state == AttemptState.FAILED
        assert ended.decline_code
        assert intent_of(there, order).status == "canceled"

    def test_waits_for_the_bank_then_cancels(self, there: stripe.StripeClient) -> None:
        order = pay("pm_card_authenticationRequired")
        assert attempt_of(order).state == AttemptState.REQUIRES_ACTION
        assert intent_of(there, order).status == "requires_action"

        plan_cancel(order_id=order.pk, now=timezone.now())
        work()

        assert attempt_of(order).state == AttemptState.CANCELLED
        assert intent_of(there, order).status == "canceled"

    def test_gives_a_part_back(self, there: stripe.StripeClient) -> None:
        order = pay()
        capture(order)
        refund = request_refund(
            order_id=order.pk,
            items=[Part(RefundItem.Kind.AMOUNT, 500)],
            reason=Refund.Reason.REQUESTED,
            requested_by="staff:1",
            now=timezone.now(),
        )
        approve_refund(refund_id=refund.pk, approved_by="staff:2", now=timezone.now())
        work()

        refund.refresh_from_db()
        assert refund.state in {RefundState.SUCCEEDED, RefundState.PENDING}
        shown = there.v1.refunds.retrieve(refund.stripe_refund_id or "")
        assert (shown.amount, shown.status) == (500, refund.state)

    def test_what_a_final_capture_leaves_is_no_refund(self, there: stripe.StripeClient) -> None:
        order = pay()
        intent_id = attempt_of(order).stripe_intent_id or ""
        there.v1.payment_intents.capture(intent_id, {"amount_to_capture": 1500})
        look_up(attempt_id=attempt_of(order).pk, actor="poller")

        self.sees_no_refund(there, order, released_minor=TOTAL - 1500)
        assert OrderAccount.objects.get(order=order).captured_minor == 1500

    def test_a_cancelled_hold_is_no_refund(self, there: stripe.StripeClient) -> None:
        order = pay()
        plan_cancel(order_id=order.pk, now=timezone.now())
        work()

        self.sees_no_refund(there, order, released_minor=TOTAL)
        assert attempt_of(order).state == AttemptState.CANCELLED

    def sees_no_refund(
        self, there: stripe.StripeClient, order: Order, *, released_minor: int
    ) -> None:
        """Where Stripe shows the release as a refund, no money moved, and none is recorded."""
        intent_id = attempt_of(order).stripe_intent_id or ""
        listed = there.v1.refunds.list({"payment_intent": intent_id}).data
        assert {(one.amount, one.balance_transaction) for one in listed} <= {(released_minor, None)}

        assert look_up_refunds(intent_id=intent_id, actor="webhook")

        assert not Refund.objects.filter(order=order).exists()
        assert OrderAccount.objects.get(order=order).refunded_minor == 0

    def test_makes_nothing_twice_with_one_key(self, there: stripe.StripeClient) -> None:
        order = pay()
        made = operation(order, "create")

        again = gateways.current().create(request=made.request, key=made.idempotency_key)
        other = gateways.current().create(
            request={**made.request, "amount": TOTAL + 1}, key=made.idempotency_key
        )

        assert again.intent is not None
        assert again.intent.id == attempt_of(order).stripe_intent_id
        assert other.outcome == Outcome.KEY_CONFLICT

    def test_a_repeated_capture_is_seen_as_done(self, there: stripe.StripeClient) -> None:
        order = pay()
        capture(order)
        done = operation(order, "capture")

        again = gateways.current().capture(
            intent_id=attempt_of(order).stripe_intent_id or "",
            request=done.request,
            key=f"{done.idempotency_key}-again",
        )

        assert again.outcome == Outcome.CAPTURED

    def test_a_cancel_against_a_confirmation_leaves_no_hold(
        self, there: stripe.StripeClient
    ) -> None:
        """Both leave at the same moment, and either may win."""
        order = builders.place(payment_method="pm_card_visa", key=f"key-{time.time_ns()}")
        gateway = gateways.current()
        made, confirmation = operation(order, "create"), operation(order, "confirm")
        answer = gateway.create(request=made.request, key=made.idempotency_key)
        self.tell(order, answer, made)
        intent_id = attempt_of(order).stripe_intent_id or ""
        plan_cancel(order_id=order.pk, now=timezone.now())
        cancel = operation(order, "cancel")
        for each in (confirmation, cancel):
            each.state, each.first_sent_at = OperationState.SENT, timezone.now()
            each.save()

        with ThreadPoolExecutor(2) as pool:
            confirmed = pool.submit(
                gateway.confirm,
                intent_id=intent_id,
                request=confirmation.request,
                key=confirmation.idempotency_key,
            )
            cancelled = pool.submit(
                gateway.cancel, intent_id=intent_id, request={}, key=cancel.idempotency_key
            )
            self.tell(order, confirmed.result(), confirmation)
            self.tell(order, cancelled.result(), cancel)
        work()
        look_up(attempt_id=attempt_of(order).pk, actor="poller")
        work()

        assert intent_of(there, order).status == "canceled"
        # Stripe may name the confirmation that lost as the reason.
        assert attempt_of(order).state in {AttemptState.CANCELLED, AttemptState.FAILED}
        assert OrderAccount.objects.get(order=order).authorized_minor == 0

    def test_lists_the_events_that_we_use(self, there: stripe.StripeClient) -> None:
        order = pay()
        capture(order)
        since = timezone.now() - timedelta(minutes=10)
        ours = StripeEvent.objects.filter(intent_id=attempt_of(order).stripe_intent_id)

        deadline = time.monotonic() + EVENT_SECONDS
        while not ours.filter(type="payment_intent.succeeded").exists():
            assert time.monotonic() < deadline, "Stripe's list does not show the event"
            sweep_events(now=timezone.now(), since=since)
            time.sleep(0.2)

        assert ours.filter(type="payment_intent.amount_capturable_updated").exists()

    def tell(self, order: Order, answer: Any, to: PaymentOperation) -> None:
        apply_outcome(
            attempt_id=attempt_of(order).pk,
            answer=answer,
            actor="stripe",
            now=timezone.now(),
            operation_id=to.pk,
        )
