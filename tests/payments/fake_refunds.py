"""Stripe's refunds in memory, at the edge of the gateway: with keys, and told to misbehave."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from globalmart.core.db import forbid_transaction
from payments.gateways.classification import classify_refund
from payments.gateways.refunds import RefundAnswer, RefundList, RefundOutcome, StripeRefund

SILENCE = RefundAnswer(RefundOutcome.UNKNOWN, code="timeout")


@dataclass(slots=True)
class FakeRefunds:
    """Holds refunds as Stripe would, for one intent of `captured_minor`.

    `statuses` queues what the next refunds begin as (`succeeded` otherwise); `instead` queues
    answers that replace the next ones of `create` (not applied); `lost` counts calls that are
    applied and then not answered; `is_blind` makes lists fail.
    """

    captured_minor: int = 2195
    made: dict[str, StripeRefund] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    statuses: deque[str] = field(default_factory=deque)
    instead: deque[RefundAnswer] = field(default_factory=deque)
    lost: int = 0
    is_blind: bool = False
    before: Callable[[], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer:
        forbid_transaction()
        if self.before is not None:
            hook, self.before = self.before, None
            hook()
        with self.lock:
            self.calls.append(("create", key))
            if self.instead:
                return self.instead.popleft()
            answer = self._make(request, key)
            if self.lost:
                self.lost -= 1
                return SILENCE
            return answer

    def retrieve(self, *, refund_id: str) -> RefundAnswer:
        forbid_transaction()
        with self.lock:
            self.calls.append(("retrieve", refund_id))
            found = self.made.get(refund_id)
        return self.show(found.id) if found else SILENCE

    def list_of_intent(self, *, intent_id: str) -> RefundList:
        forbid_transaction()
        with self.lock:
            self.calls.append(("list", intent_id))
            if self.is_blind:
                return RefundList(False, code="timeout")
            found = [each for each in self.made.values() if each.intent_id == intent_id]
        return RefundList(True, tuple(reversed(found)))

    def show(self, refund_id: str) -> RefundAnswer:
        """Return what Stripe would answer about a refund."""
        found = self.made[refund_id]
        return RefundAnswer(classify_refund(status=found.status), found, found.failure_code)

    def set(self, refund_id: str, status: str, failure_code: str = "") -> RefundAnswer:
        """Change a refund behind our back, and return what Stripe would answer then."""
        self.made[refund_id] = replace(
            self.made[refund_id], status=status, failure_code=failure_code
        )
        return self.show(refund_id)

    def start_outside(
        self,
        intent_id: str,
        amount_minor: int,
        status: str = "succeeded",
        balance_transaction: str = "txn_out",
    ) -> RefundAnswer:
        """Somebody refunds in the dashboard; without a balance transaction a hold has ended."""
        refund = StripeRefund(
            id=f"re_out_{len(self.made)}",
            status=status,
            amount_minor=amount_minor,
            currency="GBP",
            intent_id=intent_id,
            balance_transaction=balance_transaction,
        )
        self.made[refund.id] = refund
        return self.show(refund.id)

    def live_minor(self) -> int:
        """Return how much has gone back or is about to."""
        live = ("succeeded", "pending", "requires_action")
        return sum(each.amount_minor for each in self.made.values() if each.status in live)

    def creations(self) -> int:
        """Return how often a refund was asked for."""
        return sum(method == "create" for method, _ in self.calls)

    def _make(self, request: Mapping[str, Any], key: str) -> RefundAnswer:
        if key in self.by_key:
            return self.show(self.by_key[key])
        if request["amount"] > self.captured_minor - self.live_minor():
            return RefundAnswer(RefundOutcome.REFUSED, code="charge_already_refunded")
        status = self.statuses.popleft() if self.statuses else "succeeded"
        refund = StripeRefund(
            id=f"re_{key}",
            status=status,
            amount_minor=request["amount"],
            currency="GBP",
            intent_id=request["payment_intent"],
            failure_code="lost_or_stolen_card" if status == "failed" else "",
            metadata=request["metadata"],
            balance_transaction=f"txn_{key}",
        )
        self.made[refund.id] = refund
        self.by_key[key] = refund.id
        return self.show(refund.id)
