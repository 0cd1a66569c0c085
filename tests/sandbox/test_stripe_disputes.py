"""A bank takes money back or asks; evidence decides; every step is told and in the balance."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_process import Inbox, StripeProcess, wait_for
from tests.sandbox.test_stripe_contract import faults_of


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder, "--settle-seconds", "3600", webhook_url=inbox.url) as process:
        yield process


def advance(server: StripeProcess, object_id: str) -> None:
    assert server.control("POST", "advance", {"object": object_id}).status == 200


def disputed(server: StripeProcess, card: str = "createDispute") -> stripe.Dispute:
    made = server.held(payment_method=f"pm_card_{card}")
    server.client().v1.payment_intents.capture(made.id)
    advance(server, str(made.latest_charge))
    (dispute,) = server.client().v1.disputes.list({"payment_intent": made.id}).data
    return dispute


def answer(server: StripeProcess, dispute: stripe.Dispute, text: str) -> stripe.Dispute:
    server.client().v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    advance(server, dispute.id)
    return server.client().v1.disputes.retrieve(dispute.id)


def booked(server: StripeProcess, dispute_id: str) -> dict[str, Any]:
    with sqlite3.connect(server.book) as book:
        book.row_factory = sqlite3.Row
        sql = "SELECT * FROM book_stripe_disputes WHERE dispute_id = ?"
        return dict(book.execute(sql, (dispute_id,)).fetchone())


class TestOpening:
    @pytest.mark.parametrize(
        ("card", "reason", "code"),
        [
            ("createDispute", "fraudulent", "10.4"),
            ("createDisputeProductNotReceived", "product_not_received", "13.1"),
        ],
    )
    def test_a_chargeback_takes_the_money_and_a_fee(
        self, server: StripeProcess, inbox: Inbox, card: str, reason: str, code: str
    ) -> None:
        dispute = disputed(server, card)

        assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 1000)
        assert not dispute.is_charge_refundable
        (taken,) = dispute.balance_transactions
        assert (taken.type, taken.amount, taken.fee, taken.net) == (
            "adjustment", -1000, 1500, -2500,
        )  # fmt: skip
        assert taken.reporting_category == "dispute"
        assert dispute.payment_method_details is not None
        assert dispute.payment_method_details.card is not None
        assert dispute.payment_method_details.card.network_reason_code == code
        assert dispute.evidence_details.due_by is not None
        assert 7 < (dispute.evidence_details.due_by - time.time()) / 86400 < 10
        assert server.client().v1.charges.retrieve(str(dispute.charge)).disputed
        types = ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
        wait_for(lambda: sorted(inbox.types(dispute.id)) == types)
        assert booked(server, dispute.id)["status"] == "needs_response"

    def test_nothing_is_disputed_before_the_capture(self, server: StripeProcess) -> None:
        made = server.held(payment_method="pm_card_createDispute")

        advance(server, str(made.latest_charge))

        assert server.client().v1.disputes.list({"charge": str(made.latest_charge)}).data == []

    def test_an_inquiry_takes_nothing(self, server: StripeProcess) -> None:
        dispute = disputed(server, "createDisputeInquiry")

        assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
        assert dispute.is_charge_refundable
        refund = server.client().v1.refunds.create({"charge": str(dispute.charge)})
        assert refund.status == "succeeded"

    def test_it_has_every_annotated_field(self, server: StripeProcess) -> None:
        dispute = disputed(server)

        plain = server.call("GET", f"/v1/disputes/{dispute.id}").json

        assert faults_of(plain, stripe.Dispute, "dispute", is_whole=True) == []

    def test_the_bank_may_open_one_about_a_part(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")

        answer = server.control(
            "POST", "disputes", {"payment_intent": made.id, "amount": 400, "reason": "duplicate"}
        )

        assert (answer.status, answer.json["amount"], answer.json["reason"]) == (
            200, 400, "duplicate",
        )  # fmt: skip
        again = server.control("POST", "disputes", {"payment_intent": made.id})
        assert again.status == 400

    def test_what_was_refunded_is_not_disputed(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic", payment_method="pm_card_createDispute")
        server.client().v1.refunds.create({"payment_intent": made.id})

        advance(server, str(made.latest_charge))

        assert server.client().v1.disputes.list({"payment_intent": made.id}).data == []

    def test_it_comes_by_itself(self, tmp_path: Path) -> None:
        with StripeProcess(tmp_path, "--settle-seconds", "0.2") as server:
            server.held(capture_method="automatic", payment_method="pm_card_createDispute")

            wait_for(lambda: server.client().v1.disputes.list({}).data)


class TestEvidence:
    def test_winning_brings_the_money_back(self, server: StripeProcess, inbox: Inbox) -> None:
        dispute = disputed(server)
        sent = server.client().v1.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
        )
        assert sent.status == "under_review"
        assert sent.evidence_details.submission_count == 1

        advance(server, dispute.id)

        won = server.client().v1.disputes.retrieve(dispute.id)
        assert (won.status, won.is_charge_refundable) == ("won", True)
        assert [one.net for one in won.balance_transactions] == [-2500, 2500]
        wait_for(
            lambda: {
                "charge.dispute.updated",
                "charge.dispute.funds_reinstated",
                "charge.dispute.closed",
            } <= set(inbox.types(dispute.id))
        )  # fmt: skip
        assert booked(server, dispute.id)["status"] == "won"

    def test_losing_keeps_it_away(self, server: StripeProcess, inbox: Inbox) -> None:
        dispute = disputed(server)

        lost = answer(server, dispute, "losing_evidence")

        assert lost.status == "lost"
        assert len(lost.balance_transactions) == 1
        wait_for(lambda: "charge.dispute.closed" in inbox.types(dispute.id))
        assert "charge.dispute.funds_reinstated" not in inbox.types(dispute.id)

    def test_other_words_stay_under_review_until_the_bank_decides(
        self, server: StripeProcess
    ) -> None:
        dispute = disputed(server)
        assert answer(server, dispute, "It was delivered.").status == "under_review"

        server.control("POST", "disputes", {"dispute": dispute.id, "status": "won"})

        assert server.client().v1.disputes.retrieve(dispute.id).status == "won"

    def test_a_draft_is_not_submitted(self, server: StripeProcess) -> None:
        client = server.client()
        dispute = disputed(server)

        staged = client.v1.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": False}
        )
        assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
        assert staged.evidence_details.has_evidence
        sent = client.v1.disputes.update(dispute.id, {"submit": True})

        assert sent.status == "under_review"
        assert sent.evidence.uncategorized_text == "winning_evidence"

    def test_metadata_alone_submits_nothing(self, server: StripeProcess) -> None:
        dispute = disputed(server)

        after = server.client().v1.disputes.update(dispute.id, {"metadata": {"case": "7"}})

        assert (after.status, after.metadata.to_dict()) == ("needs_response", {"case": "7"})

    def test_it_is_submitted_once(self, server: StripeProcess) -> None:
        dispute = disputed(server)
        answer(server, dispute, "It was delivered.")

        with pytest.raises(stripe.InvalidRequestError, match="already been submitted"):
            answer(server, dispute, "winning_evidence")

    def test_an_unknown_field_is_named(self, server: StripeProcess) -> None:
        dispute = disputed(server)

        sent = {"evidence[colour]": "red"}
        refused = server.call("POST", f"/v1/disputes/{dispute.id}", sent)

        assert (refused.status, refused.json["error"]["param"]) == (400, "colour")

    def test_an_answered_inquiry_closes(self, server: StripeProcess, inbox: Inbox) -> None:
        dispute = disputed(server, "createDisputeInquiry")
        sent = server.client().v1.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
        )
        assert sent.status == "warning_under_review"

        advance(server, dispute.id)

        after = server.client().v1.disputes.retrieve(dispute.id)
        assert (after.status, after.balance_transactions) == ("warning_closed", [])
        wait_for(lambda: "charge.dispute.closed" in inbox.types(dispute.id))

    def test_an_inquiry_may_become_a_chargeback(self, server: StripeProcess, inbox: Inbox) -> None:
        dispute = disputed(server, "createDisputeInquiry")

        after = answer(server, dispute, "escalate_inquiry_evidence")

        assert (after.status, after.is_charge_refundable) == ("needs_response", False)
        assert [one.amount for one in after.balance_transactions] == [-1000]
        wait_for(lambda: "charge.dispute.funds_withdrawn" in inbox.types(dispute.id))


class TestClosing:
    def test_giving_up_loses_at_once(self, server: StripeProcess) -> None:
        dispute = disputed(server)

        assert server.client().v1.disputes.close(dispute.id).status == "lost"

        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            server.client().v1.disputes.close(dispute.id)
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            answer(server, dispute, "winning_evidence")

    def test_a_chargeback_forbids_the_refund_until_it_is_won(self, server: StripeProcess) -> None:
        dispute = disputed(server)
        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.refunds.create({"charge": str(dispute.charge)})
        assert caught.value.code == "charge_disputed"

        answer(server, dispute, "winning_evidence")

        refund = server.client().v1.refunds.create({"charge": str(dispute.charge)})
        assert refund.status == "succeeded"


class TestFraudWarnings:
    def test_a_payment_is_suspected(self, server: StripeProcess, inbox: Inbox) -> None:
        made = server.held(
            capture_method="automatic", payment_method="pm_card_createIssuerFraudRecord"
        )
        advance(server, str(made.latest_charge))

        (warning,) = (
            server.client()
            .v1.radar.early_fraud_warnings.list(
                {"payment_intent": made.id, "expand": ["data.charge"]}
            )
            .data
        )

        assert warning.id.startswith("issfr_")
        assert warning.actionable
        assert isinstance(warning.charge, stripe.Charge)
        assert warning.charge.id == made.latest_charge
        wait_for(lambda: inbox.types(warning.id) == ["radar.early_fraud_warning.created"])
        plain = server.call("GET", f"/v1/radar/early_fraud_warnings/{warning.id}").json
        assert faults_of(plain, stripe.radar.EarlyFraudWarning, "warning", is_whole=True) == []

    @pytest.mark.parametrize("end", ["refund", "dispute"])
    def test_there_is_nothing_to_do_about_it_afterwards(
        self, server: StripeProcess, inbox: Inbox, end: str
    ) -> None:
        made = server.held(capture_method="automatic")
        asked = {"payment_intent": made.id}
        warning = server.control("POST", "fraud_warnings", asked).json
        assert warning["actionable"]

        if end == "refund":
            server.client().v1.refunds.create({"payment_intent": made.id})
        else:
            server.control("POST", "disputes", asked)

        found = server.client().v1.radar.early_fraud_warnings.retrieve(warning["id"])
        assert not found.actionable
        wait_for(lambda: "radar.early_fraud_warning.updated" in inbox.types(warning["id"]))
