"""Stripe in memory, at the edge of the gateway: remembers calls, and can be told to misbehave."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from globalmart.core.db import forbid_transaction
from payments.gateways.classification import classify_status
from payments.gateways.intents import Answer, Intent, Outcome

LOST = Answer(Outcome.UNKNOWN, code="timeout")
DECLINING = "pm_card_chargeDeclined"


@dataclass(slots=True)
class Call:
    method: str
    intent_id: str
    key: str
    request: Mapping[str, Any]


@dataclass(slots=True)
class FakeStripe:
    """Holds intents as Stripe would. `instead[method]` queues answers that replace the next
    ones (not applied); `lost[method]` counts calls that are applied and then not answered."""

    calls: list[Call] = field(default_factory=list)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    instead: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    before: dict[str, Callable[[], None]] = field(default_factory=dict)

    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    def keys(self, method: str) -> list[str]:
        return [call.key for call in self.calls if call.method == method]

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer:
        def apply() -> str:
            intent_id = f"pi_{key}"
            blank = {"status": "requires_confirmation", "received": 0, "error": ""}
            self.intents.setdefault(intent_id, {**blank, **request})
            return intent_id

        return self._do("create", "", key, request, apply)

    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        def apply() -> str:
            if request["payment_method"] == DECLINING:
                self.set(intent_id, "requires_payment_method", error="card_declined")
            elif self.intents[intent_id]["status"] == "requires_confirmation":
                self.set(intent_id, "requires_capture")
            return intent_id

        return self._do("confirm", intent_id, key, request, apply)

    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        def apply() -> str:
            raw = self.intents[intent_id]
            if key not in raw.setdefault("captures", {}):
                raw["captures"][key] = request["amount_to_capture"]
            is_final = request.get("final_capture", True)
            status = "succeeded" if is_final else "requires_capture"
            self.set(intent_id, status, received=sum(raw["captures"].values()))
            return intent_id

        return self._do("capture", intent_id, key, request, apply)

    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        def apply() -> str:
            if self.intents[intent_id]["status"] != "succeeded":
                self.set(intent_id, "canceled")
            return intent_id

        return self._do("cancel", intent_id, key, request, apply)

    def retrieve(self, *, intent_id: str) -> Answer:
        return self._do("retrieve", intent_id, "", {}, lambda: intent_id)

    def set(self, intent_id: str, status: str, **more: Any) -> None:
        """Change an intent behind our back."""
        self.intents[intent_id].update(status=status, **more)

    def _do(
        self,
        method: str,
        intent_id: str,
        key: str,
        request: Mapping[str, Any],
        apply: Callable[[], str],
    ) -> Answer:
        forbid_transaction()
        self.calls.append(Call(method, intent_id, key, request))
        if hook := self.before.pop(method, None):
            hook()
        if self.instead[method]:
            return self.instead[method].popleft()
        found = self.show(apply())
        if self.lost[method]:
            self.lost[method] -= 1
            return LOST
        outcome = classify_status(
            status=found.status, received_minor=found.received_minor, error_code=found.error_code
        )
        return Answer(outcome, found, found.error_code)

    def show(self, intent_id: str) -> Intent:
        raw = self.intents[intent_id]
        return Intent(
            id=intent_id,
            status=raw["status"],
            amount_minor=raw["amount"],
            received_minor=raw["received"],
            currency=raw["currency"].upper(),
            client_secret=f"{intent_id}_secret",
            error_code=raw["error"],
            metadata=raw["metadata"],
        )
