"""The last gate before money moves, and the only proof that none will."""

import pytest
from django.db import transaction
from django.utils import timezone

from globalmart.core.models import Alert
from orders.models import Order
from payments.gateways.intents import Answer, Outcome
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

    def test_refuses_to_wait_for_the_network_in_a_transaction(self, order: Order) -> None:
        with pytest.raises(RuntimeError), transaction.atomic(), transaction.atomic():
            send_operation(operation_id=operation(order, "create").pk)
