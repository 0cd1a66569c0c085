"""One way in for every answer: any order, any number of times, one end state."""

from dataclasses import replace
from itertools import permutations

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders.models import Order
from payments.gateways.intents import Answer, Outcome
from payments.models import (
    LedgerEntry,
    PaymentAttempt,
    PaymentCase,
    PaymentOperation,
    StripeEvent,
)
from payments.queries import is_covered
from payments.services.outcomes import apply_outcome
from payments.services.planning import plan_cancel
from payments.states import AttemptState, CaseKind, OperationKind, OperationState
from tests.builders import answer, intent
from tests.payments.conftest import account_of, attempt_of, operation, send
from tests.payments.fakes import FakeStripe

TOTAL = 2195
S, O = AttemptState, Outcome  # noqa: E741 - short tables read better
STATUS = {
    O.OPEN: "requires_confirmation",
    O.PROCESSING: "processing",
    O.REQUIRES_ACTION: "requires_action",
    O.AUTHORIZED: "requires_capture",
    O.CAPTURED: "succeeded",
    O.CANCELLED: "canceled",
    O.DECLINED: "requires_payment_method",
}


def told(outcome: Outcome, code: str = "") -> Answer:
    if outcome not in STATUS:
        return answer(outcome, code=code)
    received = TOTAL if outcome == O.CAPTURED else 0
    found = intent(STATUS[outcome], amount_minor=TOTAL, received_minor=received)
    return answer(outcome, found, code)


def declined(charge: str) -> Answer:
    found = intent("requires_payment_method", amount_minor=TOTAL)
    found = replace(found, error_code="card_declined", decline_id=charge)
    return answer(O.DECLINED, found, "card_declined")


def hear(order: Order, *answers: Answer) -> str:
    attempt, state = attempt_of(order), ""
    for found in answers:
        state = apply_outcome(
            attempt_id=attempt.pk, answer=found, actor="stripe", now=timezone.now()
        )
    return state


def events(order: Order) -> list[str]:
    rows = OutboxEvent.objects.filter(subject_id=order.pk, name__startswith="payment.")
    return sorted(rows.values_list("name", flat=True))


def is_balanced(order: Order) -> bool:
    sums = LedgerEntry.objects.filter(order=order).values("txn").annotate(sum=Sum("amount_minor"))
    return all(row["sum"] == 0 for row in sums)


def balances(order: Order) -> dict[str, int]:
    rows = LedgerEntry.objects.filter(order=order).values_list("account")
    return {account: total for account, total in rows.annotate(Sum("amount_minor")) if total}


class TestApplyOutcome:
    @pytest.mark.parametrize(
        ("first", "then", "state"),
        [
            ((), O.OPEN, S.CREATED),
            ((), O.PROCESSING, S.PROCESSING),
            ((), O.REQUIRES_ACTION, S.REQUIRES_ACTION),
            ((), O.UNKNOWN, S.CREATED),
            ((), O.NOT_YET, S.CREATED),
            ((), O.KEY_CONFLICT, S.CREATED),
            ((), O.AUTHORIZED, S.AUTHORIZED),
            ((), O.CAPTURED, S.CAPTURED),
            ((), O.CANCELLED, S.CANCELLED),
            ((), O.DECLINED, S.CREATED),
            ((), O.REFUSED, S.FAILED),
            ((O.PROCESSING,), O.REQUIRES_ACTION, S.REQUIRES_ACTION),
            ((O.PROCESSING,), O.REFUSED, S.PROCESSING),
            ((O.AUTHORIZED,), O.PROCESSING, S.AUTHORIZED),
            ((O.AUTHORIZED,), O.OPEN, S.AUTHORIZED),
            ((O.AUTHORIZED,), O.DECLINED, S.AUTHORIZED),
            ((O.AUTHORIZED,), O.REFUSED, S.AUTHORIZED),
            ((O.AUTHORIZED,), O.CANCELLED, S.CANCELLED),
            ((O.CAPTURED,), O.CANCELLED, S.CAPTURED),
            ((O.CAPTURED,), O.AUTHORIZED, S.CAPTURED),
            ((O.DECLINED,), O.CANCELLED, S.FAILED),
            ((O.REFUSED,), O.PROCESSING, S.FAILED),
        ],
    )
    def test_moves_from_each_state(
        self, order: Order, first: tuple[Outcome, ...], then: Outcome, state: str
    ) -> None:
        code = "card_declined"

        hear(order, *(told(one, code if one == O.DECLINED else "") for one in first))

        assert hear(order, told(then, code if then == O.DECLINED else "")) == state
        assert attempt_of(order).state == state
        assert is_balanced(order)

    @pytest.mark.parametrize(
        ("history", "state", "authorized", "captured"),
        [
            ([O.OPEN, O.PROCESSING, O.REQUIRES_ACTION, O.AUTHORIZED, O.CAPTURED], S.CAPTURED, 1, 1),
            ([O.OPEN, O.REQUIRES_ACTION, O.AUTHORIZED, O.CANCELLED], S.CANCELLED, 0, 0),
            ([O.OPEN, O.PROCESSING, O.UNKNOWN, O.AUTHORIZED], S.AUTHORIZED, 1, 0),
        ],
    )
    def test_ends_the_same_in_whatever_order_it_hears(
        self, order: Order, history: list[Outcome], state: str, authorized: int, captured: int
    ) -> None:
        # Of the 120 orders of five every eighth, of the 24 of four every second.
        for heard in list(permutations(history))[:: 8 if len(history) == 5 else 2]:
            with transaction.atomic():
                hear(order, *(told(one) for one in heard))
                if state == S.CANCELLED:
                    # What comes after the end may be old news: a fresh look tells.
                    hear(order, told(O.CANCELLED))
                account = account_of(order)
                assert attempt_of(order).state == state, heard
                assert account.authorized_minor == authorized * TOTAL, heard
                assert account.captured_minor == captured * TOTAL, heard
                assert is_balanced(order)
                transaction.set_rollback(True)

    def test_calls_a_declined_and_cancelled_attempt_failed_in_either_order(
        self, order: Order
    ) -> None:
        cancelled = told(O.CANCELLED, "card_declined")

        assert hear(order, cancelled, told(O.DECLINED, "card_declined")) == S.FAILED
        assert events(order) == ["payment.failed"]

    def test_books_a_hold_then_a_capture_that_sum_to_zero(self, order: Order) -> None:
        hear(order, told(O.AUTHORIZED))
        assert balances(order) == {"holds": TOTAL, "holds_contra": -TOTAL}

        hear(order, told(O.CAPTURED))

        assert balances(order) == {"stripe": TOTAL, "sales": -TOTAL}
        assert events(order) == ["payment.authorized", "payment.captured"]
        assert account_of(order).captured_minor == TOTAL

    def test_books_a_release_when_the_hold_ends(self, order: Order) -> None:
        hear(order, told(O.AUTHORIZED), told(O.CANCELLED))

        assert balances(order) == {}
        assert account_of(order).authorized_minor == 0
        assert events(order) == ["payment.authorized", "payment.cancelled", "payment.hold_lost"]

    @pytest.mark.parametrize("outcome", [O.AUTHORIZED, O.CAPTURED, O.CANCELLED, O.REFUSED])
    def test_changes_nothing_when_repeated(self, order: Order, outcome: Outcome) -> None:
        hear(order, told(outcome))
        before = (
            events(order),
            LedgerEntry.objects.count(),
            TimelineEntry.objects.count(),
            attempt_of(order).state_changed_at,
        )

        hear(order, told(outcome), told(outcome))

        after = (
            events(order),
            LedgerEntry.objects.count(),
            TimelineEntry.objects.count(),
            attempt_of(order).state_changed_at,
        )
        assert after == before

    @pytest.mark.parametrize(
        "changes", [{"amount_minor": TOTAL - 1}, {"currency": "USD"}, {"id": "pi_grace"}]
    )
    def test_refuses_an_intent_that_is_not_ours(
        self, order: Order, changes: dict[str, object]
    ) -> None:
        hear(order, told(O.OPEN))
        lie = replace(intent("requires_capture", amount_minor=TOTAL), **changes)

        assert hear(order, answer(O.AUTHORIZED, lie)) == S.CREATED
        assert account_of(order).authorized_minor == 0
        assert not LedgerEntry.objects.exists()
        assert Alert.objects.get().kind == "payment_mismatch"

    def test_lets_a_new_attempt_look_at_money_that_comes_after_the_end(self, order: Order) -> None:
        hear(order, told(O.CANCELLED), told(O.AUTHORIZED))

        dead, late = PaymentAttempt.objects.order_by("pk")
        assert (dead.state, dead.stripe_intent_id) == (S.CANCELLED, None)
        assert (late.state, late.purpose, late.number) == (S.UNKNOWN, "order", 2)
        assert late.next_check_at is not None
        assert not PaymentCase.objects.exists()
        assert account_of(order).authorized_minor == 0

        hear(order, told(O.AUTHORIZED))

        assert attempt_of(order).state == S.AUTHORIZED
        assert PaymentCase.objects.get().kind == CaseKind.LATE_PAYMENT
        assert is_covered(order_id=order.pk)

    def test_opens_no_case_where_the_late_money_was_old_news(self, order: Order) -> None:
        hear(order, told(O.CANCELLED), told(O.AUTHORIZED))

        assert hear(order, told(O.CANCELLED)) == S.CANCELLED
        assert PaymentAttempt.objects.count() == 2
        assert not PaymentCase.objects.exists()
        assert not Alert.objects.exists()

    def test_gives_late_money_back_where_another_attempt_is_live(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        hear(order, told(O.CANCELLED))
        dead = attempt_of(order)
        PaymentAttempt.objects.create(
            order=order, number=2, mode="browser", currency="GBP", amount_minor=TOTAL
        )
        apply_outcome(
            attempt_id=dead.pk, answer=told(O.AUTHORIZED), actor="webhook", now=timezone.now()
        )
        late = PaymentAttempt.objects.get(purpose=f"late:{dead.pk}")

        apply_outcome(
            attempt_id=late.pk, answer=told(O.AUTHORIZED), actor="poller", now=timezone.now()
        )

        assert PaymentOperation.objects.get(attempt=late).kind == OperationKind.CANCEL
        assert not is_covered(order_id=order.pk)

    def test_counts_on_a_hold_while_late_money_is_given_back(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        hear(order, told(O.CANCELLED))
        dead = attempt_of(order)
        live = PaymentAttempt.objects.create(
            order=order, number=2, mode="browser", currency="GBP", amount_minor=TOTAL
        )
        now = timezone.now()
        apply_outcome(attempt_id=dead.pk, answer=told(O.AUTHORIZED), actor="webhook", now=now)
        late = PaymentAttempt.objects.get(purpose=f"late:{dead.pk}")
        apply_outcome(attempt_id=late.pk, answer=told(O.AUTHORIZED), actor="poller", now=now)

        other = intent("requires_capture", amount_minor=TOTAL, id="pi_other")
        paid = answer(O.AUTHORIZED, other)
        apply_outcome(attempt_id=live.pk, answer=paid, actor="webhook", now=now)

        cancel = PaymentOperation.objects.get(attempt=late, kind=OperationKind.CANCEL)
        assert cancel.finished_at is None
        assert is_covered(order_id=order.pk)

    def test_cancels_no_other_intent_with_the_key_of_one_that_was_adopted(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["create"] = 1
        send(order, "create")
        plan_cancel(order_id=order.pk, now=timezone.now())
        dead = attempt_of(order)
        hear(order, told(O.OPEN))
        cancels = PaymentOperation.objects.filter(kind="cancel")
        cancels.update(state=OperationState.SENT, first_sent_at=timezone.now())

        hear(order, told(O.AUTHORIZED))

        assert cancels.get(attempt=dead).state == OperationState.REFUSED

    def test_cancels_an_intent_that_turns_up_after_the_end(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["create"] = 1
        send(order, "create")
        assert plan_cancel(order_id=order.pk, now=timezone.now())

        hear(order, told(O.OPEN))

        assert operation(order, "cancel").state == OperationState.PLANNED

    def test_ends_the_browsers_intent_after_five_declines(self, browser_order: Order) -> None:
        for number in range(4):
            hear(browser_order, declined(f"ch_{number}"), declined(f"ch_{number}"))
        assert attempt_of(browser_order).declines == 4
        assert not PaymentOperation.objects.filter(kind="cancel").exists()

        hear(browser_order, declined("ch_4"))

        assert operation(browser_order, "cancel").state == OperationState.PLANNED

    def test_counts_the_declines_that_only_webhooks_told_of(self, browser_order: Order) -> None:
        hear(browser_order, declined("ch_0"))
        for number in range(3):
            StripeEvent.objects.create(
                event_id=f"evt_{number}",
                type="payment_intent.payment_failed",
                intent_id=attempt_of(browser_order).stripe_intent_id or "",
                is_live=False,
                created=timezone.now(),
            )

        hear(browser_order, declined("ch_2"))

        assert attempt_of(browser_order).declines == 3

    def test_plans_one_cancel_after_a_decline(self, order: Order) -> None:
        hear(order, told(O.DECLINED, "card_declined"), told(O.DECLINED, "card_declined"))

        cancel = PaymentOperation.objects.get(kind=OperationKind.CANCEL)
        assert cancel.state == OperationState.PLANNED
        assert TimelineEntry.objects.filter(kind="payment.declined").count() == 1

    def test_keeps_the_browsers_intent_after_a_decline(self, browser_order: Order) -> None:
        state = hear(browser_order, told(O.REQUIRES_ACTION), told(O.DECLINED, "insufficient_funds"))

        assert state == S.CREATED
        assert attempt_of(browser_order).decline_code == "insufficient_funds"
        assert not PaymentOperation.objects.filter(kind=OperationKind.CANCEL).exists()

    def test_cancels_a_hold_whose_first_card_was_declined(self, browser_order: Order) -> None:
        history = [told(O.DECLINED, "card_declined"), told(O.AUTHORIZED), told(O.CANCELLED)]

        assert hear(browser_order, *history) == S.CANCELLED

    def test_drops_a_cancel_that_had_not_left_when_the_money_came(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        hear(order, told(O.REQUIRES_ACTION))
        plan_cancel(order_id=order.pk, now=timezone.now())

        hear(order, told(O.AUTHORIZED))

        assert operation(order, "cancel").state == OperationState.REFUSED
        assert is_covered(order_id=order.pk)

    def test_alarms_when_a_hold_ends_after_our_cancel_of_it_was_dropped(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        hear(order, told(O.REQUIRES_ACTION))
        plan_cancel(order_id=order.pk, now=timezone.now())

        hear(order, told(O.AUTHORIZED), told(O.CANCELLED))

        assert Alert.objects.filter(kind="hold_lost").exists()

    def test_does_not_count_on_a_hold_whose_cancel_has_left(self, order: Order) -> None:
        hear(order, told(O.REQUIRES_ACTION))
        plan_cancel(order_id=order.pk, now=timezone.now())
        PaymentOperation.objects.filter(kind="cancel").update(
            state=OperationState.SENT, first_sent_at=timezone.now()
        )

        hear(order, told(O.AUTHORIZED))

        assert not is_covered(order_id=order.pk)
