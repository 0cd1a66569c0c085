"""Each movement of money stands in the balance once, with its fee, and leaves it with a payout."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_process import Inbox, StripeProcess, wait_for
from tests.sandbox.test_stripe_contract import faults_of

MULTICAPTURE = {"card": {"request_multicapture": "if_available"}}
HOUR = ("--settle-seconds", "3600")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path, *HOUR) as process:
        yield process


def movements(server: StripeProcess, **params: Any) -> list[tuple[str, int, int, int]]:
    """Return type, amount, fee and net of each transaction, the oldest first."""
    listed = server.client().v1.balance_transactions.list({"limit": 100, **params})  # type: ignore[typeddict-item]
    return [(one.type, one.amount, one.fee, one.net) for one in listed.data][::-1]


def booked(server: StripeProcess) -> list[dict[str, Any]]:
    with sqlite3.connect(server.book) as book:
        book.row_factory = sqlite3.Row
        return [dict(row) for row in book.execute("SELECT * FROM book_stripe_balance")]


class TestTransactions:
    def test_a_capture_pays_its_fee(self, server: StripeProcess) -> None:
        made = server.held()
        assert movements(server) == []

        done = server.client().v1.payment_intents.capture(
            made.id, {"expand": ["latest_charge.balance_transaction"]}
        )

        assert isinstance(done.latest_charge, stripe.Charge)
        transaction = done.latest_charge.balance_transaction
        assert isinstance(transaction, stripe.BalanceTransaction)
        assert (transaction.amount, transaction.fee, transaction.net) == (1000, 35, 965)
        assert transaction.source == made.latest_charge
        plain = server.call("GET", f"/v1/balance_transactions/{transaction.id}").json
        assert faults_of(plain, stripe.BalanceTransaction, "transaction", is_whole=True) == []

    @pytest.mark.parametrize(("amount", "fee"), [(100, 22), (133, 22), (167, 23), (99_999, 1520)])
    def test_the_fee_is_rounded_half_up(self, server: StripeProcess, amount: int, fee: int) -> None:
        server.held(amount, capture_method="automatic")

        assert movements(server) == [("charge", amount, fee, amount - fee)]

    def test_every_part_is_a_movement(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(payment_method_options=MULTICAPTURE)
        client.v1.payment_intents.capture(
            made.id, {"amount_to_capture": 400, "final_capture": False}
        )
        client.v1.payment_intents.capture(made.id, {"amount_to_capture": 500})

        assert movements(server, source=str(made.latest_charge)) == [
            ("charge", 400, 26, 374),
            ("charge", 500, 28, 472),
        ]
        captures = [r for r in booked(server) if r["type"] == "charge"]
        assert [row["intent_id"] for row in captures] == [made.id, made.id]

    def test_a_refund_and_its_failure_cancel_out(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic", payment_method="pm_card_refundFail")
        refund = server.client().v1.refunds.create({"payment_intent": made.id, "amount": 600})
        server.control("POST", "advance", {"object": refund.id})

        after = server.client().v1.refunds.retrieve(
            refund.id, {"expand": ["balance_transaction", "failure_balance_transaction"]}
        )

        assert isinstance(after.balance_transaction, stripe.BalanceTransaction)
        assert isinstance(after.failure_balance_transaction, stripe.BalanceTransaction)
        assert movements(server, source=refund.id) == [
            ("refund", -600, 0, -600),
            ("refund_failure", 600, 0, 600),
        ]

    def test_a_refused_capture_moves_nothing(self, server: StripeProcess) -> None:
        made = server.held(payment_method="pm_card_sandbox_captureInsufficientFunds")
        with pytest.raises(stripe.CardError):
            server.client().v1.payment_intents.capture(made.id)

        assert movements(server) == []

    def test_they_are_filtered_and_paged(self, server: StripeProcess) -> None:
        client = server.client()
        for _ in range(3):
            server.held(capture_method="automatic")
        euros = server.held(capture_method="automatic", currency="eur")
        client.v1.refunds.create({"payment_intent": euros.id})

        assert len(movements(server, type="charge")) == 4
        assert movements(server, type="refund") == [("refund", -1000, 0, -1000)]
        assert len(movements(server, currency="eur")) == 2
        assert movements(server, created={"gte": 2**33}) == []
        assert len(movements(server, created={"lt": 2**33})) == 5
        first = client.v1.balance_transactions.list({"limit": 3})
        rest = client.v1.balance_transactions.list({"starting_after": first.data[-1].id})
        assert (len(first.data), first.has_more, len(rest.data), rest.has_more) == (
            3, True, 2, False,
        )  # fmt: skip


class TestPayouts:
    def test_each_currency_is_paid_out_once(self, server: StripeProcess) -> None:
        client = server.client()
        pounds = server.held(capture_method="automatic")
        client.v1.refunds.create({"payment_intent": pounds.id, "amount": 300})
        server.held(2000, capture_method="automatic", currency="eur")

        made = server.control("POST", "payout", {}).json["payouts"]
        again = server.control("POST", "payout", {}).json["payouts"]

        assert {one["currency"]: one["amount"] for one in made} == {"gbp": 665, "eur": 1950}
        assert again == []
        by_currency = {one["currency"]: one["id"] for one in made}
        assert movements(server, payout=by_currency["gbp"]) == [
            ("charge", 1000, 35, 965),
            ("refund", -300, 0, -300),
            ("payout", -665, 0, -665),
        ]
        assert {row["payout"] for row in booked(server)} == set(by_currency.values())
        assert sum(row["net_minor"] for row in booked(server)) == 0

    def test_a_debt_waits_for_the_next_one(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")
        server.control("POST", "payout", {})
        server.client().v1.refunds.create({"payment_intent": made.id})
        assert server.control("POST", "payout", {}).json["payouts"] == []
        server.held(3000, capture_method="automatic")

        (payout,) = server.control("POST", "payout", {}).json["payouts"]

        assert payout["amount"] == 3000 - 65 - 1000

    def test_it_arrives_and_is_told(self, tmp_path: Path) -> None:
        with Inbox() as inbox, StripeProcess(tmp_path, *HOUR, webhook_url=inbox.url) as server:
            server.held(capture_method="automatic")
            (made,) = server.control("POST", "payout", {}).json["payouts"]
            client = server.client()
            assert client.v1.payouts.retrieve(made["id"]).status == "pending"
            assert client.v1.payouts.list({"status": "paid"}).data == []

            server.control("POST", "advance", {})

            (paid,) = client.v1.payouts.list({"status": "paid"}).data
            assert (paid.id, paid.status, paid.reconciliation_status) == (
                made["id"], "paid", "completed",
            )  # fmt: skip
            wait_for(lambda: {"payout.created", "payout.paid"} <= set(inbox.types(paid.id)))
            plain = server.call("GET", f"/v1/payouts/{paid.id}").json
            assert faults_of(plain, stripe.Payout, "payout", is_whole=True) == []
