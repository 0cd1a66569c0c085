"""Stripe's JSON of disputes and warnings, read; what cannot be read is no answer."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
import stripe

from payments.gateways import stripe_disputes
from payments.gateways.disputes import STATES
from payments.gateways.intents import Outcome
from payments.gateways.stripe_client import Reply
from payments.gateways.stripe_disputes import StripeDisputes, read_dispute, read_warning

CREATED, DUE = 1_772_366_400, 1_773_000_000


def raw_dispute(**changes: Any) -> dict[str, Any]:
    return {
        "id": "dp_ada",
        "object": "dispute",
        "amount": 2195,
        "currency": "gbp",
        "charge": "ch_ada",
        "payment_intent": "pi_ada",
        "status": "needs_response",
        "reason": "fraudulent",
        "created": CREATED,
        "evidence_details": {"due_by": DUE, "has_evidence": False},
        "balance_transactions": [{"id": "txn_1", "amount": -2195, "fee": 1500, "net": -3695}],
        **changes,
    }


def raw_warning(**changes: Any) -> dict[str, Any]:
    return {
        "id": "issfr_ada",
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": "ch_ada",
        "payment_intent": "pi_ada",
        "fraud_type": "made_with_lost_card",
        "created": CREATED,
        **changes,
    }


class TestDispute:
    def test_is_read(self) -> None:
        found = read_dispute(raw_dispute())

        assert (found.id, found.intent_id, found.status) == ("dp_ada", "pi_ada", "needs_response")
        assert (found.amount_minor, found.currency, found.reason) == (2195, "GBP", "fraudulent")
        assert found.opened_at == datetime.fromtimestamp(CREATED, UTC)
        assert found.evidence_due_at == datetime.fromtimestamp(DUE, UTC)

    @pytest.mark.parametrize(
        ("amounts", "moved"),
        [
            ([], (False, False)),
            ([-2195], (True, False)),
            ([-2195, 2195], (True, True)),
        ],
    )
    def test_says_which_money_has_moved(self, amounts: list[int], moved: tuple[bool, bool]) -> None:
        found = read_dispute(
            raw_dispute(balance_transactions=[{"amount": amount} for amount in amounts])
        )

        assert (found.is_withdrawn, found.is_reinstated) == moved

    @pytest.mark.parametrize("details", [None, {}, {"due_by": None}, {"due_by": 0}])
    def test_may_take_no_evidence(self, details: object) -> None:
        assert read_dispute(raw_dispute(evidence_details=details)).evidence_due_at is None

    def test_may_hold_the_intent_itself_or_none(self) -> None:
        whole = {"id": "pi_ada", "object": "payment_intent"}
        assert read_dispute(raw_dispute(payment_intent=whole)).intent_id == "pi_ada"
        assert read_dispute(raw_dispute(payment_intent=None)).intent_id == ""


class TestWarning:
    def test_is_read(self) -> None:
        found = read_warning(raw_warning())

        assert (found.id, found.intent_id, found.kind) == (
            "issfr_ada",
            "pi_ada",
            "made_with_lost_card",
        )
        assert found.is_actionable
        assert not read_warning(raw_warning(actionable=False)).is_actionable


class TestGateway:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(error=Outcome.UNKNOWN, code="timeout"),
            Reply(error=Outcome.REFUSED, code="resource_missing"),
            Reply(raw={}),
            Reply(raw=raw_dispute(created="soon")),
            Reply(raw=raw_dispute(created=10**20)),
            Reply(raw=raw_dispute(balance_transactions=["?"])),
            Reply(raw=raw_dispute(evidence_details=7)),
        ],
    )
    def test_takes_what_cannot_be_read_for_no_answer(
        self, monkeypatch: pytest.MonkeyPatch, reply: Reply
    ) -> None:
        monkeypatch.setattr(stripe_disputes, "ask", lambda _call: reply)

        assert StripeDisputes().retrieve_dispute(stripe_id="dp_ada") is None

    def test_knows_every_status_of_the_sdk(self) -> None:
        literal, _other = get_args(stripe.Dispute.__annotations__["status"])

        assert set(get_args(literal)) == set(STATES)
