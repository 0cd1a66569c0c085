"""The book's views say what the audit needs: money that moved, in integers, by intent."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.stripe_process import StripeProcess

MULTICAPTURE = {"card": {"request_multicapture": "if_available"}}
COLUMNS = {
    "book_stripe_intents": [
        "intent_id", "order_id", "attempt_id", "status", "amount_minor", "captured_minor",
        "refunded_minor", "currency", "created_at",
    ],
    "book_stripe_refunds": [
        "refund_id", "intent_id", "amount_minor", "currency", "status", "created_at",
    ],
    "book_stripe_disputes": [
        "dispute_id", "intent_id", "amount_minor", "currency", "status", "reason", "created_at",
    ],
    "book_stripe_balance": [
        "txn_id", "type", "source", "amount_minor", "fee_minor", "net_minor", "currency", "payout",
        "intent_id",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


def ask(server: StripeProcess, sql: str, *params: Any) -> list[sqlite3.Row]:
    with sqlite3.connect(server.book) as book:
        book.row_factory = sqlite3.Row
        return book.execute(sql, params).fetchall()


def test_the_views_have_their_columns(server: StripeProcess) -> None:
    found = {
        view: [row["name"] for row in ask(server, f"PRAGMA table_info({view})")] for view in COLUMNS
    }

    assert found == COLUMNS


def test_captures_of_an_intent_can_be_counted(server: StripeProcess) -> None:
    made = server.held(payment_method_options=MULTICAPTURE)
    path = f"/v1/payment_intents/{made.id}/capture"
    for key, amount, is_final in (("a", 300, False), ("a", 300, False), ("b", 200, True)):
        asked = {"amount_to_capture": amount, "final_capture": str(is_final).lower()}
        server.call("POST", path, asked, Idempotency_Key=f"{made.id}{key}")

    counted = ask(
        server,
        "SELECT COUNT(*) AS captures, SUM(amount_minor) AS captured_minor"
        " FROM book_stripe_balance WHERE type = 'charge' AND intent_id = ?",
        made.id,
    )

    assert tuple(counted[0]) == (2, 500)


def test_the_balance_explains_what_an_intent_took_and_gave(server: StripeProcess) -> None:
    client = server.client()
    made = server.held(capture_method="automatic")
    failing = client.v1.refunds.create({"payment_intent": made.id, "amount": 250})
    client.v1.refunds.create({"payment_intent": made.id, "amount": 100})
    server.control("POST", "refunds", {"refund": failing.id, "status": "failed"})

    line = server.line(made.id)
    moved = ask(
        server,
        "SELECT SUM(amount_minor) AS left_minor FROM book_stripe_balance WHERE intent_id = ?",
        made.id,
    )

    assert (line["captured_minor"], line["refunded_minor"]) == (1000, 100)
    assert moved[0]["left_minor"] == 900
    refunds = ask(server, "SELECT * FROM book_stripe_refunds WHERE intent_id = ?", made.id)
    assert sorted((row["amount_minor"], row["status"]) for row in refunds) == [
        (100, "succeeded"),
        (250, "failed"),
    ]
