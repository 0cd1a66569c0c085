"""Intents asked of the sandbox's Stripe, through Stripe's own SDK: nothing in between is played."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments import gateways
from payments.gateways import stripe_client
from payments.gateways.guarded import guard
from tests import builders
from tests.payments.conftest import attempt_of, authorize
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder) as running:
        yield running


@pytest.fixture
def stripe_here(process: StripeProcess, settings: Any) -> Iterator[StripeProcess]:
    settings.STRIPE_API_BASE = process.url
    settings.STRIPE_SECRET_KEY = SERVER_KEY
    settings.STRIPE_RATE_LIMIT = 0.0
    caches = (stripe_client.make_client, gateways.current, guard)
    for cached in caches:
        cached.cache_clear()
    yield process
    for cached in caches:
        cached.cache_clear()


def test_tell_with_the_answer_to_the_confirmation_when_the_hold_ends(
    db: None, stripe_here: StripeProcess
) -> None:
    """The charge says it; nothing else would look once the direct answer has come."""
    builders.open_shop()
    builders.add_product()
    order = builders.place()

    authorize(order)

    attempt = attempt_of(order)
    shown = gateways.current().retrieve(intent_id=attempt.stripe_intent_id or "").intent
    assert shown is not None
    assert attempt.capture_before is not None
    assert attempt.capture_before == shown.capture_before
    assert attempt.is_multicapture == shown.is_multicapture
