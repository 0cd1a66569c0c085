"""The last gate before money moves, and the only proof that none will."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from globalmart.core.models import Alert
from orders.models import Order
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, PaymentOperation
from payments.queries import list_ending_holds
from payments.services.operations import check_attempt, send_operation
from payments.services.planning import plan_cancel, plan_capture
from payments.states import AttemptState, OperationState
from tests.payments.conftest import account_of, attempt_of, authorize, operation, send
from tests.payments.fakes import FakeStripe


@pytest.fixture
def held(order: Order) -> Order:
    authorize(order)
    plan_capture(order_id=order.pk, now=timezone.now())
    return order


class TestCapture:
    def test_takes_all_that_is_held(self, held: Order, stripe: FakeStripe) -> None:
        send(held, "capture")

        assert attempt_of(held).state == AttemptState.CAPTURED
        assert account_of(held).captured_minor == 2195

    def test_is_decided_by_what_was_received_when_the_answer_is_lost(
        self, held: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["capture"] = 1

        assert send(held, "capture").state == OperationState.UNKNOWN
        assert attempt_of(held).state == AttemptState.AUTHORIZED
        send(held, "capture")

        assert stripe.methods().count("capture") == 1
        assert account_of(held).captured_minor == 2195

    def test_is_done_when_a_webhook_knew_first(self, held: Order, stripe: FakeStripe) -> None:
        stripe.lost["capture"] = 1
        send(held, "capture")
        check_attempt(attempt_id=attempt_of(held).pk, actor="webhook")

        assert send(held, "capture").state == OperationState.DONE
        assert account_of(held).captured_minor == 2195

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("requires_capture", Outcome.AUTHORIZED), ("canceled", Outcome.CANCELLED)],
    )
    def test_alarms_when_it_brings_no_money(
        self, held: Order, stripe: FakeStripe, status: str, outcome: Outcome
    ) -> None:
        intent_id = attempt_of(held).stripe_intent_id or ""
        stripe.set(intent_id, status)
        stripe.instead["capture"].append(Answer(outcome, stripe.show(intent_id)))

        assert send(held, "capture").state == OperationState.REFUSED
        assert Alert.objects.filter(kind="capture_failed").exists()
        assert account_of(held).captured_minor == 0

    def test_alarms_when_the_bank_declines(self, held: Order, stripe: FakeStripe) -> None:
        stripe.instead["capture"].append(Answer(Outcome.DECLINED, code="insufficient_funds"))

        assert send(held, "capture").state == OperationState.DECLINED
        assert Alert.objects.get().kind == "capture_failed"
        assert attempt_of(held).state == AttemptState.AUTHORIZED


class TestCancel:
    def test_is_tried_again_while_the_intent_is_processing(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        plan_cancel(order_id=order.pk, now=timezone.now())
        intent_id = attempt_of(order).stripe_intent_id or ""
        stripe.set(intent_id, "processing")
        stripe.instead["cancel"].append(Answer(Outcome.PROCESSING, stripe.show(intent_id)))

        assert send(order, "cancel").state == OperationState.PLANNED
        stripe.set(intent_id, "requires_confirmation")
        send(order, "cancel")

        assert attempt_of(order).state == AttemptState.CANCELLED

    def test_takes_a_new_key_where_stripe_only_repeats_its_refusal(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        """The refusal is stored for its key for a day, and shows the intent as it was then."""
        send(order, "create")
        plan_cancel(order_id=order.pk, now=timezone.now())
        intent_id = attempt_of(order).stripe_intent_id or ""
        stripe.set(intent_id, "processing")
        refusal = Answer(Outcome.PROCESSING, stripe.show(intent_id))
        stripe.instead["cancel"].extend([refusal, replace(refusal, is_replayed=True)])
        send(order, "cancel")

        stripe.set(intent_id, "requires_capture")
        send(order, "cancel")
        send(order, "cancel")

        first, again, last = stripe.keys("cancel")
        assert first == again != last
        assert attempt_of(order).state == AttemptState.CANCELLED

    def test_refuses_to_wait_for_the_network_in_a_transaction(self, order: Order) -> None:
        with pytest.raises(RuntimeError), transaction.atomic(), transaction.atomic():
            send_operation(operation_id=operation(order, "create").pk)


class TestEndingHold:
    def test_alarms_a_day_before_its_end_until_it_is_captured(
        self, held: Order, stripe: FakeStripe
    ) -> None:
        now = timezone.now()
        PaymentAttempt.objects.update(capture_before=now + timedelta(hours=25))
        assert list_ending_holds(now=now) == []

        later = now + timedelta(hours=2)
        (found,) = list_ending_holds(now=later)
        assert (found.kind, found.subject_id) == ("hold_ending", held.pk)

        send(held, "capture")
        assert list_ending_holds(now=later) == []


class TestParts:
    """Several parcels: several captures where the card allows them, one where it does not."""

    def test_captures_each_parcel_where_the_card_allows_it(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        PaymentAttempt.objects.update(is_multicapture=True)

        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        send(order, "capture")

        assert account_of(order).captured_minor == 1000
        assert attempt_of(order).state == AttemptState.PARTIALLY_CAPTURED
        assert operation(order, "capture").request == {
            "amount_to_capture": 1000,
            "final_capture": False,
        }

        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=2195)
        send(order, "capture")

        assert operation(order, "capture").request == {"amount_to_capture": 1195}
        assert attempt_of(order).state == AttemptState.CAPTURED
        assert stripe.methods().count("capture") == 2

    def test_captures_all_with_the_first_parcel_elsewhere(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)

        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        send(order, "capture")
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=2195)

        assert account_of(order).captured_minor == 2195
        assert PaymentOperation.objects.filter(kind="capture").count() == 1

    def test_waits_for_the_answer_to_one_part_before_the_next(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        PaymentAttempt.objects.update(is_multicapture=True)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        stripe.lost["capture"] = 1
        send(order, "capture")

        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=2195)
        assert PaymentOperation.objects.filter(kind="capture").count() == 1
        send(order, "capture")
        send(order, "capture")

        assert stripe.methods().count("capture") == 2
        assert account_of(order).captured_minor == 2195

    def test_sends_a_part_again_that_was_not_applied(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        PaymentAttempt.objects.update(is_multicapture=True)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        send(order, "capture")
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=2195)
        stripe.instead["capture"].append(Answer(Outcome.UNKNOWN, code="timeout"))
        send(order, "capture")

        assert send(order, "capture").state == OperationState.DONE
        assert len(set(stripe.keys("capture"))) == 2
        assert account_of(order).captured_minor == 2195
