"""Ada's order, and the sandbox's Stripe on the wire, as a shop meets it two hours later."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from globalmart.core.reconciliation import Report
from orders.models import Order
from payments import gateways
from payments.gateways.guarded import guard
from payments.models import Cursor, PaymentCase
from payments.services.planning import plan_capture
from payments.services.reconciling.running import reconcile
from tests import builders
from tests.payments.conftest import attempt_of, authorize, send
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

CACHED = (gateways.current, gateways.lists, gateways.refunds, gateways.disputes, guard)


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[StripeProcess]:
    """A Stripe with an empty book, which this process calls."""
    with StripeProcess(tmp_path, "--settle-seconds", "3600") as process:
        settings.STRIPE_API_BASE = process.url
        settings.STRIPE_SECRET_KEY = SERVER_KEY
        settings.STRIPE_RATE_LIMIT = 0.0
        for cached in CACHED:
            cached.cache_clear()
        yield process
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def order(db: None, server: StripeProcess) -> Order:
    """Two mugs for 21.95 GBP; nothing was sent yet."""
    builders.open_shop()
    builders.add_product(on_hand=100)
    return builders.place()


@pytest.fixture
def held(order: Order) -> Order:
    """The same, its money held at Stripe and here."""
    authorize(order)
    return order


@pytest.fixture
def captured(held: Order) -> Order:
    """The same, its money captured at Stripe and here."""
    plan_capture(order_id=held.pk, now=timezone.now())
    send(held, "capture")
    return held


def compare(*, apply: bool = False, since: datetime | None = None) -> Report:
    """Compare two hours from now: nothing is fresh any more, on either side."""
    real = timezone.now
    since = since or real() - timedelta(hours=1)
    if apply:
        # What Stripe does between two of our comparisons is done at the real time.
        Cursor.objects.update(read_until=since)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: real() + timedelta(hours=2))
        return reconcile(since=since, apply=apply, progress=lambda *_: None)


def cases() -> list[tuple[str, str]]:
    """Return the open cases by kind and subject."""
    rows = PaymentCase.objects.filter(closed_at__isnull=True).order_by("pk")
    return [(row.kind, row.subject) for row in rows]


def intent_of(order: Order) -> str:
    return attempt_of(order).stripe_intent_id or ""


def metadata_of(order: Order) -> dict[str, str]:
    """What our own creation writes on an intent."""
    attempt = attempt_of(order)
    return {
        "metadata[order_id]": order.public_id,
        "metadata[order_number]": order.number,
        "metadata[attempt_id]": str(attempt.uuid),
    }


def make_intent(
    server: StripeProcess, order: Order | None, *, amount: int = 2195, confirm: bool = False
) -> str:
    """Make an intent behind our back, naming the order's attempt, and return its id."""
    asked: dict[str, Any] = {
        "amount": amount,
        "currency": "gbp",
        "capture_method": "manual",
        "payment_method_types[]": "card",
        **(metadata_of(order) if order else {}),
    }
    if confirm:
        asked |= {"payment_method": "pm_card_visa", "confirm": "true"}
    answer = server.call("POST", "/v1/payment_intents", asked)
    assert answer.status == 200, answer.text
    return str(answer.json["id"])


def status_of(server: StripeProcess, intent_id: str) -> str:
    return str(server.call("GET", f"/v1/payment_intents/{intent_id}").json["status"])
