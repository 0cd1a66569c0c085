"""What is due sinks with the order: holds, captures and refunds follow, and nothing is lost."""

import pytest
from django.utils import timezone

from globalmart.core.models import TimelineEntry
from orders.models import Order
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.queries import is_settled, summaries
from payments.services.lowering import lower_due
from payments.services.operations import send_operation
from payments.services.planning import plan_cancel, plan_capture
from payments.states import AttemptState, OperationState
from tests.payments.conftest import account_of, attempt_of, authorize, operation, send
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.fakes import FakeStripe
from tests.payments.refunding import approved
from tests.payments.refunding import send as send_refund


@pytest.fixture
def held(order: Order) -> Order:
    authorize(order)
    return order


def lower(order: Order, due_minor: int) -> int:
    return lower_due(order_id=order.pk, due_minor=due_minor, now=timezone.now())


def capture_planned(order: Order, amount_minor: int | None = None) -> None:
    plan_capture(order_id=order.pk, now=timezone.now(), amount_minor=amount_minor)


def captures() -> list[tuple[str, int]]:
    rows = PaymentOperation.objects.filter(kind="capture").order_by("pk")
    return list(rows.values_list("state", "amount_minor"))


class TestBeforeTheCapture:
    def test_the_hold_stays_and_only_what_is_due_is_captured(self, held: Order) -> None:
        assert lower(held, 1295) == 1295
        capture_planned(held)
        send(held, "capture")

        account = account_of(held)
        assert (account.due_minor, account.captured_minor) == (1295, 1295)
        assert account.authorized_minor == 1295
        assert is_settled(order_id=held.pk)
        assert summaries([held.pk])[held.pk] == "paid"

    def test_a_capture_that_has_not_left_is_planned_anew_for_less(self, held: Order) -> None:
        capture_planned(held)
        lower(held, 1295)

        assert captures() == [("refused", 2195), ("planned", 1295)]
        send(held, "capture")
        assert account_of(held).captured_minor == 1295

    def test_a_capture_that_may_have_left_counts_as_kept(
        self, held: Order, stripe: FakeStripe
    ) -> None:
        capture_planned(held)
        stripe.lost["capture"] = 1
        send(held, "capture")

        assert lower(held, 1295) == 2195
        assert captures() == [("unknown", 2195)]

    def test_a_failed_capture_is_not_asked_for_more_than_is_due(
        self, held: Order, stripe: FakeStripe
    ) -> None:
        capture_planned(held)
        PaymentOperation.objects.filter(kind="capture").update(
            state=OperationState.DECLINED,
            due_at=None,
            first_sent_at=timezone.now(),
            finished_at=timezone.now(),
        )
        lower(held, 1295)
        capture_planned(held)

        assert operation(held, "capture").amount_minor == 1295

    def test_nothing_due_lets_the_hold_go(self, held: Order) -> None:
        lower(held, 0)
        send(held, "cancel")

        assert attempt_of(held).state == AttemptState.CANCELLED
        assert account_of(held).authorized_minor == 0


class TestAfterACapture:
    def test_what_was_captured_stays_due_until_it_goes_back(
        self, held: Order, refunds: FakeRefunds
    ) -> None:
        capture_planned(held)
        send(held, "capture")
        assert lower(held, 1295) == 2195

        refund = approved(held, 900)
        assert lower(held, 1295) == 2195
        assert summaries([held.pk])[held.pk] == "paid"

        send_refund(refund)
        assert lower(held, 1295) == 1295
        assert is_settled(order_id=held.pk)
        assert summaries([held.pk])[held.pk] == "partially_refunded"

    def test_the_rest_of_a_hold_is_let_go_with_the_last_part(self, held: Order) -> None:
        PaymentAttempt.objects.update(is_multicapture=True)
        capture_planned(held, 900)
        send(held, "capture")
        assert attempt_of(held).state == AttemptState.PARTIALLY_CAPTURED

        lower(held, 900)

        assert operation(held, "cancel").state == OperationState.PLANNED

    def test_of_a_part_the_rest_of_the_hold_stays_for_what_is_still_due(self, held: Order) -> None:
        PaymentAttempt.objects.update(is_multicapture=True)
        capture_planned(held, 900)
        send(held, "capture")

        lower(held, 1295)
        assert not PaymentOperation.objects.filter(kind="cancel").exists()

        capture_planned(held)
        send(held, "capture")
        account = account_of(held)
        assert (account.captured_minor, account.authorized_minor) == (1295, 1295)
        assert attempt_of(held).state == AttemptState.CAPTURED


class TestDue:
    def test_never_rises_and_is_told_once(self, held: Order) -> None:
        for due_minor in (1295, 1295, 2195):
            assert lower(held, due_minor) == 1295

        entry = TimelineEntry.objects.get(kind="payment.due_lowered")
        assert entry.data == {"before_minor": 2195, "after_minor": 1295}
        assert OrderAccount.objects.get().due_minor == 1295


class TestCancel:
    def test_does_not_wait_for_a_capture_that_has_not_left(self, held: Order) -> None:
        capture_planned(held)
        plan_cancel(order_id=held.pk, now=timezone.now())

        assert captures() == [("refused", 2195)]
        send_operation(operation_id=operation(held, "cancel").pk)
        assert attempt_of(held).state == AttemptState.CANCELLED
        assert account_of(held).captured_minor == 0
