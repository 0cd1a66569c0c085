"""Disputes and warnings asked of the sandbox's Stripe, through Stripe's own SDK."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments import gateways
from payments.gateways import stripe_client
from payments.gateways.disputes import DisputeGateway
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess, wait_for


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder) as running:
        yield running


@pytest.fixture
def gateway(process: StripeProcess, settings: Any) -> DisputeGateway:
    settings.STRIPE_API_BASE = process.url
    settings.STRIPE_SECRET_KEY = SERVER_KEY
    stripe_client.make_client.cache_clear()
    return gateways.disputes()


def captured(process: StripeProcess) -> str:
    intent = process.held(2195)
    process.client().v1.payment_intents.capture(intent.id)
    return intent.id


def open_dispute(process: StripeProcess, **details: object) -> tuple[str, str]:
    """Return the ids of a captured intent and of its dispute."""
    intent_id = captured(process)
    answer = process.control("POST", "disputes", {"payment_intent": intent_id, **details})
    assert answer.status in {200, 201}, answer.text

    def found() -> list[str]:
        page = process.client().v1.disputes.list({"payment_intent": intent_id})
        return [each.id for each in page.data]

    return intent_id, wait_for(found)[0]


class TestDispute:
    def test_takes_the_money_until_it_is_won(
        self, process: StripeProcess, gateway: DisputeGateway
    ) -> None:
        intent_id, dispute_id = open_dispute(process)

        opened = gateway.retrieve_dispute(stripe_id=dispute_id)
        process.control("POST", "disputes", {"dispute": dispute_id, "status": "won"})
        won = gateway.retrieve_dispute(stripe_id=dispute_id)

        assert opened is not None
        assert won is not None
        assert (opened.status, opened.intent_id) == ("needs_response", intent_id)
        assert (opened.amount_minor, opened.currency) == (2195, "GBP")
        assert (opened.is_withdrawn, opened.is_reinstated) == (True, False)
        assert opened.evidence_due_at is not None
        assert opened.evidence_due_at > opened.opened_at
        assert (won.status, won.is_withdrawn, won.is_reinstated) == ("won", True, True)

    def test_that_is_an_inquiry_takes_nothing(
        self, process: StripeProcess, gateway: DisputeGateway
    ) -> None:
        _, dispute_id = open_dispute(process, inquiry=True)

        found = gateway.retrieve_dispute(stripe_id=dispute_id)

        assert found is not None
        assert found.status == "warning_needs_response"
        assert not found.is_withdrawn

    def test_that_is_not_there_is_no_answer(self, gateway: DisputeGateway) -> None:
        assert gateway.retrieve_dispute(stripe_id="dp_nobody") is None
        assert gateway.retrieve_warning(stripe_id="issfr_nobody") is None


class TestFraudWarning:
    def test_is_actionable_until_the_payment_is_refunded(
        self, process: StripeProcess, gateway: DisputeGateway
    ) -> None:
        intent_id = captured(process)
        process.control("POST", "fraud_warnings", {"payment_intent": intent_id})
        warnings = process.client().v1.radar.early_fraud_warnings
        (raw,) = wait_for(lambda: warnings.list({"payment_intent": intent_id}).data)

        before = gateway.retrieve_warning(stripe_id=raw.id)
        process.client().v1.refunds.create({"payment_intent": intent_id})
        after = gateway.retrieve_warning(stripe_id=raw.id)

        assert before is not None
        assert after is not None
        assert (before.intent_id, before.is_actionable) == (intent_id, True)
        assert not after.is_actionable
