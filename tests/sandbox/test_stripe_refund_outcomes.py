"""A refund may wait, succeed, fail afterwards, or be canceled; the charge and the events follow."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_process import Inbox, StripeProcess, wait_for

HOUR = ("--settle-seconds", "3600")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder, *HOUR, webhook_url=inbox.url) as process:
        yield process


def refunded(server: StripeProcess, card: str, amount: int = 300) -> stripe.Refund:
    made = server.held(capture_method="automatic", payment_method=f"pm_card_{card}")
    return server.client().v1.refunds.create({"payment_intent": made.id, "amount": amount})


def charge_of(server: StripeProcess, refund: stripe.Refund) -> stripe.Charge:
    return server.client().v1.charges.retrieve(str(refund.charge))


def advance(server: StripeProcess, object_id: str) -> list[dict[str, str]]:
    answer = server.control("POST", "advance", {"object": object_id})
    assert answer.status == 200, answer.text
    done: list[dict[str, str]] = answer.json["done"]
    return done


def booked(server: StripeProcess, refund_id: str) -> dict[str, Any]:
    with sqlite3.connect(server.book) as book:
        book.row_factory = sqlite3.Row
        sql = "SELECT * FROM book_stripe_refunds WHERE refund_id = ?"
        return dict(book.execute(sql, (refund_id,)).fetchone())


class TestPending:
    def test_it_succeeds_later(self, server: StripeProcess, inbox: Inbox) -> None:
        refund = refunded(server, "pendingRefund")
        assert (refund.status, refund.pending_reason) == ("pending", "processing")
        assert charge_of(server, refund).amount_refunded == 300

        assert advance(server, refund.id) == [{"object": refund.id, "action": "refund.succeed"}]

        after = server.client().v1.refunds.retrieve(refund.id)
        assert (after.status, after.pending_reason) == ("succeeded", None)
        assert charge_of(server, refund).amount_refunded == 300
        wait_for(
            lambda: (
                sorted(inbox.types(refund.id))
                == ["charge.refund.updated", "refund.created", "refund.updated"]
            )
        )
        told = next(e for e in inbox.events(refund.id) if e["type"] == "refund.updated")
        assert told["data"]["previous_attributes"] == {"status": "pending"}
        assert told["request"] == {"id": None, "idempotency_key": None}

    def test_it_fails_later(self, server: StripeProcess) -> None:
        refund = refunded(server, "sandbox_refundPendingFails")
        assert refund.status == "pending"

        advance(server, refund.id)

        assert server.client().v1.refunds.retrieve(refund.id).status == "failed"
        assert charge_of(server, refund).amount_refunded == 0

    def test_it_cannot_be_canceled(self, server: StripeProcess) -> None:
        refund = refunded(server, "pendingRefund")

        with pytest.raises(stripe.InvalidRequestError, match="unsupported"):
            server.client().v1.refunds.cancel(refund.id)

        assert server.client().v1.refunds.retrieve(refund.id).status == "pending"

    def test_the_dashboard_may_cancel_it(self, server: StripeProcess) -> None:
        refund = refunded(server, "pendingRefund")

        answer = server.control("POST", "refunds", {"refund": refund.id, "status": "canceled"})

        assert (answer.status, answer.json["status"]) == (200, "canceled")
        assert advance(server, refund.id) != []
        assert server.client().v1.refunds.retrieve(refund.id).status == "canceled"
        assert charge_of(server, refund).amount_refunded == 0


class TestFailure:
    def test_what_had_succeeded_may_fail(self, server: StripeProcess, inbox: Inbox) -> None:
        refund = refunded(server, "refundFail", amount=1000)
        assert refund.status == "succeeded"
        assert charge_of(server, refund).refunded

        advance(server, refund.id)

        after = server.client().v1.refunds.retrieve(refund.id)
        assert (after.status, after.failure_reason) == ("failed", "expired_or_canceled_card")
        assert str(after.failure_balance_transaction).startswith("txn_")
        charge = charge_of(server, refund)
        assert (charge.amount_refunded, charge.refunded) == (0, False)
        assert server.line(str(after.payment_intent))["refunded_minor"] == 0
        wait_for(lambda: {"refund.failed", "refund.updated"} <= set(inbox.types(refund.id)))
        assert booked(server, refund.id)["status"] == "failed"

    def test_the_money_may_be_refunded_anew(self, server: StripeProcess) -> None:
        refund = refunded(server, "refundFail", amount=1000)
        again = {"payment_intent": str(refund.payment_intent), "amount": 1000}
        with pytest.raises(stripe.InvalidRequestError):
            server.client().v1.refunds.create(again)  # type: ignore[arg-type]
        advance(server, refund.id)

        second = server.client().v1.refunds.create(again)  # type: ignore[arg-type]

        assert second.id != refund.id
        assert server.line(str(refund.payment_intent))["refunded_minor"] == 1000

    def test_the_reason_may_be_given(self, server: StripeProcess) -> None:
        refund = refunded(server, "visa")
        wanted = {"refund": refund.id, "status": "failed", "failure_reason": "lost_or_stolen_card"}

        server.control("POST", "refunds", wanted)

        after = server.client().v1.refunds.retrieve(refund.id)
        assert (after.status, after.failure_reason) == ("failed", "lost_or_stolen_card")

    def test_it_fails_once(self, server: StripeProcess) -> None:
        refund = refunded(server, "visa")
        wanted = {"refund": refund.id, "status": "failed"}
        assert server.control("POST", "refunds", wanted).status == 200

        assert server.control("POST", "refunds", wanted).status == 400

        assert charge_of(server, refund).amount_refunded == 0


class TestAction:
    def test_it_waits_for_the_customer_and_may_be_canceled(self, server: StripeProcess) -> None:
        refund = refunded(server, "sandbox_refundRequiresAction")
        assert refund.status == "requires_action"
        assert refund.next_action is not None
        assert refund.next_action.type == "display_details"

        gone = server.client().v1.refunds.cancel(refund.id)

        assert (gone.status, gone.failure_reason) == ("canceled", "merchant_request")
        assert gone.next_action is None
        assert charge_of(server, refund).amount_refunded == 0

    def test_the_customer_may_act(self, server: StripeProcess) -> None:
        refund = refunded(server, "sandbox_refundRequiresAction")

        server.control("POST", "refunds", {"refund": refund.id, "status": "succeeded"})

        assert server.client().v1.refunds.retrieve(refund.id).status == "succeeded"
        assert charge_of(server, refund).amount_refunded == 300


class TestDashboard:
    def test_a_refund_started_there_has_no_metadata(
        self, server: StripeProcess, inbox: Inbox
    ) -> None:
        made = server.held(capture_method="automatic")

        answer = server.control("POST", "refunds", {"payment_intent": made.id, "amount": 400})

        assert (answer.status, answer.json["metadata"], answer.json["amount"]) == (200, {}, 400)
        assert server.line(made.id)["refunded_minor"] == 400
        wait_for(lambda: inbox.types(answer.json["id"]) == ["refund.created"])
        wait_for(lambda: "charge.refunded" in inbox.types(str(made.latest_charge)))

    def test_the_rest_goes_back_where_no_amount_is_named(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")

        server.control("POST", "refunds", {"payment_intent": made.id})

        assert server.line(made.id)["refunded_minor"] == 1000

    def test_a_wrong_wish_is_refused(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")

        too_much = server.control("POST", "refunds", {"payment_intent": made.id, "amount": 1001})

        assert too_much.status == 400
        assert server.control("POST", "refunds", []).status == 400
        assert server.control("POST", "refunds", {"refund": "re_no", "status": "x"}).status == 404


class TestTime:
    def test_it_happens_by_itself_and_across_a_kill(self, tmp_path: Path) -> None:
        with StripeProcess(tmp_path, "--settle-seconds", "1") as server:
            refund = refunded(server, "pendingRefund")
            assert refund.status == "pending"
            server.kill()
            server.start()

            wait_for(
                lambda: server.client().v1.refunds.retrieve(refund.id).status == "succeeded",
                seconds=10,
            )
            time.sleep(0.2)
            assert advance(server, refund.id) == []
