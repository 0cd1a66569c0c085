"""The same journeys at two Stripes: the sandbox's always, the real one where a test key is given.

`STRIPE_TEST_KEY=sk_test_... make test-stripe` runs them at the real one. STRIPE_API_BASE, when
set beside it, sends them elsewhere.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from django.utils import timezone

from payments import gateways
from payments.gateways import stripe_client
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.operations import send_operation
from payments.services.refunding import send_refund
from tests import builders
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

KEY = "STRIPE_TEST_KEY"
TEST_KEYS = ("sk_test_", "rk_test_")
OPEN = {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}
# Stripe may say "not now" a few times.
MOST_ROUNDS = 12


def real_key() -> str:
    """Return the test key. Skips without one, and fails with one that is no test key."""
    key = os.environ.get(KEY, "")
    if not key:
        pytest.skip(f"real Stripe is not asked: set {KEY}=sk_test_... and run make test-stripe")
    if not key.startswith(TEST_KEYS):
        pytest.fail(f"{KEY} is no test key: these tests would move money")
    return key


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


@pytest.fixture(params=["sandbox", "real"])
def there(request: pytest.FixtureRequest, settings: Any, db: None) -> Iterator[stripe.StripeClient]:
    """A Stripe that the settings point to, and an open shop. What a test leaves is cancelled."""
    if request.param == "real":
        settings.STRIPE_SECRET_KEY = real_key()
    else:
        settings.STRIPE_SECRET_KEY = SERVER_KEY
        settings.STRIPE_API_BASE = request.getfixturevalue("sandbox").url
    _forget_clients()
    builders.open_shop()
    builders.add_product(on_hand=100)
    client = stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=2,
    )
    yield client
    _cancel_what_is_open(client)
    _forget_clients()


def _forget_clients() -> None:
    for cached in (gateways.current, gateways.refunds, gateways.events, stripe_client.make_client):
        cached.cache_clear()


def _cancel_what_is_open(client: stripe.StripeClient) -> None:
    ids = PaymentAttempt.objects.exclude(stripe_intent_id=None)
    for intent_id in ids.values_list("stripe_intent_id", flat=True):
        if client.v1.payment_intents.retrieve(intent_id or "").status in OPEN:
            client.v1.payment_intents.cancel(intent_id or "")


def work() -> None:
    """Send what is due, and what that makes due, until nothing is; without the waiting between."""
    for _ in range(MOST_ROUNDS):
        waiting = PaymentOperation.objects.filter(due_at__isnull=False, finished_at=None)
        rows = list(waiting.order_by("pk"))
        if not rows:
            return
        waiting.update(due_at=timezone.now(), lease_until=None)
        for row in rows:
            send = send_refund if row.refund_id else send_operation
            send(operation_id=row.pk)
    raise AssertionError(f"still due: {[f'{row} {row.last_error}' for row in rows]}")
