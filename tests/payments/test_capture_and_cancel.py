"""The last gate before money moves, and the only proof that none will."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from globalmart.core.models import Alert, OutboxEvent
from orders.models import Order
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, PaymentOperation
from payments.queries import list_ending_holds
from payments.services.operations import check_attempt, send_operation
from payments.services.planning import plan_cancel, plan_capture
from payments.states import AttemptState, OperationState
from tests.payments.conftest import account_of, attempt_of, authorize, operation, send
from tests.payments.fakes import FakeStripe

REFUSED_LOOK_UP = Answer(Outcome.REFUSED, code="resource_missing")


@pytest.fixture
def held(order: Order) -> Order:
    authorize(order)
    plan_capture(order_id=order.pk, now=timezone.now())
    return order


def hold_with_a_part_captured(order: Order, amount_minor: int = 1000) -> str:
    """Hold 21.95 GBP, capture a first part of it, and return the intent's id."""
    authorize(order)
    PaymentAttempt.objects.update(is_multicapture=True)
    plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=amount_minor)
    send(order, "capture")
    return attempt_of(order).stripe_intent_id or ""


def has_lost_its_hold(order: Order) -> bool:
    """Tell whether staff and the rest of the shop know that the money will not come."""
    told = OutboxEvent.objects.filter(name="payment.hold_lost", subject_id=order.pk)
    return told.exists() and Alert.objects.filter(kind="capture_failed").exists()


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

    @pytest.mark.parametrize("mode", PaymentAttempt.Mode.values)
    def test_is_not_planned_where_a_look_up_was_refused(
        self, order: Order, stripe: FakeStripe, mode: str
    ) -> None:
        send(order, "create")
        PaymentAttempt.objects.update(mode=mode, state=AttemptState.REQUIRES_ACTION)
        stripe.instead["retrieve"].append(REFUSED_LOOK_UP)

        check_attempt(attempt_id=attempt_of(order).pk)

        assert attempt_of(order).state == AttemptState.REQUIRES_ACTION
        assert not PaymentOperation.objects.filter(kind="cancel").exists()

    def test_is_planned_for_the_rest_of_a_hold(self, order: Order, stripe: FakeStripe) -> None:
        hold_with_a_part_captured(order)

        assert not plan_cancel(order_id=order.pk, now=timezone.now())

        assert operation(order, "cancel").state == OperationState.PLANNED


class TestEndingHold:
    @pytest.mark.parametrize(
        ("days", "state"), [(-1, AttemptState.EXPIRED), (1, AttemptState.CANCELLED)]
    )
    def test_is_called_expired_once_its_time_is_over(
        self, order: Order, stripe: FakeStripe, days: int, state: AttemptState
    ) -> None:
        authorize(order)
        PaymentAttempt.objects.update(capture_before=timezone.now() + timedelta(days=days))
        stripe.set(attempt_of(order).stripe_intent_id or "", "canceled")

        assert check_attempt(attempt_id=attempt_of(order).pk) == state
        assert account_of(order).authorized_minor == 0

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

    def test_never_takes_the_money_of_the_part_before_for_its_own(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        """The second part is no larger than the first, so the intent has received as much."""
        hold_with_a_part_captured(order)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1900)
        stripe.instead["capture"].append(Answer(Outcome.UNKNOWN, code="timeout"))
        send(order, "capture")

        assert send(order, "capture").state == OperationState.DONE
        assert account_of(order).captured_minor == 1900
        assert stripe.keys("capture")[1] == stripe.keys("capture")[2]

    def test_takes_a_refused_look_up_for_no_answer(self, order: Order, stripe: FakeStripe) -> None:
        authorize(order)
        PaymentAttempt.objects.update(is_multicapture=True)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)
        stripe.lost["capture"] = 1
        send(order, "capture")
        stripe.instead["retrieve"].append(REFUSED_LOOK_UP)

        assert send(order, "capture").state == OperationState.UNKNOWN
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1100)
        send(order, "capture")
        send(order, "capture")

        intent_id = attempt_of(order).stripe_intent_id or ""
        assert stripe.show(intent_id).received_minor == account_of(order).captured_minor == 1100

    def test_lose_the_hold_where_it_ends_after_the_first(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        intent_id = hold_with_a_part_captured(order)
        assert not has_lost_its_hold(order)

        stripe.set(intent_id, "succeeded")
        check_attempt(attempt_id=attempt_of(order).pk, actor="webhook")

        assert attempt_of(order).state == AttemptState.CAPTURED
        assert account_of(order).authorized_minor == 1000
        assert has_lost_its_hold(order)

    def test_lose_the_hold_where_the_second_is_refused(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        intent_id = hold_with_a_part_captured(order)
        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=2195)
        # Stripe shows the intent beside its refusal, with the first part on it.
        stripe.instead["capture"].append(Answer(Outcome.CAPTURED, stripe.show(intent_id)))

        assert send(order, "capture").state == OperationState.REFUSED
        assert account_of(order).captured_minor == 1000
        assert has_lost_its_hold(order)
