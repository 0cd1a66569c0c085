"""Stripe at the edge of the gateways: intents, refunds and disputes of one account, in memory.

The intents are the strict ones of the money's own machine; refunds and disputes lie on top.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from globalmart.core.db import forbid_transaction
from payments.gateways.classification import classify_refund
from payments.gateways.disputes import DisputeAnswer, WarningAnswer
from payments.gateways.intents import Answer, Notice
from payments.gateways.refunds import RefundAnswer, RefundList, RefundOutcome, StripeRefund
from tests.orders.life.clock import Clock
from tests.payments.machines.stripe import Fault, Stripe

LIVE_REFUNDS = ("succeeded", "pending", "requires_action")
OPEN_DISPUTES = ("warning_needs_response", "needs_response", "under_review")
EVIDENCE = timedelta(days=7)


@dataclass(slots=True)
class Account:
    """Our account at Stripe. `faults` queues what goes wrong with the next calls, `beginnings`
    what the next refunds begin as; `notices` is every webhook, sent or not."""

    clock: Clock
    is_multicapture: bool = False
    intents: Stripe = field(init=False)
    faults: deque[Fault] = field(default_factory=deque)
    beginnings: deque[str] = field(default_factory=deque)
    refunds: dict[str, StripeRefund] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    disputes: dict[str, DisputeAnswer] = field(default_factory=dict)
    warnings: dict[str, WarningAnswer] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    seen: int = 0

    def __post_init__(self) -> None:
        self.intents = Stripe(now=self.clock.now(), is_multicapture=self.is_multicapture)

    def fault(self) -> Fault:
        """Return what goes wrong with this call."""
        self.intents.move_to(self.clock.now())
        return self.faults.popleft() if self.faults else Fault.NONE

    def collect(self) -> list[Notice]:
        """Return every webhook there is to send, those of the intents among them."""
        for event in self.intents.events[self.seen :]:
            self.tell(event.type, event.intent_id, "payment_intent", event.intent_id)
        self.seen = len(self.intents.events)
        return self.notices

    def tell(self, type_: str, intent_id: str, object_type: str, object_id: str) -> None:
        """Have a webhook ready."""
        self.notices.append(
            Notice(
                event_id=f"evt_{len(self.notices) + 1}",
                type=type_,
                intent_id=intent_id,
                is_live=False,
                created=self.clock.now(),
                object_type=object_type,
                object_id=object_id,
            )
        )

    # --- what banks and people do there ----------------------------------------------------------

    def kept_minor(self, intent_id: str) -> int:
        """Return what of an intent was captured and has neither gone back nor is about to."""
        refunds = self.refunds.values()
        back = (
            each.amount_minor
            for each in refunds
            if each.intent_id == intent_id and each.status in LIVE_REFUNDS
        )
        return self.intents.intents[intent_id].received_minor - sum(back)

    def set_refund(self, refund_id: str, status: str) -> None:
        """The bank says what becomes of a refund."""
        code = "lost_or_stolen_card" if status == "failed" else ""
        found = replace(self.refunds[refund_id], status=status, failure_code=code)
        self.refunds[refund_id] = found
        name = "refund.failed" if status == "failed" else "refund.updated"
        self.tell(name, found.intent_id, "refund", refund_id)

    def refund_by_hand(self, intent_id: str, amount_minor: int) -> None:
        """Somebody refunds in the dashboard."""
        found = self._add_refund(intent_id, amount_minor, "succeeded", {})
        self.tell("refund.created", intent_id, "refund", found.id)

    def open_dispute(self, intent_id: str, status: str) -> None:
        """The customer's bank asks about a payment, or takes its money back."""
        key = f"dp_{len(self.disputes) + 1}"
        intent = self.intents.intents[intent_id]
        self.disputes[key] = DisputeAnswer(
            id=key,
            status=status,
            intent_id=intent_id,
            amount_minor=intent.received_minor,
            currency=intent.currency,
            reason="fraudulent",
            opened_at=self.clock.now(),
            evidence_due_at=self.clock.now() + EVIDENCE,
            is_withdrawn=status == "needs_response",
        )
        self._tell_dispute("created", key)

    def move_dispute(self, key: str, status: str) -> None:
        """The bank goes on with a dispute, or ends it."""
        before = self.disputes[key]
        is_inquiry = before.status.startswith("warning_")
        self.disputes[key] = replace(
            before,
            status="warning_closed" if is_inquiry and status == "won" else status,
            is_withdrawn=before.is_withdrawn or status in ("needs_response", "lost"),
            is_reinstated=status == "won" and not is_inquiry,
        )
        self._tell_dispute("closed" if status in ("won", "lost") else "updated", key)

    def open_disputes(self) -> list[str]:
        """Return the disputes that the bank has not decided."""
        return [key for key, each in self.disputes.items() if each.status in OPEN_DISPUTES]

    def warn(self, intent_id: str) -> None:
        """The card's network calls a payment fraudulent."""
        key = f"issfr_{len(self.warnings) + 1}"
        self.warnings[key] = WarningAnswer(
            id=key,
            intent_id=intent_id,
            kind="made_with_stolen_card",
            is_actionable=True,
            warned_at=self.clock.now(),
        )
        name = "radar.early_fraud_warning"
        self.tell(f"{name}.created", intent_id, name, key)

    def _tell_dispute(self, step: str, key: str) -> None:
        self.tell(f"charge.dispute.{step}", self.disputes[key].intent_id, "dispute", key)

    # --- refunds as the API makes them -----------------------------------------------------------

    def make_refund(self, request: Mapping[str, Any], key: str, fault: Fault) -> RefundAnswer:
        """Take one call with a key."""
        if fault in (Fault.LOST, Fault.ERROR):
            return RefundAnswer(RefundOutcome.UNKNOWN, code="timeout")
        if fault in (Fault.BUSY, Fault.LIMITED):
            return RefundAnswer(RefundOutcome.NOT_YET, code=fault)
        if key not in self.by_key:
            intent_id, amount = request["payment_intent"], request["amount"]
            is_disputed = any(
                each.intent_id == intent_id and each.is_withdrawn and not each.is_reinstated
                for each in self.disputes.values()
            )
            if is_disputed or amount > self.kept_minor(intent_id):
                return RefundAnswer(RefundOutcome.REFUSED, code="charge_already_refunded")
            status = self.beginnings.popleft() if self.beginnings else "succeeded"
            made = self._add_refund(intent_id, amount, status, request["metadata"])
            self.by_key[key] = made.id
            self.tell("refund.created", intent_id, "refund", made.id)
        if fault in (Fault.UNANSWERED, Fault.LATE_ERROR):
            return RefundAnswer(RefundOutcome.UNKNOWN, code="timeout")
        return self.show_refund(self.by_key[key])

    def show_refund(self, refund_id: str) -> RefundAnswer:
        """Return what Stripe would answer about a refund."""
        found = self.refunds[refund_id]
        return RefundAnswer(classify_refund(status=found.status), found, found.failure_code)

    def _add_refund(
        self, intent_id: str, amount: int, status: str, metadata: Mapping[str, str]
    ) -> StripeRefund:
        number = len(self.refunds) + 1
        found = StripeRefund(
            id=f"re_{number}",
            status=status,
            amount_minor=amount,
            currency=self.intents.intents[intent_id].currency,
            intent_id=intent_id,
            failure_code="lost_or_stolen_card" if status == "failed" else "",
            metadata=metadata,
            balance_transaction=f"txn_{number}",
        )
        self.refunds[found.id] = found
        return found


@dataclass(slots=True)
class IntentGateway:
    """See PaymentGateway."""

    account: Account

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer:
        return self._call("create", "", request, key)

    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return self._call("confirm", intent_id, request, key)

    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return self._call("capture", intent_id, request, key)

    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return self._call("cancel", intent_id, request, key)

    def retrieve(self, *, intent_id: str) -> Answer:
        forbid_transaction()
        return self.account.intents.retrieve(intent_id, self.account.fault())

    def _call(self, method: str, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        forbid_transaction()
        fault = self.account.fault()
        return self.account.intents.call(method, intent_id, request, key, fault)


@dataclass(slots=True)
class RefundsGateway:
    """See RefundGateway."""

    account: Account

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer:
        forbid_transaction()
        return self.account.make_refund(request, key, self.account.fault())

    def retrieve(self, *, refund_id: str) -> RefundAnswer:
        forbid_transaction()
        if self.account.fault() != Fault.NONE:
            return RefundAnswer(RefundOutcome.UNKNOWN, code="timeout")
        return self.account.show_refund(refund_id)

    def list_of_intent(self, *, intent_id: str) -> RefundList:
        forbid_transaction()
        if self.account.fault() != Fault.NONE:
            return RefundList(False, code="timeout")
        found = [each for each in self.account.refunds.values() if each.intent_id == intent_id]
        return RefundList(True, tuple(reversed(found)))


@dataclass(slots=True)
class DisputesGateway:
    """See DisputeGateway."""

    account: Account

    def retrieve_dispute(self, *, stripe_id: str) -> DisputeAnswer | None:
        forbid_transaction()
        return None if self.account.fault() != Fault.NONE else self.account.disputes[stripe_id]

    def retrieve_warning(self, *, stripe_id: str) -> WarningAnswer | None:
        forbid_transaction()
        return None if self.account.fault() != Fault.NONE else self.account.warnings[stripe_id]
