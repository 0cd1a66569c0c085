"""Accounts, attempts and operations are committed before anything is sent."""

import pytest
from django.db.models import F
from django.utils import timezone

from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders.models import Order
from orders.services.payment import NotPayable, settle_return, start_browser_payment
from payments import queries
from payments.gateways.intents import Answer, Outcome
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.services.operations import send_operation
from payments.services.planning import cancel_if_open, plan_cancel, plan_capture
from payments.states import AttemptState, OperationState
from tests.payments.conftest import account_of, attempt_of, make_due, operation
from tests.payments.fakes import FakeStripe


def send(order: Order, *kinds: str) -> None:
    for kind in kinds:
        send_operation(operation_id=make_due(order, kind).pk)


def capture_late(order: Order) -> None:
    """Write what a late payment that was captured and given back leaves behind."""
    amount = order.total_minor
    PaymentAttempt.objects.create(
        order=order,
        purpose="late:1",
        mode="server",
        state=AttemptState.CAPTURED,
        currency=order.currency,
        amount_minor=amount,
        authorized_minor=amount,
        captured_minor=amount,
        refunded_minor=amount,
        stripe_intent_id="pi_late",
    )
    OrderAccount.objects.filter(order=order).update(
        authorized_minor=F("authorized_minor") + amount,
        captured_minor=F("captured_minor") + amount,
        refunded_minor=F("refunded_minor") + amount,
    )


class TestOpenPayment:
    def test_plans_creation_and_confirmation_with_frozen_requests(self, order: Order) -> None:
        create, confirm = operation(order, "create"), operation(order, "confirm")
        attempt = attempt_of(order)

        assert create.request == {
            "amount": 2195,
            "currency": "gbp",
            "capture_method": "manual",
            "description": f"Order {order.number}",
            "metadata": {
                "order_id": order.public_id,
                "order_number": order.number,
                "attempt_id": str(attempt.uuid),
            },
            "payment_method_options": {"card": {"request_multicapture": "if_available"}},
            "payment_method_types": ["card"],
        }
        assert confirm.request["payment_method"] == "pm_card_visa"
        assert create.idempotency_key == f"create-{create.uuid}"
        assert account_of(order).due_minor == order.total_minor

    def test_lets_the_page_send_the_first_call_where_the_browser_pays(
        self, browser_order: Order
    ) -> None:
        create = operation(browser_order, "create")

        assert attempt_of(browser_order).mode == PaymentAttempt.Mode.BROWSER
        assert create.request["automatic_payment_methods"] == {"enabled": True}
        assert create.due_at > timezone.now()
        assert not PaymentOperation.objects.filter(kind="confirm").exists()


class TestPlanCancel:
    def test_ends_at_once_what_stripe_has_not_heard_of(self, order: Order) -> None:
        assert plan_cancel(order_id=order.pk, now=timezone.now())

        assert attempt_of(order).state == AttemptState.CANCELLED
        assert operation(order, "create").state == OperationState.REFUSED
        assert TimelineEntry.objects.filter(kind="payment.cancelled").count() == 1

    def test_ends_at_once_what_was_never_given_a_card(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["create"] = 1
        send(order, "create")

        assert plan_cancel(order_id=order.pk, now=timezone.now())

        assert attempt_of(order).state == AttemptState.CANCELLED
        assert operation(order, "create").state == OperationState.REFUSED

    def test_cancels_at_stripe_what_stripe_may_charge(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")

        assert not plan_cancel(order_id=order.pk, now=timezone.now())
        assert not plan_cancel(order_id=order.pk, now=timezone.now())

        assert PaymentOperation.objects.filter(kind="cancel").count() == 1
        assert OutboxEvent.objects.filter(name="payment.operation_planned").count() == 1

    def test_plans_again_when_the_first_was_dropped_before_it_left(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        plan_cancel(order_id=order.pk, now=timezone.now())
        send(order, "confirm")
        assert operation(order, "cancel").state == OperationState.REFUSED

        plan_cancel(order_id=order.pk, now=timezone.now())

        assert operation(order, "cancel").number == 2
        assert operation(order, "cancel").state == OperationState.PLANNED

    def test_leaves_a_hold_alone_where_only_the_undecided_is_given_up(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create", "confirm")

        cancel_if_open(attempt_id=attempt_of(order).pk, now=timezone.now())

        assert not PaymentOperation.objects.filter(kind="cancel").exists()


class TestPlanCapture:
    def test_plans_one_for_all_that_is_held(self, order: Order, stripe: FakeStripe) -> None:
        send(order, "create", "confirm")

        plan_capture(order_id=order.pk, now=timezone.now())
        plan_capture(order_id=order.pk, now=timezone.now())

        capture = PaymentOperation.objects.get(kind="capture")
        assert capture.request == {"amount_to_capture": 2195}

    def test_takes_all_that_is_due_beside_late_money(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        """Late money is given back: it makes what is due no smaller."""
        send(order, "create", "confirm")
        capture_late(order)

        plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=1000)

        capture = PaymentOperation.objects.get(kind="capture")
        assert capture.request == {"amount_to_capture": 2195}

    def test_alarms_where_late_money_alone_was_captured(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        plan_cancel(order_id=order.pk, now=timezone.now())
        capture_late(order)

        plan_capture(order_id=order.pk, now=timezone.now())

        assert Alert.objects.get().kind == "capture_failed"

    def test_asks_for_no_less_than_before(self, order: Order, stripe: FakeStripe) -> None:
        send(order, "create", "confirm")
        PaymentAttempt.objects.update(is_multicapture=True)
        for amount_minor in (1000, 2195, 1000):
            plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=amount_minor)

        send(order, "capture", "capture")

        assert account_of(order).captured_minor == 2195

    def test_plans_none_without_a_hold(self, order: Order) -> None:
        plan_capture(order_id=order.pk, now=timezone.now())

        assert not PaymentOperation.objects.filter(kind="capture").exists()


class TestStartBrowserPayment:
    def test_gives_the_same_intents_secret_every_time(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        first = start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        second = start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert first.client_secret == second.client_secret
        assert first.client_secret == f"{attempt_of(browser_order).stripe_intent_id}_secret"
        assert stripe.methods().count("create") == 1
        assert (first.amount_minor, first.currency) == (2195, "GBP")

    def test_gives_none_while_stripe_does_not_answer(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["create"] = 1

        silent = start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        later = start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert silent.client_secret is None
        assert not silent.is_settled
        assert later.client_secret is not None
        assert len(stripe.intents) == 1

    def test_gives_none_while_a_cancel_may_have_left(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        """The cancel could end a payment that this secret had made."""
        start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        plan_cancel(order_id=browser_order.pk, now=timezone.now())
        stripe.instead["cancel"].append(Answer(Outcome.UNKNOWN, code="timeout"))

        found = start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert operation(browser_order, "cancel").state == OperationState.UNKNOWN
        assert found.client_secret is None

    def test_cancels_nothing_where_the_look_up_is_refused(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        stripe.instead["retrieve"].append(Answer(Outcome.REFUSED, code="resource_missing"))

        silent = start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        later = start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert silent.client_secret is None
        assert later.client_secret is not None
        assert not PaymentOperation.objects.filter(kind="cancel").exists()

    def test_says_that_a_held_payment_is_settled(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        found = start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        stripe.set(attempt_of(browser_order).stripe_intent_id or "", "requires_capture")

        assert settle_return(attempt_uuid=found.attempt_uuid, now=timezone.now()) == "authorized"
        again = start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert again.is_settled
        assert again.client_secret is None
        browser_order.refresh_from_db()
        assert browser_order.state == "confirmed"

    def test_opens_the_next_attempt_after_one_has_ended(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        start_browser_payment(order_id=browser_order.pk, now=timezone.now())
        first = attempt_of(browser_order)
        stripe.set(first.stripe_intent_id or "", "canceled")
        settle_return(attempt_uuid=first.uuid, now=timezone.now())

        start_browser_payment(order_id=browser_order.pk, now=timezone.now())

        assert attempt_of(browser_order).number == 2
        assert attempt_of(browser_order).stripe_intent_id != first.stripe_intent_id

    def test_takes_no_money_for_an_order_that_has_ended(self, browser_order: Order) -> None:
        plan_cancel(order_id=browser_order.pk, now=timezone.now())
        Order.objects.update(state="expired")

        with pytest.raises(NotPayable):
            start_browser_payment(order_id=browser_order.pk, now=timezone.now())


class TestSummaries:
    def test_follow_the_money(self, order: Order, stripe: FakeStripe) -> None:
        seen = [queries.summaries([order.pk])[order.pk]]
        send(order, "create", "confirm")
        seen.append(queries.summaries([order.pk])[order.pk])
        plan_capture(order_id=order.pk, now=timezone.now())
        send(order, "capture")
        seen.append(queries.summaries([order.pk])[order.pk])

        assert seen == ["pending", "authorized", "paid"]

    def test_say_unpaid_when_nothing_is_live(self, order: Order) -> None:
        plan_cancel(order_id=order.pk, now=timezone.now())

        assert queries.summaries([order.pk]) == {order.pk: "unpaid"}
