"""manage.py orders explain: every cent of an order, or what does not add up."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from globalmart.core.alerts import open_alert
from orders.management.order_report import BALANCED
from orders.models import Order
from payments.models import PaymentAttempt, Refund, RefundItem, StripeEvent
from payments.services.cases import open_case
from payments.services.operations import look_up
from payments.services.refunds import Part, approve_refund, request_refund
from payments.states import CaseKind, RefundState
from tests.payments.conftest import attempt_of, authorize, browser_order, order, stripe
from tests.payments.fakes import FakeStripe

__all__ = ["browser_order", "order", "stripe"]
TOTAL = 2195


def explain(order: Order, *arguments: str, code: int = 0) -> str:
    """Run the command and return what it printed, with long lines whole."""
    out = StringIO()
    if code:
        with pytest.raises(SystemExit) as caught:
            call_command("orders", "explain", order.number, *arguments, stdout=out)
        assert caught.value.code == code
    else:
        call_command("orders", "explain", order.number, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def paid(order: Order, stripe: FakeStripe) -> Order:
    """Ada's order, captured."""
    authorize(order)
    stripe.set(attempt_of(order).stripe_intent_id or "", "succeeded", received=TOTAL)
    look_up(attempt_id=attempt_of(order).pk, actor="poller")
    return order


def spoil(statement: str) -> None:
    """Write what no code of ours writes, past triggers and checks."""
    with connection.cursor() as cursor:
        # What was written before is checked before.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.mark.django_db
class TestExplain:
    def test_says_that_every_cent_is_explained(self, paid: Order) -> None:
        text = explain(paid)

        assert text.splitlines()[-1] == BALANCED
        assert "due        £21.95  captured £21.95 + held £0.00 + open £0.00" in text

    @pytest.mark.parametrize(
        "said",
        ["MUG", "shipping", "£3.95", "of it tax", "£3.66", "create 1", "confirm 1", "holds_contra",
         "sales", "captured, server"],
    )  # fmt: skip
    def test_shows_parts_calls_and_bookings(self, paid: Order, said: str) -> None:
        assert said in explain(paid)

    def test_runs_a_balance_for_each_account(self, paid: Order) -> None:
        money = json.loads(explain(paid, "--json"))["money"]

        holds = [row for row in money["bookings"] if row["account"] == "holds"]
        assert [row["amount_minor"] for row in holds] == [TOTAL, -TOTAL]
        assert [row["balance_minor"] for row in holds] == [TOTAL, 0]

    def test_shows_a_refund_on_its_way(self, paid: Order) -> None:
        refund = request_refund(
            order_id=paid.pk,
            items=[Part(RefundItem.Kind.AMOUNT, 500)],
            reason=Refund.Reason.GOODWILL,
            requested_by="staff:1",
            now=timezone.now(),
        )
        approve_refund(refund_id=refund.pk, approved_by="staff:2", now=timezone.now())

        text = explain(paid)

        assert "kept £16.95 + given back £0.00 + on its way back £5.00" in text
        assert "send refund 1 of attempt 1" in text

    def test_tells_what_comes_next(self, browser_order: Order) -> None:
        text = explain(browser_order)

        assert "send create 1 of attempt 1" in text
        assert "end the order, unless it is paid by then" in text
        assert "captured £0.00 + held £0.00 + open £21.95" in text
        assert text.splitlines()[-1] == BALANCED

    def test_shows_webhooks_alerts_and_cases(self, paid: Order) -> None:
        intent_id = attempt_of(paid).stripe_intent_id or ""
        event = StripeEvent.objects.create(
            event_id="evt_ada",
            type="payment_intent.succeeded",
            intent_id=intent_id,
            is_live=False,
            created=timezone.now(),
            tries=20,
            last_error="Stripe did not answer",
        )
        open_alert(
            kind="webhook_not_applied", subject_type="stripe_event", subject_id=event.pk, detail="x"
        )
        open_case(kind=CaseKind.DISPUTE, subject="dp_ada", detail="asked", order_id=paid.pk)

        text = explain(paid)

        assert "given up after 20 tries: Stripe did not answer" in text
        assert "webhook_not_applied" in text
        assert "dp_ada" in text

    def test_shows_no_names_and_addresses(self, paid: Order) -> None:
        for text in (explain(paid), explain(paid, "--json")):
            assert "Ada" not in text
            assert "ada@example.com" not in text
            assert "St James" not in text
            assert "/orders/" not in text

    def test_takes_a_number_as_people_write_it(self, paid: Order) -> None:
        out = StringIO()
        call_command("orders", "explain", paid.number.lower().replace("-", ""), stdout=out)

        assert paid.number in out.getvalue()

    @pytest.mark.parametrize("number", ["GM-00000-00001", "GM-00000-00000", "nonsense"])
    def test_knows_no_such_order(self, db: None, number: str) -> None:
        with pytest.raises(CommandError) as caught:
            call_command("orders", "explain", number)
        assert caught.value.returncode == 2


@pytest.mark.django_db
class TestWhatDoesNotAddUp:
    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            (
                "UPDATE payments_ledgerentry SET amount_minor = amount_minor + 1"
                " WHERE account = 'sales'",
                "does not sum to zero but to 1",
            ),
            (
                "UPDATE payments_ledgerentry SET amount_minor = amount_minor - 1"
                " WHERE account = 'sales'",
                "the ledger has -2196 on sales, the attempt says -2195",
            ),
            (
                "UPDATE payments_orderaccount SET captured_minor = captured_minor - 1",
                "the account says captured_minor 2194, its attempts together 2195",
            ),
            (
                "UPDATE payments_orderaccount SET due_minor = 2000",
                "195 more was captured than is due",
            ),
            (
                "UPDATE payments_orderaccount SET due_minor = 3000",
                "3000 is due, the order's total is 2195",
            ),
            (
                "UPDATE orders_orderline SET quantity = 3, total_minor = 2700",
                "the lines sum to 2700, the order says 1800",
            ),
        ],
    )
    def test_is_named(self, paid: Order, statement: str, said: str) -> None:
        spoil(statement)

        text = explain(paid, code=1)

        assert said in text
        assert BALANCED not in text

    def test_a_completed_order_that_was_not_captured(self, order: Order) -> None:
        authorize(order)
        Order.objects.update(state="completed")

        text = explain(order, code=1)

        assert "the order is completed, and 2195 of what is due was not captured" in text
        assert "the order is completed, and 2195 is still held" in text

    def test_a_refund_that_the_attempt_does_not_know(self, paid: Order) -> None:
        refund = Refund.objects.create(
            order=paid,
            attempt=PaymentAttempt.objects.get(),
            currency="GBP",
            amount_minor=500,
            state=RefundState.SUCCEEDED,
            reason=Refund.Reason.GOODWILL,
            requested_by="staff:1",
            approved_by="staff:2",
        )
        RefundItem.objects.create(refund=refund, kind=RefundItem.Kind.AMOUNT, amount_minor=500)

        assert "refunds of 500 have succeeded, the account says 0" in explain(paid, code=1)

    def test_an_open_difference_to_stripe(self, paid: Order) -> None:
        open_case(kind=CaseKind.AMOUNT, subject="pi_x", detail="theirs is less", order_id=paid.pk)

        assert "theirs is less" in explain(paid, code=1)
