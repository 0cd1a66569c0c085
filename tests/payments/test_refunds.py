"""Who may ask for what, and what is reserved."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from globalmart.core.db import constraint_name
from globalmart.core.models import OutboxEvent, TimelineEntry
from orders.models import Order
from payments.gateways.intents import Outcome
from payments.models import (
    Dispute,
    OrderAccount,
    PaymentAttempt,
    PaymentCase,
    PaymentOperation,
    Refund,
)
from payments.models.refunds import RefundItem
from payments.queries import list_refunds, list_stuck_refunds, refundable_minor
from payments.services import giving_back, refund_books
from payments.services import refunds as service
from payments.services.disputes import apply_dispute
from payments.services.outcomes import apply_outcome
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Part, approve_refund, request_refund
from tests.builders import NOON, answer, intent
from tests.payments import disputing
from tests.payments.conftest import attempt_of
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.refunding import ASKER, CHIEF, approved, last_operation, request, send, sums


def try_at_once(change: object) -> None:
    """Make a change, and see what the database sees at commit."""
    change()  # type: ignore[operator]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def broken_by(change: object) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        try_at_once(change)
    return constraint_name(caught.value)


def refused(change: object) -> str:
    with pytest.raises(RefundRefused) as caught, transaction.atomic():
        change()  # type: ignore[operator]
    return caught.value.code


class TestRequest:
    def test_reserves_nothing_and_tells_the_timeline(self, paid_order: Order) -> None:
        refund = request(paid_order)

        assert (refund.state, sums(paid_order)) == ("requested", (0, 0, 0))
        entry = TimelineEntry.objects.get(kind="refund.requested")
        assert (entry.subject_id, entry.data["amount_minor"]) == (paid_order.pk, 500)

    def test_of_more_than_was_captured_is_refused(self, paid_order: Order) -> None:
        assert refused(lambda: request(paid_order, 2196)) == "too_much"

    def test_before_anything_was_captured_is_refused(self, order: Order) -> None:
        assert refused(lambda: request(order, 1)) == "nothing_captured"

    @pytest.mark.parametrize("amounts", [[], [0], [100, -1]])
    def test_needs_parts_above_zero(self, paid_order: Order, amounts: list[int]) -> None:
        parts = [Part(RefundItem.Kind.AMOUNT, amount) for amount in amounts]

        def ask() -> None:
            request_refund(
                order_id=paid_order.pk,
                items=parts,
                reason=Refund.Reason.GOODWILL,
                requested_by=ASKER,
                now=NOON,
            )

        assert refused(ask) == "bad_items"

    def test_by_the_same_form_twice_is_one_refund(self, paid_order: Order) -> None:
        uuid = uuid4()
        first, second = (
            request_refund(
                order_id=paid_order.pk,
                items=[Part(RefundItem.Kind.AMOUNT, 500)],
                reason=Refund.Reason.GOODWILL,
                requested_by=ASKER,
                now=NOON,
                uuid=uuid,
            )
            for _ in range(2)
        )

        assert first == second

    @pytest.mark.parametrize("state", ["needs_response", "under_review", "lost"])
    def test_of_a_disputed_payment_is_refused(self, paid_order: Order, state: str) -> None:
        dispute(paid_order, state)

        assert refused(lambda: request(paid_order)) == "disputed"

    @pytest.mark.parametrize("state", ["warning", "won"])
    def test_of_a_payment_that_the_bank_has_not_taken_is_possible(
        self, paid_order: Order, state: str
    ) -> None:
        dispute(paid_order, state)

        assert request(paid_order).state == "requested"


def dispute(order: Order, state: str) -> None:
    Dispute.objects.create(
        stripe_id="dp_1",
        order=order,
        attempt=attempt_of(order),
        currency="GBP",
        amount_minor=2195,
        state=state,
        opened_at=NOON,
    )


class TestApproval:
    def test_reserves_the_amount_and_plans_one_call(self, paid_order: Order) -> None:
        refund = approved(paid_order)

        assert sums(paid_order) == (0, 500, 0)
        operation = last_operation(refund)
        assert operation.idempotency_key == f"refund-{operation.uuid}"
        assert operation.request["payment_intent"] == attempt_of(paid_order).stripe_intent_id
        assert operation.request["amount"] == 500
        assert operation.request["metadata"]["refund_id"] == str(refund.uuid)
        assert "reason" not in operation.request
        assert OutboxEvent.objects.filter(name="payment.operation_planned").exists()

    def test_twice_by_the_same_person_plans_once(self, paid_order: Order) -> None:
        refund = approved(paid_order)
        approve_refund(refund_id=refund.pk, approved_by=CHIEF, now=NOON)

        assert (sums(paid_order), refund.operations.count()) == ((0, 500, 0), 1)

    def test_of_what_another_has_reserved_meanwhile_is_refused(self, paid_order: Order) -> None:
        first, second = request(paid_order, 2000), request(paid_order, 2000)
        approve_refund(refund_id=first.pk, approved_by=CHIEF, now=NOON)

        def approve() -> None:
            approve_refund(refund_id=second.pk, approved_by=CHIEF, now=NOON)

        assert refused(approve) == "too_much"
        assert sums(paid_order) == (0, 2000, 0)

    @pytest.mark.parametrize("model", [OrderAccount, PaymentAttempt])
    def test_beyond_what_was_captured_is_refused_by_the_database_alone(
        self, paid_order: Order, monkeypatch: pytest.MonkeyPatch, model: type
    ) -> None:
        monkeypatch.setattr(refund_books, "require_room", lambda *_: None)
        monkeypatch.setattr(service, "require_room", lambda *_: None)
        # The other row is made roomy, so that this row's own constraint is seen.
        other = PaymentAttempt if model is OrderAccount else OrderAccount
        roomy = {"authorized_minor": 9000, "captured_minor": 9000}
        roomy |= {"amount_minor": 9000} if other is PaymentAttempt else {}
        other.objects.update(**roomy)

        name = broken_by(lambda: approved(paid_order, 2196))

        assert (
            name
            == {
                OrderAccount: "refunded_within_captured",
                PaymentAttempt: "attempt_refunded_within_captured",
            }[model]
        )

    def test_of_something_rejected_is_refused(self, paid_order: Order) -> None:
        refund = request(paid_order)
        service.reject_refund(refund_id=refund.pk, rejected_by=CHIEF, reason="no", now=NOON)

        def approve() -> None:
            approve_refund(refund_id=refund.pk, approved_by=CHIEF, now=NOON)

        assert refused(approve) == "wrong_state"

    def test_by_the_system_of_what_a_person_asked_for_is_refused(self, paid_order: Order) -> None:
        refund = request(paid_order)

        def approve() -> None:
            approve_refund(refund_id=refund.pk, approved_by="system", now=NOON)

        assert refused(approve) == "not_system"

    def test_must_be_somebodys(self, paid_order: Order) -> None:
        refund = request(paid_order)

        name = broken_by(lambda: Refund.objects.filter(pk=refund.pk).update(state="approved"))

        assert name == "refund_approved_by_somebody"


class TestSecondPerson:
    @pytest.fixture(autouse=True)
    def _limit(self, settings: object) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 1000  # type: ignore[attr-defined]

    def test_is_not_needed_up_to_the_limit(self, paid_order: Order) -> None:
        refund = request(paid_order, 1000)

        assert approve_refund(refund_id=refund.pk, approved_by=ASKER, now=NOON).state == "approved"

    def test_is_needed_above_it(self, paid_order: Order) -> None:
        refund = request(paid_order, 1001)

        def approve() -> None:
            approve_refund(refund_id=refund.pk, approved_by=ASKER, now=NOON)

        assert refused(approve) == "second_person"
        assert approve_refund(refund_id=refund.pk, approved_by=CHIEF, now=NOON).state == "approved"

    def test_is_demanded_by_the_database_alone(self, paid_order: Order) -> None:
        refund = request(paid_order, 1001)

        def approve() -> None:
            Refund.objects.filter(pk=refund.pk).update(state="approved", approved_by=ASKER)

        assert broken_by(approve) == "refund_second_person"

    def test_is_needed_for_many_small_ones_as_for_one_large(self, paid_order: Order) -> None:
        first, second = request(paid_order, 600), request(paid_order, 600)

        assert (first.needs_second_person, second.needs_second_person) == (False, True)

    def test_is_not_needed_by_the_system(self, paid_order: Order) -> None:
        refund = service.refund_whole_attempt(
            attempt_id=attempt_of(paid_order).pk, reason=Refund.Reason.LATE_PAYMENT, now=NOON
        )

        assert (refund.state, refund.approved_by, refund.amount_minor) == (
            "approved",
            "system",
            2195,
        )


class TestWholeAttempt:
    def test_twice_is_one_refund(self, paid_order: Order) -> None:
        first, second = (
            service.refund_whole_attempt(
                attempt_id=attempt_of(paid_order).pk, reason=Refund.Reason.DUPLICATE, now=NOON
            )
            for _ in range(2)
        )

        assert first == second
        assert sums(paid_order) == (0, 2195, 0)
        assert last_operation(first).request["reason"] == "duplicate"

    def test_gives_back_what_is_left(self, paid_order: Order) -> None:
        approved(paid_order, 195)
        refund = service.refund_whole_attempt(
            attempt_id=attempt_of(paid_order).pk, reason=Refund.Reason.LATE_PAYMENT, now=NOON
        )

        assert refund.amount_minor == 2000

    @pytest.mark.parametrize("is_given_up", [False, True])
    def test_that_failed_is_a_persons_and_not_asked_for_anew(
        self, paid_order: Order, refunds: FakeRefunds, is_given_up: bool
    ) -> None:
        def whole() -> Refund:
            return service.refund_whole_attempt(
                attempt_id=attempt_of(paid_order).pk, reason=Refund.Reason.LATE_PAYMENT, now=NOON
            )

        refunds.statuses.append("failed")
        failed = send(whole())
        if is_given_up:
            service.cancel_refund(
                refund_id=failed.pk, cancelled_by=CHIEF, reason="paid in cash", now=NOON
            )

        assert whole() == failed
        assert Refund.objects.count() == 1

    def test_of_nothing_captured_is_refused(self, order: Order) -> None:
        def ask() -> None:
            service.refund_whole_attempt(
                attempt_id=attempt_of(order).pk, reason=Refund.Reason.LATE_PAYMENT, now=NOON
            )

        assert refused(ask) == "nothing_captured"


class TestLateMoney:
    """Nobody is there to be refused: what is not given back by itself is a case with the reason."""

    def look(self, order: Order) -> str:
        attempt = attempt_of(order)
        amount = attempt.amount_minor
        paid = intent(
            "succeeded", amount_minor=amount, received_minor=amount, id=attempt.stripe_intent_id
        )
        return apply_outcome(
            attempt_id=attempt.pk, answer=answer(Outcome.CAPTURED, paid), actor="poller", now=NOON
        )

    @pytest.fixture
    def disputed(self, paid_order: Order) -> Order:
        PaymentAttempt.objects.filter(order=paid_order).update(purpose="late:1")
        shown = disputing.dispute(intent_id=attempt_of(paid_order).stripe_intent_id)
        apply_dispute(answer=shown, actor="webhook", now=NOON)
        return paid_order

    def test_that_is_disputed_is_looked_at_all_the_same(self, disputed: Order) -> None:
        assert [self.look(disputed) for _ in range(2)] == ["captured", "captured"]

        case = PaymentCase.objects.get(kind="late_payment")
        assert (case.subject, case.their_minor) == (attempt_of(disputed).stripe_intent_id, 2195)
        assert "bank" in case.detail
        assert Refund.objects.count() == 0

    def test_of_an_ended_order_that_is_disputed_stops_nothing(self, disputed: Order) -> None:
        with transaction.atomic():
            giving_back.give_back(order_id=disputed.pk, now=NOON)

        assert PaymentCase.objects.filter(kind="late_payment").count() == 1

    def test_whose_refund_failed_is_not_refunded_at_every_look(
        self, paid_order: Order, refunds: FakeRefunds
    ) -> None:
        PaymentAttempt.objects.filter(order=paid_order).update(purpose="late:1")
        self.look(paid_order)
        refunds.statuses.append("failed")
        send(Refund.objects.get())

        self.look(paid_order)

        assert Refund.objects.get().state == "failed"


class TestEnd:
    def test_cancelling_before_it_left_releases_and_unplans(self, paid_order: Order) -> None:
        refund = approved(paid_order)

        service.cancel_refund(refund_id=refund.pk, cancelled_by=CHIEF, reason="no", now=NOON)

        assert sums(paid_order) == (0, 0, 0)
        operation = last_operation(refund)
        assert (operation.state, operation.due_at) == ("refused", None)

    def test_cancelling_after_it_left_is_refused(self, paid_order: Order) -> None:
        refund = send(approved(paid_order))

        def cancel() -> None:
            service.cancel_refund(refund_id=refund.pk, cancelled_by=CHIEF, reason="", now=NOON)

        assert refused(cancel) == "wrong_state"


class TestItems:
    def test_sum_to_the_amount_says_the_database(self, paid_order: Order) -> None:
        refund = request(paid_order)

        def add() -> None:
            RefundItem.objects.create(refund=refund, kind="shipping", amount_minor=1)

        assert broken_by(add) == "refund_items_sum"
        name = broken_by(lambda: Refund.objects.filter(pk=refund.pk).update(amount_minor=501))
        assert name == "refund_items_sum"

    def test_of_a_line_name_it(self, paid_order: Order) -> None:
        refund = request(paid_order)

        name = broken_by(lambda: refund.items.update(kind="line"))

        assert name == "refund_item_names_its_line"


class TestQueries:
    def test_show_what_is_left_and_what_was_asked_for(self, paid_order: Order) -> None:
        approved(paid_order, 500)

        (view,) = list_refunds(order_id=paid_order.pk)
        assert (view.state, view.amount_minor, view.parts[0].amount_minor) == (
            "approved",
            500,
            500,
        )
        assert refundable_minor(order_id=paid_order.pk) == 1695

    def test_name_what_waits_too_long(self, paid_order: Order) -> None:
        refund = request(paid_order)

        assert list_stuck_refunds(now=NOON + timedelta(days=1)) == []
        (stuck,) = list_stuck_refunds(now=NOON + timedelta(days=3))
        assert (stuck.kind, stuck.subject_id) == ("refund_stuck", refund.pk)


def test_an_operation_of_a_refund_has_its_refund(paid_order: Order) -> None:
    operation = last_operation(approved(paid_order))
    rows = PaymentOperation.objects.filter(pk=operation.pk)

    assert broken_by(lambda: rows.update(refund=None)) == "refund_operation_has_refund"
