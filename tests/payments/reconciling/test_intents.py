"""Each way in which intent and attempt can differ, made for real, seen, and mended if safe."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from globalmart.core.models import Alert
from orders.models import Order
from payments.gateways.lists import ListedIntent
from payments.models import OrderAccount, PaymentAttempt, PaymentCase, PaymentOperation
from payments.services.planning import plan_cancel
from payments.services.reconciling import comparing, intents, matching, mending
from payments.states import AttemptState, CaseKind
from tests import builders
from tests.payments.conftest import attempt_of, send
from tests.payments.reconciling.conftest import (
    cases,
    compare,
    intent_of,
    make_intent,
    status_of,
)
from tests.sandbox.stripe_process import StripeProcess

K = CaseKind


def cancel(order: Order) -> None:
    """End the order's attempt, at Stripe and here."""
    plan_cancel(order_id=order.pk, now=timezone.now())
    send(order, "cancel")


def found(report) -> dict[str, int]:
    return {str(kind): count for kind, count in report.found.items()}


class TestBooksThatAgree:
    def test_give_nothing(self, captured: Order) -> None:
        report = compare(apply=True)

        assert (found(report), cases()) == ({}, [])
        assert report.compared["intents"] == 1
        assert report.compared["attempts"] == 1

    @pytest.mark.parametrize("end", [lambda order: None, cancel])
    def test_give_nothing_held_or_cancelled(self, held: Order, end) -> None:
        end(held)

        assert found(compare(apply=True)) == {}

    def test_give_nothing_before_anything_is_sent(self, order: Order) -> None:
        assert found(compare(apply=True)) == {}


class TestMissingHere:
    def test_captured_money_without_an_order_is_a_case_with_its_amount(
        self, server: StripeProcess, captured: Order
    ) -> None:
        stray = make_intent(server, None, amount=777, confirm=True)
        server.call("POST", f"/v1/payment_intents/{stray}/capture")

        report = compare(apply=True)

        assert (report.found[K.MISSING_HERE], report.healed[K.MISSING_HERE]) == (1, 0)
        case = PaymentCase.objects.get(kind=K.MISSING_HERE)
        assert (case.subject, case.their_minor, case.currency) == (stray, 777, "GBP")
        assert status_of(server, stray) == "succeeded"

    def test_a_case_ends_when_the_money_went_back(
        self, server: StripeProcess, captured: Order
    ) -> None:
        stray = make_intent(server, None, amount=777, confirm=True)
        server.call("POST", f"/v1/payment_intents/{stray}/capture")
        compare(apply=True)
        assert Alert.objects.filter(closed_at__isnull=True).count() == len(cases()) == 3
        server.call("POST", "/v1/refunds", {"payment_intent": stray})

        report = compare(apply=True)

        assert (report.closed, cases()) == (3, [])
        assert not Alert.objects.filter(closed_at__isnull=True).exists()

    def test_an_attempt_learns_the_intent_that_names_it(
        self, server: StripeProcess, order: Order
    ) -> None:
        made = make_intent(server, order)

        report = compare(apply=True)

        assert (found(report), report.unhealed, cases()) == ({K.MISSING_HERE: 1}, 0, [])
        assert intent_of(order) == made
        assert status_of(server, made) == "requires_payment_method"

    def test_a_second_intent_without_money_is_cancelled(
        self, server: StripeProcess, held: Order
    ) -> None:
        stray = make_intent(server, held)

        report = compare(apply=True)

        assert (found(report), report.unhealed, cases()) == ({K.MISSING_HERE: 1}, 0, [])
        assert status_of(server, stray) == "canceled"
        assert status_of(server, intent_of(held)) == "requires_capture"
        case = PaymentCase.objects.get()
        assert (case.closed_by, case.subject) == ("system", stray)

    def test_an_intent_of_another_program_is_not_touched(
        self, server: StripeProcess, held: Order
    ) -> None:
        stray = make_intent(server, None)

        compare(apply=True)

        assert cases() == [(K.MISSING_HERE, stray)]
        assert status_of(server, stray) == "requires_payment_method"


class TestMissingThere:
    def test_an_intent_that_stripe_does_not_show_ends_nothing(
        self, server: StripeProcess, held: Order
    ) -> None:
        own = intent_of(held)
        PaymentAttempt.objects.filter(order=held).update(stripe_intent_id="pi_3nowhere")

        report = compare(apply=True)

        assert report.found[K.MISSING_THERE] == 1
        assert (K.MISSING_THERE, "pi_3nowhere") in cases()
        assert attempt_of(held).state == AttemptState.AUTHORIZED
        # The hold that names the attempt may be its own: it is not cancelled by guess.
        assert status_of(server, own) == "requires_capture"

    def test_a_creation_that_brought_no_intent_is_told(self, order: Order) -> None:
        PaymentOperation.objects.filter(attempt__order=order, kind="create").update(
            state="unknown", first_sent_at=timezone.now()
        )

        assert found(compare(apply=True)) == {K.MISSING_THERE: 1}
        assert cases() == [(K.MISSING_THERE, str(attempt_of(order).uuid))]
        assert attempt_of(order).state == AttemptState.CREATED

    def test_its_case_ends_with_the_intent(self, server: StripeProcess, order: Order) -> None:
        PaymentOperation.objects.filter(attempt__order=order, kind="create").update(
            state="unknown", first_sent_at=timezone.now()
        )
        compare(apply=True)
        send(order, "create")

        report = compare(apply=True)

        assert (report.closed, cases()) == (1, [])


class TestState:
    def test_a_payment_that_nobody_told_us_of_is_learnt(
        self, server: StripeProcess, order: Order
    ) -> None:
        send(order, "create")
        server.call(
            "POST",
            f"/v1/payment_intents/{intent_of(order)}/confirm",
            {"payment_method": "pm_card_visa", "return_url": "http://shop.example"},
        )

        report = compare(apply=True)

        assert (found(report), report.unhealed, cases()) == ({K.STATE: 1}, 0, [])
        assert attempt_of(order).state == AttemptState.AUTHORIZED

    def test_a_capture_in_the_dashboard_is_learnt(self, server: StripeProcess, held: Order) -> None:
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture")

        report = compare(apply=True)

        assert (found(report), report.unhealed) == ({K.STATE: 1}, 0)
        assert OrderAccount.objects.get(order=held).captured_minor == 2195

    def test_a_state_that_cannot_be_learnt_is_a_case(
        self, server: StripeProcess, captured: Order
    ) -> None:
        server.control(
            "POST",
            "intents",
            {"payment_intent": intent_of(captured), "status": "requires_payment_method"},
        )

        report = compare(apply=True)

        assert (found(report), report.unhealed) == ({K.STATE: 1}, 1)
        assert cases() == [(K.STATE, intent_of(captured))]
        assert attempt_of(captured).state == AttemptState.CAPTURED

    def test_what_a_call_under_way_explains_is_no_difference(
        self, server: StripeProcess, held: Order
    ) -> None:
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture")
        PaymentOperation.objects.filter(attempt__order=held, kind="confirm").update(
            finished_at=None,
            due_at=timezone.now(),
            first_sent_at=timezone.now() + timedelta(hours=2),
        )

        assert found(compare()) == {}


class TestAmount:
    def test_an_intent_of_another_amount_is_a_case(
        self, server: StripeProcess, held: Order
    ) -> None:
        other = make_intent(server, None, amount=2000, confirm=True)
        PaymentAttempt.objects.filter(order=held).update(stripe_intent_id=other)

        report = compare(apply=True)

        assert (K.AMOUNT, other) in cases()
        assert report.unhealed == report.found.total() - report.healed.total() > 0
        case = PaymentCase.objects.get(kind=K.AMOUNT)
        assert (case.our_minor, case.their_minor) == (2195, 2000)

    def test_another_captured_amount_is_seen(self, server: StripeProcess, captured: Order) -> None:
        PaymentAttempt.objects.filter(order=captured).update(captured_minor=1000)

        assert found(compare())[K.AMOUNT] == 1

    def test_a_stray_of_another_amount_is_a_persons(
        self, server: StripeProcess, order: Order
    ) -> None:
        stray = make_intent(server, order, amount=2194, confirm=True)

        compare(apply=True)

        assert cases() == [(K.AMOUNT, stray)]
        assert "another amount" in PaymentCase.objects.get().detail
        assert status_of(server, stray) == "requires_capture"

    @pytest.mark.parametrize(
        ("status", "is_seen"), [("succeeded", False), ("requires_capture", True)]
    )
    def test_what_went_back_is_settled_when_no_more_can_be_captured(
        self, status: str, is_seen: bool
    ) -> None:
        shown = builders.intent(status, amount_minor=1000, received_minor=400)
        theirs = ListedIntent(shown, timezone.now(), refunded_minor=400)

        assert (comparing.compare(theirs, None) is not None) == is_seen


class TestDuplicate:
    def test_a_second_captured_intent_of_an_order_is_a_case(
        self, server: StripeProcess, captured: Order
    ) -> None:
        double = make_intent(server, captured, confirm=True)
        server.call("POST", f"/v1/payment_intents/{double}/capture")

        report = compare(apply=True)

        # The money shows in the balance too: of the payment, and of all GBP.
        assert found(report) == {K.DUPLICATE: 1, K.BALANCE: 2}
        assert (K.DUPLICATE, double) in cases()
        assert PaymentCase.objects.get(kind=K.DUPLICATE).order_id == captured.pk
        assert status_of(server, double) == "succeeded"

    def test_two_attempts_that_took_more_than_is_due_are_a_case(
        self, server: StripeProcess, captured: Order
    ) -> None:
        OrderAccount.objects.filter(order=captured).update(due_minor=1000)

        assert found(compare(apply=True)) == {K.DUPLICATE: 1}
        assert cases() == [(K.DUPLICATE, f"order-{captured.pk}")]

    def test_it_ends_when_the_rest_is_refunded(self, captured: Order) -> None:
        accounts = OrderAccount.objects.filter(order=captured)
        accounts.update(due_minor=1000)
        compare(apply=True)
        accounts.update(refund_reserved_minor=1195)

        assert compare(apply=True).closed == 1


class TestOrphanHold:
    def test_a_second_hold_of_an_attempt_is_cancelled(
        self, server: StripeProcess, held: Order
    ) -> None:
        orphan = make_intent(server, held, confirm=True)

        report = compare(apply=True)

        assert (found(report), report.unhealed, cases()) == ({K.ORPHAN_HOLD: 1}, 0, [])
        assert status_of(server, orphan) == "canceled"
        assert status_of(server, intent_of(held)) == "requires_capture"

    def test_a_hold_that_cannot_be_cancelled_stays_a_case(
        self, server: StripeProcess, held: Order
    ) -> None:
        orphan = make_intent(server, held, confirm=True)
        server.fault("payment_intents.cancel", "drop_before", count=3)

        report = compare(apply=True)

        assert (report.unhealed, cases()) == (1, [(K.ORPHAN_HOLD, orphan)])

    def test_the_hold_of_an_ended_attempt_is_taken_over(
        self, server: StripeProcess, held: Order
    ) -> None:
        """What came late goes the way of late payments; here the order still wants the money."""
        PaymentAttempt.objects.filter(order=held).update(state="cancelled", authorized_minor=0)
        OrderAccount.objects.filter(order=held).update(authorized_minor=0)

        report = compare(apply=True)

        assert (found(report)[K.ORPHAN_HOLD], report.unhealed) == (1, 0)
        assert attempt_of(held).state == AttemptState.AUTHORIZED
        assert attempt_of(held).number == 2


class TestOurOwnIntent:
    """While one comparison reads, the browser's creation is answered and committed."""

    def test_learnt_between_two_queries_is_the_holders(
        self, server: StripeProcess, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = make_intent(server, order)
        real = matching._find_named

        def learnt(strays: Any) -> Any:
            PaymentAttempt.objects.filter(order=order).update(stripe_intent_id=made)
            return real(strays)

        monkeypatch.setattr(matching, "_find_named", learnt)

        assert intents.look_at(made, timezone.now()) is None

    def test_learnt_just_before_the_cancelling_is_left_alone(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stray = make_intent(server, held)
        real = mending._is_old

        def learnt(intent_id: str) -> bool:
            PaymentAttempt.objects.filter(order=held).update(stripe_intent_id=stray)
            return real(intent_id)

        monkeypatch.setattr(mending, "_is_old", learnt)
        compare(apply=True)

        assert status_of(server, stray) == "requires_payment_method"


class TestASecondRun:
    @pytest.mark.parametrize("confirm", [True, False])
    def test_finds_nothing_new(self, server: StripeProcess, held: Order, confirm: bool) -> None:
        make_intent(server, held, confirm=confirm)
        make_intent(server, None, confirm=confirm)
        compare(apply=True)
        opened = PaymentCase.objects.count()

        report = compare(apply=True)

        assert PaymentCase.objects.count() == opened
        assert found(report) == {K.MISSING_HERE: 1}


class TestWithoutApply:
    def test_nothing_is_changed(self, server: StripeProcess, held: Order) -> None:
        orphan = make_intent(server, held, confirm=True)
        stray = make_intent(server, held)
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture")

        report = compare()

        assert found(report) == {K.ORPHAN_HOLD: 1, K.MISSING_HERE: 1, K.STATE: 1}
        assert (cases(), attempt_of(held).state) == ([], AttemptState.AUTHORIZED)
        assert status_of(server, orphan) == "requires_capture"
        assert status_of(server, stray) == "requires_payment_method"
