"""Stripe and the time, as the production's services see them in the machine of PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from globalmart.core.db import forbid_transaction
from payments.gateways.intents import Answer
from tests.payments.machines.interleaving import Pair
from tests.payments.machines.stripe import Stripe

REAL_NOW = timezone.now


@dataclass
class Clock:
    """The time, which only goes on."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the time as the shop sees it."""
        return REAL_NOW() + self.ahead


@dataclass
class Gateway:
    """Stripe at the edge of the gateway: each call waits for its thread's turn, and has the fault
    of its script."""

    stripe: Stripe
    pair: Pair

    def create(self, *, request: Any, key: str) -> Answer:
        return self._call("create", "", request, key)

    def confirm(self, *, intent_id: str, request: Any, key: str) -> Answer:
        return self._call("confirm", intent_id, request, key)

    def capture(self, *, intent_id: str, request: Any, key: str) -> Answer:
        return self._call("capture", intent_id, request, key)

    def cancel(self, *, intent_id: str, request: Any, key: str) -> Answer:
        return self._call("cancel", intent_id, request, key)

    def retrieve(self, *, intent_id: str) -> Answer:
        forbid_transaction()
        self.pair.gate()
        return self.stripe.retrieve(intent_id, self.pair.fault())

    def _call(self, method: str, intent_id: str, request: Any, key: str) -> Answer:
        forbid_transaction()
        self.pair.gate()
        answer = self.stripe.call(method, intent_id, request, key, self.pair.fault())
        self.pair.gate()
        return answer
