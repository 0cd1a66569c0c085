"""What the database refuses even if the code forgets."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from globalmart.core.db import constraint_name
from orders.models import Order
from payments.models import LedgerEntry, OrderAccount, PaymentAttempt, PaymentOperation
from payments.services import ledger
from payments.services.intake import PaymentPlan, plan_attempt
from payments.states import LIVE, AttemptState
from tests.builders import NOON
from tests.payments.conftest import attempt_of


def broken_by(change: object) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        change()  # type: ignore[operator]
    return constraint_name(caught.value)


def plan(order: Order) -> PaymentPlan:
    return PaymentPlan(
        order_id=order.pk,
        order_public_id=order.public_id,
        order_number=order.number,
        currency="GBP",
        amount_minor=2195,
        return_url="https://shop.example",
    )


class TestPaymentAttempt:
    @pytest.mark.parametrize("state", LIVE)
    def test_is_alone_while_live(self, order: Order, state: str) -> None:
        PaymentAttempt.objects.update(state=state)

        found = broken_by(lambda: plan_attempt(plan=plan(order), number=2, now=NOON))

        assert found == "one_live_attempt_per_purpose"

    def test_may_follow_one_that_has_ended(self, order: Order) -> None:
        PaymentAttempt.objects.update(state=AttemptState.FAILED)

        assert plan_attempt(plan=plan(order), number=2, now=NOON).number == 2

    def test_has_a_number_of_its_own(self, order: Order) -> None:
        PaymentAttempt.objects.update(state=AttemptState.FAILED)

        found = broken_by(lambda: plan_attempt(plan=plan(order), number=1, now=NOON))

        assert found == "one_attempt_per_number"

    @pytest.mark.parametrize(
        "amounts",
        [
            {"amount_minor": 0},
            {"captured_minor": 1},
            {"captured_minor": -1},
            {"authorized_minor": 2196},
        ],
    )
    def test_keeps_its_amounts_in_order(self, order: Order, amounts: dict[str, int]) -> None:
        found = broken_by(lambda: PaymentAttempt.objects.update(**amounts))

        assert found == "attempt_amounts_in_order"

    def test_knows_its_state(self, order: Order) -> None:
        found = broken_by(lambda: PaymentAttempt.objects.update(state="paid"))

        assert found == "attempt_state_known"


class TestOrderAccount:
    @pytest.mark.parametrize(
        ("amounts", "name"),
        [
            ({"captured_minor": 1}, "captured_within_authorized"),
            ({"refunded_minor": 1}, "refunded_within_captured"),
            ({"refund_reserved_minor": 1}, "refunded_within_captured"),
            ({"authorized_minor": -1, "captured_minor": -1}, "account_not_negative"),
            ({"due_minor": -1}, "account_not_negative"),
        ],
    )
    def test_cannot_be_overdrawn(self, order: Order, amounts: dict[str, int], name: str) -> None:
        assert broken_by(lambda: OrderAccount.objects.update(**amounts)) == name


class TestPaymentOperation:
    def test_is_the_only_one_of_its_number(self, order: Order) -> None:
        row = PaymentOperation.objects.get(kind="create")
        row.pk, row.idempotency_key = None, "another"
        row.uuid = attempt_of(order).uuid

        assert broken_by(row.save) == "one_operation_per_number"

    def test_has_a_key_of_its_own(self, order: Order) -> None:
        key = PaymentOperation.objects.get(kind="create").idempotency_key
        rows = PaymentOperation.objects.filter(kind="confirm")

        assert broken_by(lambda: rows.update(idempotency_key=key)) == "one_operation_per_key"

    def test_knows_its_state(self, order: Order) -> None:
        found = broken_by(lambda: PaymentOperation.objects.update(state="lost"))

        assert found == "operation_state_known"


class TestLedgerEntry:
    @pytest.mark.parametrize(
        "change",
        [
            lambda: LedgerEntry.objects.update(amount_minor=F("amount_minor") + 1),
            lambda: LedgerEntry.objects.all().delete(),
        ],
    )
    def test_never_changes(self, order: Order, change: object) -> None:
        LedgerEntry.objects.bulk_create(ledger.hold(attempt_of(order), 2195))

        broken_by(change)

        assert LedgerEntry.objects.count() == 2
