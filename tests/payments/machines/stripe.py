"""Stripe in memory, strict about its own rules: life of an intent, keys, holds, one success.

Sources: Stripe's PaymentIntent life cycle, its API reference on idempotent requests (the first
answer of a key is stored once the call was executed, errors included, and replayed for 24 h;
nothing is stored for a 409 or a 429), its pages on holds and on multicapture.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from payments.gateways.classification import classify_status
from payments.gateways.intents import Answer, Intent, Outcome

KEPT = timedelta(hours=24)
HOLD = timedelta(days=7)
UNPAID = ("requires_payment_method", "requires_action")
# What the cards of the test do; a card that is none of these is good.
DECLINED, ASKS, SLOW = "pm_declined", "pm_asks_the_bank", "pm_slow"
SERVER_ERROR = Answer(Outcome.UNKNOWN, code="api_error")
SILENCE = Answer(Outcome.UNKNOWN, code="timeout")


class Fault(StrEnum):
    """What goes wrong with one call."""

    NONE = "none"
    LOST = "lost"  # it never arrives
    UNANSWERED = "unanswered"  # it is applied, and the answer is lost
    ERROR = "error"  # a 500 before anything was done
    LATE_ERROR = "late_error"  # a 500 after everything was done
    BUSY = "busy"  # 409
    LIMITED = "limited"  # 429


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells."""

    type: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The first answer to a key, with the call that it was given to."""

    call: str
    answer: Answer
    is_error: bool
    at: datetime


@dataclass(slots=True)
class Stripe:
    """Intents, keys and events.

    `conflicts` lists keys that came with a second request, `forgotten` those that came again when
    Stripe no longer knew them; `by_hand` names intents that somebody captured in the dashboard,
    `found` those that were paid without any doing of ours; `charges` counts successes by intent.
    """

    now: datetime
    is_multicapture: bool = False
    intents: dict[str, Intent] = field(default_factory=dict)
    keys: dict[str, Stored] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    charges: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    # --- the API -----------------------------------------------------------------------------

    def call(
        self, method: str, intent_id: str, request: Mapping[str, Any], key: str, fault: Fault
    ) -> Answer:
        """Take one call with a key. A fault decides what is applied, stored and answered."""
        if fault == Fault.LOST:
            return SILENCE
        if fault in {Fault.BUSY, Fault.LIMITED}:
            return Answer(Outcome.NOT_YET, code=fault)
        with self.lock:
            answer = self._execute(method, intent_id, request, key, fault)
        return SILENCE if fault == Fault.UNANSWERED else answer

    def retrieve(self, intent_id: str, fault: Fault = Fault.NONE) -> Answer:
        """Show an intent as it is."""
        if fault in {Fault.BUSY, Fault.LIMITED}:
            return Answer(Outcome.NOT_YET, code=fault)
        if fault != Fault.NONE:
            return SILENCE
        with self.lock:
            return self.show(intent_id)

    def _execute(
        self, method: str, intent_id: str, request: Mapping[str, Any], key: str, fault: Fault
    ) -> Answer:
        call = f"{method} {intent_id} {sorted(request.items(), key=str)}"
        if self.calls.setdefault(key, call) != call:
            self.conflicts.append(key)
        stored = self.keys.get(key)
        if stored is not None and self.now - stored.at >= KEPT:
            self.forgotten.append(key)
        elif stored is not None:
            if stored.call != call:
                return Answer(Outcome.KEY_CONFLICT, code="idempotency_error")
            return replace(stored.answer, is_replayed=stored.is_error)
        before = dict(self.intents)
        answer = SERVER_ERROR
        if fault != Fault.ERROR:
            answer = self._apply(method, intent_id, request)
        # An intent that is as it was has refused: a 400 that shows it beside.
        is_error = fault in {Fault.ERROR, Fault.LATE_ERROR} or self.intents == before
        answer = SERVER_ERROR if fault == Fault.LATE_ERROR else answer
        is_error = is_error or answer.outcome == Outcome.DECLINED
        self.keys[key] = Stored(call, answer, is_error, self.now)
        return answer

    def _apply(self, method: str, intent_id: str, request: Mapping[str, Any]) -> Answer:
        if method == "create":
            return self._create(request)
        intent = self.intents[intent_id]
        if method == "confirm":
            return self._confirm(intent, str(request["payment_method"]))
        if method == "capture":
            return self._capture(intent, request)
        return self._cancel(intent)

    def _create(self, request: Mapping[str, Any]) -> Answer:
        key = f"pi_{len(self.intents) + 1}_{request['metadata']['order_id']}"
        intent = Intent(
            id=key,
            status="requires_payment_method",
            amount_minor=request["amount"],
            received_minor=0,
            currency=request["currency"].upper(),
            # The customer's browser pays with this: here it is the intent itself.
            client_secret=key,
            metadata=request["metadata"],
        )
        self.intents[intent.id] = intent
        return self.show(intent.id)

    def _confirm(self, intent: Intent, card: str) -> Answer:
        if intent.status not in UNPAID:
            return self.show(intent.id)
        if card == DECLINED:
            self._decline(intent.id)
            shown = self.intents[intent.id]
            return Answer(Outcome.DECLINED, shown, shown.error_code)
        if card == ASKS:
            self._change(intent.id, "requires_action", "requires_action", error_code="")
        elif card == SLOW:
            self._change(intent.id, "processing", "processing", error_code="")
        else:
            self._succeed(intent.id)
        return self.show(intent.id)

    def _capture(self, intent: Intent, request: Mapping[str, Any]) -> Answer:
        amount = int(request["amount_to_capture"])
        room = intent.amount_minor - intent.received_minor
        if intent.status != "requires_capture" or not 0 < amount <= room:
            return self.show(intent.id)
        is_final = request.get("final_capture", True) or amount == room
        status = "succeeded" if is_final else "requires_capture"
        event = "succeeded" if is_final else "amount_capturable_updated"
        self._change(intent.id, status, event, received_minor=intent.received_minor + amount)
        return self.show(intent.id)

    def _cancel(self, intent: Intent) -> Answer:
        if intent.status == "requires_capture" or intent.status in UNPAID:
            self._end(intent)
        return self.show(intent.id)

    # --- what others do ------------------------------------------------------------------------

    def pay(self, intent_id: str, card: str) -> None:
        """The customer's browser confirms, with the intent's secret."""
        with self.lock:
            self._confirm(self.intents[intent_id], card)

    def find_money(self, intent_id: str) -> None:
        """Somebody else who has our secret key confirms an open intent."""
        self.found.add(intent_id)
        self._confirm(self.intents[intent_id], "pm_good")

    def waiting_for_bank(self) -> list[str]:
        """Return the intents that the bank has not decided about."""
        undecided = {"requires_action", "processing"}
        return [key for key, each in self.intents.items() if each.status in undecided]

    def hear_bank(self, intent_id: str, *, is_good: bool) -> None:
        """The bank has asked its customer, or has made up its mind."""
        if intent_id not in self.waiting_for_bank():
            return
        if is_good:
            self._succeed(intent_id)
        else:
            self._decline(intent_id)

    def capture_by_hand(self, intent_id: str) -> None:
        """Somebody takes what is left of a hold, in the dashboard."""
        intent = self.intents[intent_id]
        if intent.status == "requires_capture":
            self.by_hand.add(intent_id)
            self._capture(
                intent, {"amount_to_capture": intent.amount_minor - intent.received_minor}
            )

    def cancel_by_hand(self, intent_id: str) -> None:
        """Somebody cancels in the dashboard."""
        self._cancel(self.intents[intent_id])

    def move_to(self, now: datetime) -> None:
        """Time passes; holds end."""
        self.now = now
        for intent in list(self.intents.values()):
            is_over = intent.capture_before is not None and intent.capture_before <= now
            if intent.status == "requires_capture" and is_over:
                self._end(intent)

    # --- inside --------------------------------------------------------------------------------

    def show(self, intent_id: str) -> Answer:
        """Return the answer that an intent is."""
        intent = self.intents[intent_id]
        outcome = classify_status(
            status=intent.status, received_minor=intent.received_minor, error_code=intent.error_code
        )
        return Answer(outcome, intent, intent.error_code)

    def _end(self, intent: Intent) -> None:
        """Release what is held; the parts that were captured stay captured."""
        status = "succeeded" if intent.received_minor else "canceled"
        self._change(intent.id, status, status)

    def _succeed(self, intent_id: str) -> None:
        self.charges[intent_id] = self.charges.get(intent_id, 0) + 1
        self._change(
            intent_id,
            "requires_capture",
            "amount_capturable_updated",
            capture_before=self.now + HOLD,
            is_multicapture=self.is_multicapture,
            error_code="",
            decline_id="",
        )

    def _decline(self, intent_id: str) -> None:
        self._change(
            intent_id,
            "requires_payment_method",
            "payment_failed",
            error_code="card_declined",
            decline_id=f"ch_{len(self.events)}",
        )

    def _change(self, intent_id: str, status: str, event: str, **more: Any) -> None:
        self.intents[intent_id] = replace(self.intents[intent_id], status=status, **more)
        self.events.append(Event(f"payment_intent.{event}", intent_id))
