"""Refunds, disputes and Stripe's own balance against ours."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Sum
from django.utils import timezone

from globalmart.core.audit import list_invariants, run_audit
from orders.models import Order
from payments import gateways
from payments.gateways.lists import Movement
from payments.models import (
    BalanceTransaction,
    Cursor,
    Dispute,
    LedgerEntry,
    OrderAccount,
    PaymentAttempt,
    PaymentCase,
    Refund,
    RefundItem,
)
from payments.services import refunding
from payments.services.operations import look_up
from payments.services.planning import plan_cancel
from payments.services.reconciling import balance, disputes
from payments.services.reconciling.balance import BANK_TYPES, CURSOR, FEE_TYPES, read_balance
from payments.services.reconciling.balancing import UNDER_WAY
from payments.states import CaseKind, DisputeState, RefundState
from tests.payments.conftest import attempt_of, send
from tests.payments.reconciling.conftest import cases, compare, intent_of, make_intent
from tests.sandbox.stripe_process import StripeProcess

K = CaseKind
# 1.5 % of 21.95 and 0.20, as the sandbox takes it.
FEE = 53


def ledger(account: str) -> int:
    rows = LedgerEntry.objects.filter(account=account)
    return rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def of_stripe() -> int:
    return BalanceTransaction.objects.aggregate(sum=Sum("net_minor"))["sum"] or 0


def dashboard_refund(server: StripeProcess, order: Order, amount: int) -> str:
    asked = {"payment_intent": intent_of(order), "amount": amount}
    answer = server.control("POST", "refunds", asked)
    assert answer.status == 200, answer.text
    server.control("POST", "advance", {})
    return str(answer.json["id"])


def dispute(server: StripeProcess, order: Order) -> str:
    answer = server.control("POST", "disputes", {"payment_intent": intent_of(order)})
    assert answer.status == 200, answer.text
    return str(answer.json["id"])


class TestRefunds:
    def test_one_from_the_dashboard_comes_into_the_books(
        self, server: StripeProcess, captured: Order
    ) -> None:
        made = dashboard_refund(server, captured, 500)

        report = compare(apply=True)

        assert (report.found[K.MISSING_HERE], report.healed[K.MISSING_HERE]) == (1, 1)
        refund = Refund.objects.get()
        assert (refund.stripe_refund_id, refund.state) == (made, RefundState.SUCCEEDED)
        assert OrderAccount.objects.get(order=captured).refunded_minor == 500

    def test_another_state_is_learnt(self, server: StripeProcess, captured: Order) -> None:
        made = dashboard_refund(server, captured, 500)
        compare(apply=True)
        server.control("POST", "refunds", {"refund": made, "status": "failed"})

        report = compare(apply=True)

        assert (report.found[K.STATE], report.healed[K.STATE]) == (1, 1)
        assert Refund.objects.get().state == RefundState.FAILED

    def test_another_amount_is_a_case(self, server: StripeProcess, captured: Order) -> None:
        made = dashboard_refund(server, captured, 500)
        compare(apply=True)
        RefundItem.objects.update(amount_minor=400)
        Refund.objects.update(amount_minor=400)

        assert compare().found[K.AMOUNT] == 1
        compare(apply=True)

        assert (K.AMOUNT, made) in cases()

    def test_those_that_agree_give_nothing(self, server: StripeProcess, captured: Order) -> None:
        dashboard_refund(server, captured, 500)
        compare(apply=True)

        report = compare(apply=True)

        assert (dict(report.found), report.compared["refunds"]) == ({}, 1)


class TestReleases:
    """What is held and not captured goes back; Stripe shows a refund, and no money moves."""

    def tell(self, order: Order, amount: int) -> dict[str, int]:
        """Hear of it by webhook and by comparison; return what Stripe shows and what differs."""
        refunding.look_up_refunds(intent_id=intent_of(order), actor="webhook")
        shown = gateways.refunds().list_of_intent(intent_id=intent_of(order)).refunds
        assert [(each.amount_minor, each.is_release) for each in shown] == [(amount, True)]
        assert Refund.objects.count() == 0
        return dict(compare(apply=True).found)

    def test_of_what_a_final_capture_leaves_agree(self, server: StripeProcess, held: Order) -> None:
        asked = {"amount_to_capture": 1500}
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture", asked)
        look_up(attempt_id=attempt_of(held).pk, actor="webhook")

        assert (self.tell(held, 695), cases()) == ({}, [])
        assert OrderAccount.objects.get(order=held).captured_minor == 1500
        assert of_stripe() == ledger("stripe")

    def test_of_a_cancelled_hold_agree(self, held: Order) -> None:
        plan_cancel(order_id=held.pk, now=timezone.now())
        send(held, "cancel")

        assert (self.tell(held, 2195), cases()) == ({}, [])


class TestDisputes:
    def test_an_unknown_one_comes_into_the_books(
        self, server: StripeProcess, captured: Order
    ) -> None:
        made = dispute(server, captured)

        report = compare(apply=True)

        assert (report.found[K.MISSING_HERE], report.healed[K.MISSING_HERE]) == (1, 1)
        assert Dispute.objects.get().stripe_id == made

    def test_a_verdict_that_nobody_told_us_of_is_learnt(
        self, server: StripeProcess, captured: Order
    ) -> None:
        made = dispute(server, captured)
        compare(apply=True)
        server.control("POST", "disputes", {"dispute": made, "status": "lost"})

        report = compare(apply=True)

        assert (report.found[K.STATE], report.healed[K.STATE]) == (1, 1)
        assert Dispute.objects.get().state == DisputeState.LOST

    def test_another_amount_is_a_case(self, server: StripeProcess, captured: Order) -> None:
        made = dispute(server, captured)
        compare(apply=True)
        Dispute.objects.update(amount_minor=1)

        compare(apply=True)

        assert (K.AMOUNT, made) in cases()

    def test_another_currency_stays_a_case_while_it_differs(
        self, server: StripeProcess, captured: Order
    ) -> None:
        made = dispute(server, captured)
        compare(apply=True)
        PaymentAttempt.objects.update(currency="EUR")
        theirs = gateways.disputes().retrieve_dispute(stripe_id=made)
        assert theirs is not None

        found = disputes.compare(theirs, Dispute.objects.get())

        assert found is not None
        assert (found.kind, found.cure) == (K.AMOUNT, "")


class TestBalance:
    def test_fees_and_payouts_are_booked_once(self, server: StripeProcess, captured: Order) -> None:
        server.control("POST", "payout", {})
        server.control("POST", "advance", {})

        for _ in range(2):
            assert compare(apply=True).unhealed == 0

        assert ledger("fees") == FEE
        assert ledger("bank") == 2195 - FEE
        assert ledger("stripe") == of_stripe() == 0
        assert BalanceTransaction.objects.count() == 2

    def test_the_ledger_is_stripes_balance_after_everything(
        self, server: StripeProcess, captured: Order
    ) -> None:
        dashboard_refund(server, captured, 500)
        made = dispute(server, captured)
        compare(apply=True)
        server.control("POST", "disputes", {"dispute": made, "status": "won"})

        report = compare(apply=True)

        assert report.unhealed == 0
        assert ledger("stripe") == of_stripe() == server_balance(server)
        assert audited() == {}

    def test_a_line_that_the_ledger_does_not_have_is_a_case(
        self, server: StripeProcess, captured: Order
    ) -> None:
        compare(apply=True)
        line = BalanceTransaction.objects.get()
        other = {"amount_minor": 100, "fee_minor": 0, "net_minor": 100, "currency": "GBP"}
        BalanceTransaction.objects.create(
            stripe_id="txn_more", type="charge", source=line.source, created=line.created, **other
        )

        assert compare(apply=True).found[K.BALANCE] == 2
        assert set(cases()) == {(K.BALANCE, line.source), (K.BALANCE, "balance-GBP")}
        case = PaymentCase.objects.get(subject=line.source)
        assert (case.our_minor, case.their_minor, case.order_id) == (2195, 2295, captured.pk)
        assert audited() == {}

        BalanceTransaction.objects.filter(stripe_id="txn_more").delete()
        assert (compare(apply=True).closed, cases()) == (2, [])

    def test_a_capture_that_stripes_balance_does_not_have_is_seen(
        self, server: StripeProcess, captured: Order
    ) -> None:
        compare(apply=True)
        BalanceTransaction.objects.update(type="payout")

        assert (K.BALANCE, intent_of(captured)) in {
            tuple(each.split(": ")[:2]) for each in compare().examples
        }

    def test_two_faults_that_cancel_out_are_seen(
        self, server: StripeProcess, captured: Order
    ) -> None:
        """Refunded as captured: the sum is right, and each part is wrong."""
        compare(apply=True)
        line = BalanceTransaction.objects.get()
        for number, (kind, amount) in enumerate([("charge", 100), ("adjustment", -100)]):
            BalanceTransaction.objects.create(
                stripe_id=f"txn_{number}",
                type=kind,
                source=line.source,
                created=line.created,
                currency="GBP",
                amount_minor=amount,
                fee_minor=0,
                net_minor=amount,
            )

        assert dict(compare().found) == {K.BALANCE: 1}

    def test_what_is_not_at_rest_is_not_compared(
        self, server: StripeProcess, captured: Order
    ) -> None:
        compare(apply=True)
        line = BalanceTransaction.objects.get()
        BalanceTransaction.objects.create(
            stripe_id="txn_more",
            type="charge",
            source=line.source,
            created=timezone.now() + timedelta(hours=1, minutes=30),
            amount_minor=100,
            fee_minor=0,
            net_minor=100,
            currency="GBP",
        )

        assert dict(compare().found) == {}

    def test_a_payment_of_nobody_is_settled_when_it_went_back(
        self, server: StripeProcess, captured: Order
    ) -> None:
        stray = make_intent(server, None, amount=777, confirm=True)
        server.call("POST", f"/v1/payment_intents/{stray}/capture")
        server.call("POST", "/v1/refunds", {"payment_intent": stray})

        assert dict(compare(apply=True).found) == {}

    def test_is_not_compared_before_it_was_read(self, captured: Order) -> None:
        report = compare()

        assert (dict(report.found), len(report.waiting)) == ({}, 1)
        assert not BalanceTransaction.objects.exists()
        assert not Cursor.objects.exists()

    def test_goes_on_where_it_was_broken_off(
        self, server: StripeProcess, captured: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = timezone.now() + timedelta(hours=2)
        with monkeypatch.context() as broken:
            broken.setattr(balance, "_store", crash)
            with pytest.raises(RuntimeError):
                read_balance(now=now)
        assert Cursor.objects.get(name=CURSOR).read_until < now

        assert read_balance(now=now) == 1
        assert Cursor.objects.get(name=CURSOR).read_until == now
        assert read_balance(now=now + timedelta(minutes=5)) == 0

    def test_no_line_is_booked_twice_even_where_its_row_was_lost(self, captured: Order) -> None:
        compare(apply=True)
        BalanceTransaction.objects.all().delete()

        with pytest.raises(IntegrityError):
            compare(apply=True)


def audited() -> dict[str, int]:
    """Return what the audit finds wrong about Stripe's balance."""
    found = run_audit().findings
    wrong = [each for each in found if "balance" in each.invariant.path.name]
    assert len(wrong) == 3
    return {each.invariant.path.name: each.count for each in wrong if each.count or each.error}


class TestInvariants:
    @pytest.mark.parametrize("name", ["balance_is_booked", "ledger_matches_balance"])
    def test_know_the_same_kinds_of_lines(self, name: str) -> None:
        (path,) = [each.path for each in list_invariants() if name in each.path.name]
        named = re.search(r"type (?:NOT )?IN \(([^)]*)\)", path.read_text())
        assert named is not None
        assert set(re.findall(r"'(\w+)'", named.group(1))) == {*BANK_TYPES, *FEE_TYPES}

    def test_let_an_order_be_paid_twice_where_it_goes_back(
        self, server: StripeProcess, captured: Order
    ) -> None:
        def found() -> int:
            all_of = run_audit().findings
            names = [one.count for one in all_of if one.invariant.path.name == name]
            return names[0]

        name = "i01_money_within_bounds.sql"
        OrderAccount.objects.update(due_minor=1695)
        kept = found()
        dashboard_refund(server, captured, 500)
        refunding.look_up_refunds(intent_id=intent_of(captured), actor="webhook")

        assert (kept, found()) == (1, 0)

    def test_the_same_refunds_are_under_way(self) -> None:
        (path,) = [e.path for e in list_invariants() if "ledger_matches_balance" in e.path.name]
        named = re.search(r"state IN \(([^)]*)\)", path.read_text())
        assert named is not None
        assert set(re.findall(r"'(\w+)'", named.group(1))) == set(UNDER_WAY)


def crash(page: Any) -> int:
    raise RuntimeError("killed")


def server_balance(server: StripeProcess) -> int:
    page = server.call("GET", "/v1/balance_transactions", {"limit": 100}).json
    return sum(line["net"] for line in page["data"])


class FakeLists:
    """Lines that the sandbox does not know: other currencies than the payment's own."""

    def __init__(self, *lines: Movement) -> None:
        self.lines = lines

    def movements(self, **_: Any) -> Any:
        return iter(self.lines)


def line(order: Order, **more: Any) -> Movement:
    wanted: dict[str, Any] = {
        "id": "txn_1",
        "type": "charge",
        "source": intent_of(order),
        "amount_minor": 2195,
        "fee_minor": 53,
        "currency": "GBP",
        "created": timezone.now(),
        **more,
    }
    return Movement(net_minor=wanted["amount_minor"] - wanted["fee_minor"], **wanted)


class TestCurrencies:
    @pytest.mark.parametrize(("currency", "fee"), [("JPY", 0), ("KWD", 7), ("USD", 90)])
    def test_an_exchanged_payment_balances_in_both(
        self, captured: Order, monkeypatch: pytest.MonkeyPatch, currency: str, fee: int
    ) -> None:
        """Paid in pounds, and put to the account in another currency, of 0, 2 or 3 decimals."""
        exchanged = line(
            captured,
            amount_minor=4_321,
            fee_minor=fee,
            currency=currency,
            presented_minor=2195,
            presented_currency="GBP",
        )
        with monkeypatch.context() as patch:
            patch.setattr(gateways, "lists", lambda: FakeLists(exchanged))
            read_balance(now=timezone.now() + timedelta(hours=2))

        assert dict(compare().found) == {}
        sums = LedgerEntry.objects.filter(account="stripe").values_list("currency")
        assert dict(sums.annotate(Sum("amount_minor"))) == {"GBP": 0, currency: 4_321 - fee}

    def test_a_wrong_exchange_is_seen(
        self, captured: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exchanged = line(captured, currency="USD", presented_minor=2000, presented_currency="GBP")
        with monkeypatch.context() as patch:
            patch.setattr(gateways, "lists", lambda: FakeLists(exchanged))
            read_balance(now=timezone.now() + timedelta(hours=2))

        assert dict(compare().found) == {K.BALANCE: 2}

    @pytest.mark.parametrize("kind", ["stripe_fee", "tax_fee"])
    def test_a_fee_without_a_payment_is_booked(
        self, captured: Order, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        lines = (
            line(captured),
            line(captured, id="txn_2", type=kind, source="", amount_minor=-30, fee_minor=0),
        )
        with monkeypatch.context() as patch:
            patch.setattr(gateways, "lists", lambda: FakeLists(*lines))
            read_balance(now=timezone.now() + timedelta(hours=2))

        assert ledger("fees") == 53 + 30
        assert dict(compare().found) == {}

    def test_a_line_of_a_kind_that_we_do_not_know_is_seen(
        self, captured: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = (
            line(captured),
            line(captured, id="txn_2", type="reserve_hold", source="", amount_minor=-30),
        )
        with monkeypatch.context() as patch:
            patch.setattr(gateways, "lists", lambda: FakeLists(*lines))
            read_balance(now=timezone.now() + timedelta(hours=2))

        assert compare().found[K.BALANCE] == 2
