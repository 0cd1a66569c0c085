"""The house around the money's decisions, in memory: what the services do in PostgreSQL.

The decisions are the production's own. What is repeated here is only which rows they are given,
in the order in which the services read, call and write.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orders.states import OrderState
from payments.gateways.intents import Answer, Outcome
from payments.models import OrderAccount, PaymentAttempt
from payments.services import holding
from payments.services.adopting import make_heir
from payments.services.capturing import HELD
from payments.services.decisions import decide
from payments.services.intake import PaymentPlan, make_attempt
from payments.services.planning import cancel_or_end, raise_target
from payments.states import LATE, LIVE, OPEN, AttemptState, OperationKind, OperationState
from tests.payments.machines.rows import Rows
from tests.payments.machines.stripe import Stripe

START = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
TOTAL = 2195
DEADLINE = timedelta(minutes=30)
MOST_ATTEMPTS = 5
CAPTURED = {AttemptState.PARTIALLY_CAPTURED, AttemptState.CAPTURED}
ENDED = {OrderState.EXPIRED, OrderState.CANCELLED}


@dataclass(slots=True)
class House:
    """One order, its money, and Stripe. `card` is empty where the browser confirms."""

    card: str = ""
    is_multicapture: bool = False
    # Whether goods can be had again when money comes too late.
    is_in_stock: bool = True
    now: datetime = START
    state: OrderState = OrderState.PENDING_PAYMENT
    is_shipped: bool = False
    # Intents whose secret the customer's browser has.
    secrets: set[str] = field(default_factory=set)
    # How many declines webhooks have told of, by intent.
    told: Counter[str] = field(default_factory=Counter)
    stripe: Stripe = field(init=False)
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.stripe = Stripe(now=self.now, is_multicapture=self.is_multicapture)
        self.rows = Rows(OrderAccount(order_id=1, currency="GBP", due_minor=TOTAL))
        self._add_attempt(self.card)

    @property
    def deadline(self) -> datetime:
        """When the order ends unpaid."""
        return START + DEADLINE

    def _add_attempt(self, card: str) -> None:
        plan = PaymentPlan(
            order_id=1,
            order_public_id="ada",
            order_number="1",
            currency="GBP",
            amount_minor=TOTAL,
            return_url="https://shop.example",
            payment_method=card,
        )
        own = [each for each in self.rows.attempts.values() if each.purpose == "order"]
        number = max((each.number for each in own), default=0) + 1
        self.rows.add(*make_attempt(plan=plan, number=number, now=self.now))

    # --- outcomes ------------------------------------------------------------------------------

    def apply(
        self, attempt_id: int, answer: Answer, *, actor: str, operation_id: int | None = None
    ) -> None:
        """As apply_outcome."""
        taken = self._taken_over(attempt_id, answer)
        if taken is not None:
            attempt_id, operation_id = taken, None
        with self.rows.open_books(
            attempt_id, actor=actor, now=self.now, operation_id=operation_id
        ) as books:
            if answer.outcome == Outcome.DECLINED:
                books.declines_told = self.told[books.attempt.stripe_intent_id or ""]
            decide(books, answer)
        if books.is_late:
            self._adopt(books.attempt)
        if books.attempt.purpose.startswith(LATE):
            self._refund(books.attempt)

    def _taken_over(self, attempt_id: int, answer: Answer) -> int | None:
        attempt = self.rows.attempts[attempt_id]
        if answer.intent is None or attempt.stripe_intent_id or attempt.state in LIVE:
            return None
        holder = self._holder(answer.intent.id)
        return holder.pk if holder is not None and holder.pk != attempt_id else None

    def _holder(self, intent_id: str) -> PaymentAttempt | None:
        rows = self.rows.attempts.values()
        return next((each for each in rows if each.stripe_intent_id == intent_id), None)

    def _adopt(self, dead: PaymentAttempt) -> None:
        heir = make_heir(dead, others=list(self.rows.attempts.values()), now=self.now)
        self.rows.add(heir, [])

    def _refund(self, attempt: PaymentAttempt) -> None:
        """All that was captured goes back. How refunds fail has a proof of its own."""
        if attempt.captured_minor and attempt.stripe_intent_id:
            self.stripe.refunded[attempt.stripe_intent_id] = attempt.captured_minor

    # --- what orders tells ---------------------------------------------------------------------

    def plan_capture(self, amount_minor: int) -> None:
        """As planning.plan_capture."""
        left = min(amount_minor, TOTAL)
        for attempt in list(self.rows.attempts.values()):
            is_paying = attempt.state in HELD or attempt.state == AttemptState.CAPTURED
            if not is_paying or attempt.purpose.startswith(LATE):
                continue
            share = min(left, attempt.amount_minor)
            left -= share
            with self.rows.open_books(attempt.pk, actor="system", now=self.now) as books:
                raise_target(books, share)

    def plan_cancel(self) -> bool:
        """As planning.plan_cancel."""
        is_over = True
        for attempt in list(self.rows.attempts.values()):
            if attempt.state in OPEN or attempt.state in HELD:
                with self.rows.open_books(attempt.pk, actor="system", now=self.now) as books:
                    is_over = cancel_or_end(books) and is_over
        return is_over

    def cancel_if_open(self, attempt_id: int) -> None:
        """As planning.cancel_if_open."""
        with self.rows.open_books(attempt_id, actor="system", now=self.now) as books:
            if books.attempt.state in OPEN:
                holding.plan_cancel(books, is_given_up=True)

    def give_back(self) -> None:
        """As giving_back.give_back."""
        self.plan_cancel()
        for attempt in self.rows.attempts.values():
            if attempt.state in CAPTURED:
                self._refund(attempt)

    def confirm(self) -> None:
        """As lifecycle.confirm_order."""
        is_late = self.state in ENDED
        is_waiting = is_late or self.state == OrderState.PENDING_PAYMENT
        if not is_waiting or not self.rows.is_covered():
            return
        if is_late and not (self.state == OrderState.EXPIRED and self.is_in_stock):
            self.give_back()
            return
        self.state = OrderState.CONFIRMED

    def expire(self) -> None:
        """As lifecycle.expire_order."""
        if self.state != OrderState.PENDING_PAYMENT or self.now < self.deadline:
            return
        if self.rows.is_covered():
            self.confirm()
        elif self.plan_cancel():
            self.give_back()
            self.state = OrderState.EXPIRED

    def pay_again(self) -> None:
        """As payment.pay_again: the same card once more, where we have given up."""
        is_open = self.state == OrderState.PENDING_PAYMENT and self.now < self.deadline
        rows = self.rows.attempts.values()
        last = [each for each in rows if not each.purpose.startswith(LATE)][-1]
        is_over = last.state == AttemptState.CANCELLED and bool(last.payment_method)
        given_up = [
            each
            for each in self.rows.of(last)
            if each.request == holding.GIVEN_UP and each.state == OperationState.DONE
        ]
        if is_open and is_over and given_up and last.number < MOST_ATTEMPTS:
            self.plan_next(last.payment_method)

    def plan_next(self, card: str) -> None:
        """As browser.plan_next_attempt, but for the pause after declines: that would only make
        fewer attempts. Whoever plans it has seen that no attempt is live (rule R3)."""
        ours = self.stripe.intents.keys() - self.stripe.found
        charging = [intent_id for intent_id in ours if self._may_charge(intent_id)]
        assert not charging, f"a new attempt, and {charging} may still charge"
        self._add_attempt(card)

    def _may_charge(self, intent_id: str) -> bool:
        intent = self.stripe.intents[intent_id]
        if intent.status == "requires_payment_method":
            return intent_id in self.secrets or any(self._confirmations(intent_id))
        is_kept = intent.received_minor > self.stripe.refunded.get(intent_id, 0)
        return intent.status != "canceled" and (is_kept or intent.status != "succeeded")

    def _confirmations(self, intent_id: str) -> Iterator[bool]:
        """Whether each confirmation of this intent may be on its way."""
        for each in self.rows.operations.values():
            is_own = each.attempt.stripe_intent_id == intent_id
            if each.kind == OperationKind.CONFIRM and is_own:
                yield each.first_sent_at is not None and each.finished_at is None

    def hear(self, name: str) -> None:
        """As globalmart.wiring, for events of payments."""
        if name in {"payment.authorized", "payment.captured"}:
            self.confirm()
        elif name in {"payment.failed", "payment.cancelled"}:
            self.expire()
            self.pay_again()
