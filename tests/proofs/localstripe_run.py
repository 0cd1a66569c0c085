"""Orders paid at localstripe, a Stripe server that nobody here wrote and that ignores idempotency
keys: every call is made again after its answer was lost, and still each order is captured once.

The services are the shop's own. What localstripe cannot do is bridged at the edge: it takes the
card at the creation alone, knows neither description nor way back, and shows no amount received.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import stripe as sdk
from django.db import connections
from django.db.models import F, Sum
from django.utils import timezone

from payments import gateways
from payments.gateways import stripe_gateway
from payments.gateways.intents import Answer, Intent, Outcome
from payments.gateways.stripe_gateway import StripeGateway
from payments.models import LedgerEntry, OrderAccount, PaymentOperation
from payments.services.operations import send_operation
from payments.services.planning import plan_capture
from tests import builders

SEED = 1
# Of each hundred calls so many are applied and not answered, and so many never arrive.
LOST_AFTER, LOST_BEFORE = 0.35, 0.15
MOST_ROUNDS = 60
KEY = "sk_test_1234567890abcdef"
UNKNOWN_THERE = ("description", "payment_method_options", "return_url")
Figures = dict[str, Any]


class Forgetful:
    """The shop's gateway; its answers get lost, before or after the call was applied."""

    def __init__(self, *, api_base: str, random: Random) -> None:
        self._there = StripeGateway(secret_key=KEY, api_base=api_base)
        self._random = random
        self.seen: Counter[str] = Counter()
        self.lock = threading.Lock()

    def _lose(self, call: Callable[[], Answer]) -> Answer:
        with self.lock:
            drawn = self._random.random()
            self.seen["calls"] += 1
        if drawn < LOST_BEFORE:
            return self._silence("lost before they arrived")
        answer = call()
        if drawn < LOST_BEFORE + LOST_AFTER:
            return self._silence("applied, and their answers lost")
        return answer

    def _silence(self, how: str) -> Answer:
        with self.lock:
            self.seen[how] += 1
        return Answer(Outcome.UNKNOWN, code="timeout")

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer:
        known = {name: value for name, value in request.items() if name not in UNKNOWN_THERE}
        known = {"payment_method": "pm_card_visa", **known}
        return self._lose(lambda: self._there.create(request=known, key=key))

    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        # The card was given at the creation.
        return self._lose(lambda: self._there.confirm(intent_id=intent_id, request={}, key=key))

    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return self._lose(
            lambda: self._there.capture(intent_id=intent_id, request=request, key=key)
        )

    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return self._lose(lambda: self._there.cancel(intent_id=intent_id, request=request, key=key))

    def retrieve(self, *, intent_id: str) -> Answer:
        return self._lose(lambda: self._there.retrieve(intent_id=intent_id))

    def figures(self) -> Figures:
        return dict(self.seen)


def pay(*, url: str, orders: int, threads: int, seed: int = SEED) -> Figures:
    """Place, pay and capture orders with answers lost at random; return what is to be seen.

    Needs Django, an open shop and plenty of MUG. Raises AssertionError where an order is
    captured twice or not at all, or holds money.
    """
    stripe = Forgetful(api_base=url, random=Random(seed))
    started = time.monotonic()
    with patch.object(gateways, "current", lambda: stripe), _amounts_absent():
        placed = [builders.place(key=f"local-{number}") for number in range(orders)]
        rounds = _settle(threads)
        for order in placed:
            plan_capture(order_id=order.pk, now=timezone.now())
        rounds += _settle(threads)
    return {
        "orders": orders,
        "rounds of retries": rounds,
        **stripe.figures(),
        **_judge(url, [order.public_id for order in placed]),
        **_our_books([order.pk for order in placed]),
        "seconds": round(time.monotonic() - started, 1),
    }


def _settle(threads: int) -> int:
    """Work what is due until nothing is; return in how many rounds. What is put off is tried at
    once: the waiting is proved elsewhere."""
    for number in range(MOST_ROUNDS):
        waiting = PaymentOperation.objects.filter(due_at__isnull=False, finished_at=None)
        keys = list(waiting.values_list("pk", flat=True))
        if not keys:
            return number
        waiting.update(due_at=timezone.now(), lease_until=None)
        if threads == 1:
            for key in keys:
                send_operation(operation_id=key)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(_send, keys))
    raise AssertionError(f"not settled after {MOST_ROUNDS} rounds")


def _send(key: int) -> None:
    try:
        send_operation(operation_id=key)
    finally:
        connections.close_all()


@contextmanager
def _amounts_absent() -> Iterator[None]:
    """Read what was received from the charge, where the intent does not say it."""
    original = stripe_gateway.read_intent

    def read(raw: Mapping[str, Any]) -> Intent:
        charge = raw.get("latest_charge")
        if "amount_received" not in raw and isinstance(charge, dict):
            kept = charge["amount"] - charge["amount_refunded"]
            raw = {**raw, "amount_received": kept if charge["captured"] else 0}
        return original(raw)

    with patch.object(stripe_gateway, "read_intent", read):
        yield


def _judge(url: str, public_ids: list[str]) -> Figures:
    """Compare with localstripe's own list: per order one intent captured and none held."""
    client = sdk.StripeClient(KEY, base_addresses={"api": url}, max_network_retries=0)
    states: dict[str, Counter[str]] = {key: Counter() for key in public_ids}
    last, has_more = "", True
    while has_more:
        asked: Any = {"limit": 100, **({"starting_after": last} if last else {})}
        page = client.v1.payment_intents.list(asked)
        for intent in page.data:
            key = intent.metadata["order_id"]
            if key in states:
                states[key][intent.status] += 1
        has_more = page.has_more
        last = page.data[-1].id if page.data else ""
    captured = {key: found["succeeded"] for key, found in states.items()}
    assert set(captured.values()) == {1}, captured
    assert not any(found["requires_capture"] for found in states.values()), states
    return {
        "captured intents": sum(captured.values()),
        "captured twice": 0,
        "holds left": 0,
        "unconfirmed strays of lost creations": sum(
            found["requires_confirmation"] for found in states.values()
        ),
    }


def _our_books(order_ids: list[int]) -> Figures:

    accounts = OrderAccount.objects.filter(order_id__in=order_ids)
    paid = accounts.filter(captured_minor=F("due_minor"))
    assert paid.count() == len(order_ids), "not every order is captured in our books"
    booked = LedgerEntry.objects.filter(order_id__in=order_ids, account="stripe")
    captured = accounts.aggregate(sum=Sum("captured_minor"))["sum"]
    assert booked.aggregate(sum=Sum("amount_minor"))["sum"] == captured
    return {"captured in our ledger, minor units": captured}
