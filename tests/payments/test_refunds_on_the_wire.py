"""Refunds asked of the sandbox's Stripe, through Stripe's own SDK: nothing in between is played."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orders.models import Order
from payments import gateways
from payments.gateways import stripe_client
from payments.gateways.guarded import guard
from payments.gateways.refunds import RefundOutcome
from payments.models import PaymentAttempt, Refund
from payments.services import refunding
from tests import builders
from tests.payments.conftest import attempt_of, mark_captured
from tests.payments.refunding import approved, last_operation, send, sums
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder, "--settle-seconds", "3600") as running:
        yield running


@pytest.fixture
def stripe_here(process: StripeProcess, settings: Any) -> Iterator[StripeProcess]:
    settings.STRIPE_API_BASE = process.url
    settings.STRIPE_SECRET_KEY = SERVER_KEY
    settings.STRIPE_RATE_LIMIT = 0.0
    settings.STRIPE_TIMEOUT_SECONDS = 3
    caches = (stripe_client.make_client, gateways.refunds, guard)
    for cached in caches:
        cached.cache_clear()
    yield process
    process.control("DELETE", "faults")
    for cached in caches:
        cached.cache_clear()


def paid_by(process: StripeProcess, card: str = "pm_card_visa") -> Order:
    """An order of 21.95 GBP whose money Stripe has captured."""
    builders.open_shop()
    builders.add_product()
    order = builders.place()
    mark_captured(order)
    intent = process.held(2195, payment_method=card)
    process.client().v1.payment_intents.capture(intent.id)
    PaymentAttempt.objects.filter(order=order).update(stripe_intent_id=intent.id)
    return order


def at_stripe(process: StripeProcess, order: Order) -> list[Any]:
    intent_id = attempt_of(order).stripe_intent_id or ""
    return process.client().v1.refunds.list({"payment_intent": intent_id}).data


def test_gives_money_back(db: None, stripe_here: StripeProcess) -> None:
    order = paid_by(stripe_here)
    refund = send(approved(order))

    (made,) = at_stripe(stripe_here, order)
    assert (refund.state, refund.stripe_refund_id, made.amount) == ("succeeded", made.id, 500)
    assert made.metadata["refund_id"] == str(refund.uuid)
    assert sums(order) == (500, 0, 500)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after_apply", "error_after_apply"])
def test_whose_answer_was_lost_is_made_once(
    db: None, stripe_here: StripeProcess, fault: str
) -> None:
    order = paid_by(stripe_here)
    asked = {"operation": "refunds.create", "fault": fault, "count": 1}
    stripe_here.control("POST", "faults", asked)

    refund = send(approved(order))
    assert (refund.state, sums(order)) == ("unknown", (0, 500, 0))
    refund = send(refund)

    assert (refund.state, sums(order)) == ("succeeded", (500, 0, 500))
    assert len(at_stripe(stripe_here, order)) == 1


def test_that_waits_and_then_fails_is_freed(db: None, stripe_here: StripeProcess) -> None:
    order = paid_by(stripe_here, "pm_card_sandbox_refundPendingFails")
    refund = send(approved(order))
    assert (refund.state, sums(order)) == ("pending", (0, 500, 0))

    stripe_here.control("POST", "refunds", {"refund": refund.stripe_refund_id, "status": "failed"})

    assert refunding.check_refund(refund_id=refund.pk) == "failed"
    assert sums(order) == (0, 0, 0)


def test_of_more_than_stripe_has_left_fails_with_its_words(
    db: None, stripe_here: StripeProcess
) -> None:
    order = paid_by(stripe_here)
    intent_id = attempt_of(order).stripe_intent_id
    stripe_here.control("POST", "refunds", {"payment_intent": intent_id, "amount": 2000})
    refund = send(approved(order))

    assert (refund.state, sums(order)) == ("failed", (0, 0, 0))
    assert last_operation(refund).last_error
    assert refunding.look_up_refunds(intent_id=intent_id or "", actor="webhook")
    assert sums(order) == (2000, 0, 2000)
    assert Refund.objects.get(reason="external").state == "succeeded"


def test_that_is_not_there_is_no_answer(stripe_here: StripeProcess) -> None:
    answer = gateways.refunds().retrieve(refund_id="re_nobody")
    found = gateways.refunds().list_of_intent(intent_id="pi_nobody")

    assert (answer.outcome, answer.refund) == (RefundOutcome.UNKNOWN, None)
    assert found.refunds == ()


def test_more_refunds_than_one_page_are_all_listed(
    db: None, stripe_here: StripeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.gateways.stripe_refunds.PAGE", 2)
    order = paid_by(stripe_here)
    for _ in range(5):
        send(approved(order, 100))

    found = gateways.refunds().list_of_intent(intent_id=attempt_of(order).stripe_intent_id or "")
    assert (found.is_whole, len({each.id for each in found.refunds})) == (True, 5)
