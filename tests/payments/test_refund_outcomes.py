"""Sending refunds, and every answer in every order."""

from collections import deque
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import transaction
from django.utils import timezone

from globalmart.core.db import NetworkInTransaction
from globalmart.core.models import Alert, OutboxEvent
from orders.models import Order
from payments.gateways.classification import (
    REFUND_STATUS,
    classify_refund,
    classify_refund_error,
)
from payments.gateways.intents import Outcome
from payments.gateways.refunds import RefundAnswer, RefundOutcome
from payments.gateways.stripe_refunds import StripeRefunds
from payments.models import PaymentAttempt, PaymentCase, PaymentOperation, Refund
from payments.queries import summaries
from payments.services import refund_repairs, refunding
from payments.services import refunds as service
from payments.services.refund_books import RefundRefused
from payments.services.refund_outcomes import apply_refund
from tests.builders import NOON
from tests.payments.conftest import attempt_of
from tests.payments.fake_refunds import SILENCE, FakeRefunds
from tests.payments.refunding import CHIEF, approved, last_operation, send, sums


def tell(answer: RefundAnswer) -> str:
    """A webhook's look-up."""
    return apply_refund(answer=answer, actor="webhook", now=timezone.now())


def cases(kind: str) -> list[PaymentCase]:
    return list(PaymentCase.objects.filter(kind=kind, closed_at__isnull=True))


class TestClassification:
    @pytest.mark.parametrize("status", [*REFUND_STATUS, "", "brand_new"])
    def test_gives_every_status_one_outcome(self, status: str) -> None:
        assert classify_refund(status=status) == REFUND_STATUS.get(status, RefundOutcome.UNKNOWN)

    @pytest.mark.parametrize("error", Outcome)
    def test_gives_every_error_one_outcome_and_none_is_money(self, error: Outcome) -> None:
        assert classify_refund_error(error) in {
            RefundOutcome.UNKNOWN,
            RefundOutcome.NOT_YET,
            RefundOutcome.REFUSED,
            RefundOutcome.KEY_CONFLICT,
        }


class TestSending:
    def test_gives_the_money_back_once(self, paid_order: Order, refunds: FakeRefunds) -> None:
        refund = send(approved(paid_order))
        send(refund)

        assert (refund.state, sums(paid_order)) == ("succeeded", (500, 0, 500))
        assert refunds.creations() == 1
        assert last_operation(refund).state == "done"
        assert OutboxEvent.objects.filter(name="refund.succeeded").count() == 1
        assert summaries([paid_order.pk])[paid_order.pk] == "partially_refunded"

    def test_commits_as_sent_before_bytes_leave(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refund = approved(paid_order)
        seen = []
        refunds.before = lambda: seen.append(
            (last_operation(refund).state, Refund.objects.get(pk=refund.pk).state)
        )
        send(refund)

        assert seen == [("sent", "processing")]

    def test_refuses_to_run_in_a_transaction(self, db: None) -> None:
        with pytest.raises(NetworkInTransaction), transaction.atomic():
            StripeRefunds().create(request={}, key="")

    def test_without_an_answer_is_unknown_and_found_by_our_metadata(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.lost = 1
        refund = send(approved(paid_order))
        assert (refund.state, sums(paid_order)) == ("unknown", (0, 500, 0))
        assert last_operation(refund).state == "unknown"

        assert send(refund).state == "succeeded"
        assert (refunds.creations(), sums(paid_order)) == (1, (500, 0, 500))

    def test_sends_the_same_key_again_where_stripe_knows_nothing(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(SILENCE)
        refund = send(send(approved(paid_order)))

        keys = [key for method, key in refunds.calls if method == "create"]
        assert (refund.state, len(keys), len(set(keys))) == ("succeeded", 2, 1)

    def test_sends_nothing_where_the_look_up_is_not_answered(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(SILENCE)
        refund = send(approved(paid_order))
        refunds.is_blind = True

        assert send(refund).state == "unknown"
        assert refunds.creations() == 1

    def test_sends_no_key_that_stripe_may_have_forgotten(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(SILENCE)
        refund = send(approved(paid_order))
        refund.operations.update(first_sent_at=timezone.now() - timedelta(hours=23, minutes=1))

        assert send(refund).state == "unknown"
        assert refunds.creations() == 1
        assert Alert.objects.filter(kind="operation_too_old").exists()

    def test_tries_again_later_where_it_was_certainly_not_done(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(RefundAnswer(RefundOutcome.NOT_YET, code="rate_limit"))
        refund = send(approved(paid_order))

        operation = last_operation(refund)
        assert (refund.state, operation.state) == ("processing", "planned")
        assert operation.due_at is not None
        assert send(refund).state == "succeeded"

    def test_stops_with_an_alert_where_the_key_was_used_for_something_else(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(RefundAnswer(RefundOutcome.KEY_CONFLICT, code="idempotency_error"))
        refund = send(approved(paid_order))

        assert (refund.state, sums(paid_order)) == ("unknown", (0, 500, 0))
        assert last_operation(refund).finished_at is not None
        assert refund.next_check_at is not None
        assert Alert.objects.filter(kind="payment_refused").exists()

    def test_that_is_refused_fails_with_a_case_and_frees_the_amount(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(RefundAnswer(RefundOutcome.REFUSED, code="charge_disputed"))
        refund = send(approved(paid_order))

        assert (refund.state, sums(paid_order)) == ("failed", (0, 0, 0))
        (case,) = cases("refund_failed")
        assert "charge_disputed" in case.detail
        assert Alert.objects.filter(kind="payment_case", closed_at__isnull=True).exists()
        assert OutboxEvent.objects.filter(name="refund.failed").exists()


class TestAnswers:
    def test_that_is_pending_keeps_the_amount_until_it_is_told(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.statuses = deque(["pending"])
        refund = send(approved(paid_order))
        assert (refund.state, sums(paid_order)) == ("pending", (0, 500, 0))
        assert refund.next_check_at is not None

        refunds.set(refund.stripe_refund_id or "", "succeeded")
        refunding.check_refund(refund_id=refund.pk)

        refund.refresh_from_db()
        assert (refund.state, refund.next_check_at) == ("succeeded", None)
        assert sums(paid_order) == (500, 0, 500)

    def test_that_succeeded_may_fail_later(self, paid_order: Order, refunds: FakeRefunds) -> None:
        refund = send(approved(paid_order))
        told = refunds.set(refund.stripe_refund_id or "", "failed", "lost_or_stolen_card")

        assert [tell(told), tell(told)] == ["failed", "failed"]
        assert sums(paid_order) == (0, 0, 0)
        assert len(cases("refund_failed")) == 1

    def test_in_any_order_and_number_give_one_end(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.statuses = deque(["pending"])
        refund = send(approved(paid_order))
        stripe_id = refund.stripe_refund_id or ""
        statuses = ("pending", "requires_action", "succeeded", "failed", "succeeded")
        answers = [refunds.set(stripe_id, status) for status in statuses]
        for told in permutations(answers):
            with transaction.atomic():
                for answer in told:
                    tell(answer)
                assert Refund.objects.get(pk=refund.pk).state == "failed"
                assert sums(paid_order) == (0, 0, 0)
                transaction.set_rollback(True)

    def test_by_webhook_before_the_direct_answer_count_once(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refund = approved(paid_order)
        refunds.lost = 1
        refund = send(refund)
        (made,) = refunds.made
        tell(refunds.show(made))

        assert last_operation(refund).state == "done"
        assert send(refund).state == "succeeded"
        assert sums(paid_order) == (500, 0, 500)

    def test_that_say_nothing_change_nothing(self, paid_order: Order, refunds: FakeRefunds) -> None:
        refund = send(approved(paid_order))
        apply_refund(answer=SILENCE, actor="poller", now=NOON, refund_id=refund.pk)

        assert Refund.objects.get(pk=refund.pk).state == "succeeded"

    def test_that_is_cancelled_at_stripe_frees_the_amount(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.statuses = deque(["requires_action"])
        refund = send(approved(paid_order))

        assert tell(refunds.set(refund.stripe_refund_id or "", "canceled")) == "cancelled"
        assert (sums(paid_order), len(cases("refund_failed"))) == ((0, 0, 0), 1)


class TestAfterFailure:
    @pytest.fixture
    def failed(self, paid_order: Order, refunds: FakeRefunds) -> Refund:
        refunds.statuses = deque(["failed"])
        return send(approved(paid_order))

    def test_another_try_has_its_own_key_and_ends_the_case(
        self, failed: Refund, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refund_repairs.retry_refund(refund_id=failed.pk, retried_by=CHIEF, now=NOON)
        assert sums(paid_order) == (0, 500, 0)

        assert send(failed).state == "succeeded"
        keys = [key for method, key in refunds.calls if method == "create"]
        assert len(set(keys)) == 2
        assert (sums(paid_order), cases("refund_failed")) == ((500, 0, 500), [])
        assert not Alert.objects.filter(kind="payment_case", closed_at__isnull=True).exists()

    def test_news_of_the_earlier_try_change_nothing(
        self, failed: Refund, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        old = refunds.show(failed.stripe_refund_id or "")
        refund_repairs.retry_refund(refund_id=failed.pk, retried_by=CHIEF, now=NOON)
        tell(old)
        assert Refund.objects.get(pk=failed.pk).state == "processing"
        send(failed)
        tell(old)

        assert Refund.objects.get(pk=failed.pk).state == "succeeded"
        assert Refund.objects.count() == 1

    def test_what_was_true_before_it_failed_changes_nothing(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refund = send(approved(paid_order))
        once_true = refunds.show(refund.stripe_refund_id or "")
        tell(refunds.set(refund.stripe_refund_id or "", "failed"))
        refund_repairs.retry_refund(refund_id=refund.pk, retried_by=CHIEF, now=NOON)
        tell(once_true)
        assert sums(paid_order) == (0, 500, 0)
        send(refund)
        tell(once_true)

        assert (sums(paid_order), Refund.objects.count()) == ((500, 0, 500), 1)

    def test_a_refused_try_that_was_made_after_all_is_not_lost(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        refunds.instead.append(RefundAnswer(RefundOutcome.REFUSED, code="charge_disputed"))
        refund = send(approved(paid_order))
        first = last_operation(refund)
        refund_repairs.retry_refund(refund_id=refund.pk, retried_by=CHIEF, now=NOON)
        send(refund)
        refunds.create(request=first.request, key=first.idempotency_key)
        tell(refunds.show(f"re_{first.idempotency_key}"))

        assert sums(paid_order) == (1000, 0, 1000)
        assert Refund.objects.filter(reason="external").count() == 1

    def test_paying_back_another_way_reserves_and_then_counts(
        self, failed: Refund, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        old = refunds.show(failed.stripe_refund_id or "")
        refund_repairs.start_manual(refund_id=failed.pk, started_by=CHIEF, reason="bank", now=NOON)
        assert sums(paid_order) == (0, 500, 0)

        refund_repairs.finish_manual(
            refund_id=failed.pk, finished_by=CHIEF, reference="T-1", now=NOON
        )
        tell(old)
        failed.refresh_from_db()
        assert (failed.state, sums(paid_order)) == ("succeeded", (500, 0, 500))
        assert cases("refund_failed") == []

    def test_is_given_up_where_nothing_is_owed(self, failed: Refund, paid_order: Order) -> None:
        service.cancel_refund(
            refund_id=failed.pk, cancelled_by=CHIEF, reason="refunded outside", now=NOON
        )

        assert cases("refund_failed") == []


class TestUnknown:
    @pytest.fixture
    def unknown(self, paid_order: Order, refunds: FakeRefunds) -> Refund:
        refunds.instead.append(SILENCE)
        return send(approved(paid_order))

    def test_is_declared_failed_after_a_day_alone(
        self, unknown: Refund, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        def declare() -> None:
            refund_repairs.declare_failed(
                refund_id=unknown.pk, declared_by=CHIEF, reason="looked", now=timezone.now()
            )

        with pytest.raises(RefundRefused) as caught:
            declare()
        assert caught.value.code == "too_early"

        unknown.operations.update(first_sent_at=timezone.now() - timedelta(hours=25))
        declare()
        assert (sums(paid_order), len(cases("refund_failed"))) == ((0, 0, 0), 1)
        refund_repairs.retry_refund(refund_id=unknown.pk, retried_by=CHIEF, now=NOON)
        assert send(unknown).state == "succeeded"

    def test_that_was_made_after_all_is_not_lost(
        self, unknown: Refund, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        first = last_operation(unknown)
        unknown.operations.update(first_sent_at=timezone.now() - timedelta(hours=25))
        refund_repairs.declare_failed(
            refund_id=unknown.pk, declared_by=CHIEF, reason="looked", now=timezone.now()
        )
        refunds.create(request=first.request, key=first.idempotency_key)
        tell(refunds.show(f"re_{first.idempotency_key}"))

        assert sums(paid_order) == (500, 0, 500)


class TestFromOutside:
    def test_is_recorded_and_booked(self, paid_order: Order, refunds: FakeRefunds) -> None:
        answer = refunds.start_outside(attempt_of(paid_order).stripe_intent_id or "", 700)

        assert [tell(answer), tell(answer)] == ["succeeded", "succeeded"]
        refund = Refund.objects.get()
        assert (refund.reason, refund.requested_by) == ("external", "stripe")
        assert (sums(paid_order), cases("external_refund")) == ((700, 0, 700), [])

    def test_that_fails_later_is_taken_back(self, paid_order: Order, refunds: FakeRefunds) -> None:
        answer = refunds.start_outside(attempt_of(paid_order).stripe_intent_id or "", 700)
        tell(answer)
        assert answer.refund is not None
        tell(refunds.set(answer.refund.id, "failed"))

        assert sums(paid_order) == (0, 0, 0)
        (case,) = cases("refund_failed")
        assert "ask for a new refund" in case.detail

    def test_that_does_not_fit_waits_as_a_case_and_is_booked_when_it_does(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        ours = approved(paid_order, 2000)
        answer = refunds.start_outside(attempt_of(paid_order).stripe_intent_id or "", 700)
        assert tell(answer) == "external"
        (case,) = cases("external_refund")
        assert (case.our_minor, case.their_minor) == (195, 700)
        assert sums(paid_order) == (0, 2000, 0)
        theirs = Refund.objects.get(reason="external")
        assert theirs.next_check_at is not None

        assert send(ours).state == "failed"
        refunding.check_refund(refund_id=theirs.pk)

        assert (sums(paid_order), cases("external_refund")) == ((700, 0, 700), [])

    def test_that_only_ends_a_hold_is_no_refund(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        """Stripe shows what a final capture has left, or a cancelled hold, as a refund."""
        intent = attempt_of(paid_order).stripe_intent_id or ""
        answer = refunds.start_outside(intent, 700, balance_transaction="")

        assert tell(answer) == ""
        assert (sums(paid_order), cases("external_refund")) == ((0, 0, 0), [])
        assert Refund.objects.count() == 0

    def test_of_a_payment_that_is_not_ours_is_a_case(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        answer = refunds.start_outside("pi_of_somebody", 700)

        assert tell(answer) == ""
        assert len(cases("external_refund")) == 1
        assert Refund.objects.count() == 0

    def test_of_a_charge_without_an_intent_is_no_attempts(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        PaymentAttempt.objects.update(stripe_intent_id=None)
        answer = refunds.start_outside("", 700)

        assert tell(answer) == ""
        assert len(cases("external_refund")) == 1

    def test_is_learnt_from_the_charge_alone(self, paid_order: Order, refunds: FakeRefunds) -> None:
        intent = attempt_of(paid_order).stripe_intent_id or ""
        refunds.start_outside(intent, 700)
        refunds.start_outside(intent, 300)

        assert refunding.look_up_refund(stripe_refund_id="", intent_id=intent, actor="webhook")
        assert sums(paid_order) == (1000, 0, 1000)


def test_every_call_is_planned_before_it_is_made(paid_order: Order, refunds: FakeRefunds) -> None:
    send(approved(paid_order))

    planned = PaymentOperation.objects.filter(kind="refund").values_list("idempotency_key")
    assert {key for method, key in refunds.calls if method == "create"} == {
        key for (key,) in planned
    }
