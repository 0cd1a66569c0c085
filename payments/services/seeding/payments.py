"""Payments of seeded orders, as rows to be copied: what the services would have left behind."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from payments.services import ledger
from payments.services.refund_books import REFUNDS
from payments.services.seeding.facts import SeedPayment
from payments.services.seeding.tables import (
    ACCOUNT,
    ATTEMPT,
    DISPUTE,
    ITEM,
    LEDGER,
    OPERATION,
    REFUND,
    Move,
    Note,
    Sink,
)
from payments.states import AttemptState, DisputeState, OperationKind, OperationState, RefundState

A, K, O = AttemptState, OperationKind, OperationState  # noqa: E741 - as in states
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HOLD_LASTS = timedelta(days=7)


class PaymentSeeder:
    """Writes one order's payments into a sink, and tells their story. `ids` are the first free ids
    of the order by table; `random` makes keys and Stripe's ids."""

    def __init__(self, seed: SeedPayment, sink: Sink, random: Random) -> None:
        self.seed, self.sink, self.random = seed, sink, random
        self.ids = dict(seed.ids)
        self.notes: list[Note] = []
        self.moves: list[Move] = []

    def write(self) -> None:
        """Append all rows; keep what the timeline says of them, and the moves of money."""
        seed = self.seed
        if seed.is_declined:
            self._decline()
        held = seed.state not in {A.CREATED, A.REQUIRES_ACTION, A.UNKNOWN, A.CANCELLED, A.EXPIRED}
        captured = sum(amount for _, amount in seed.captures)
        is_over = seed.state == A.CAPTURED
        authorized = (captured if is_over else seed.amount_minor) if held else 0
        refunded, reserved = self._money_back()
        attempt = self._next(ATTEMPT)
        money = (authorized, captured, refunded, reserved)
        self._attempt(attempt, money)
        self.sink[ACCOUNT].append(
            (self._next(ACCOUNT), seed.order_id, seed.currency, seed.due_minor, *money)
        )
        self._calls(attempt)
        self._story(attempt, captured)
        if seed.refund:
            self._refund(attempt, *seed.refund)
        if seed.dispute:
            self._dispute(attempt, *seed.dispute)

    def _next(self, table: str) -> int:
        self.ids[table] += 1
        return self.ids[table]

    def _uuid(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def _stripe_id(self, prefix: str) -> str:
        return f"{prefix}_3" + "".join(self.random.choices(LETTERS, k=23))

    def _money_back(self) -> tuple[int, int]:
        if self.seed.refund is None:
            return 0, 0
        state, _, amount = self.seed.refund
        return (
            amount if state == RefundState.SUCCEEDED else 0,
            amount if state == RefundState.PENDING else 0,
        )

    def _decline(self) -> None:
        seed, attempt = self.seed, self._next(ATTEMPT)
        at = (seed.placed_at + timedelta(seconds=4)).isoformat()
        placed = seed.placed_at.isoformat()
        row = [attempt, self._uuid(), seed.order_id, "order", 1, self._mode(), A.FAILED]
        row += [seed.currency, seed.amount_minor, 0, 0, 0, 0, 0, False, self._method()]
        row += [self._stripe_id("pi"), self._stripe_id("ch"), "insufficient_funds", 1, ""]
        self.sink[ATTEMPT].append((*row, None, 0, placed, at))
        self._operation(attempt, K.CREATE, seed.placed_at, O.DONE)
        self._operation(attempt, K.CONFIRM, seed.placed_at, O.DECLINED, error="insufficient_funds")
        self._note(seed.placed_at + timedelta(seconds=4), "created", A.FAILED)

    def _mode(self) -> str:
        return "server" if self.seed.is_server else "browser"

    def _method(self) -> str:
        return "pm_card_visa" if self.seed.is_server else ""

    def _attempt(self, attempt: int, money: tuple[int, int, int, int]) -> None:
        seed = self.seed
        authorized, captured, refunded, reserved = money
        is_charged = bool(authorized or captured or seed.state in {A.CANCELLED, A.UNKNOWN})
        before = (seed.paid_at + HOLD_LASTS).isoformat() if authorized else None
        row = [attempt, self._uuid(), seed.order_id, "order", 2 if seed.is_declined else 1]
        row += [self._mode(), seed.state, seed.currency, seed.amount_minor]
        row += [authorized, captured, refunded, reserved, captured, len(seed.captures) > 1]
        row += [self._method(), self._stripe_id("pi")]
        row += [self._stripe_id("ch") if is_charged else "", "", 0, "", before, 0]
        self.sink[ATTEMPT].append((*row, seed.placed_at.isoformat(), seed.ended_at.isoformat()))

    def _calls(self, attempt: int) -> None:
        seed = self.seed
        self._operation(attempt, K.CREATE, seed.placed_at, O.DONE)
        if seed.is_server:
            is_unknown = seed.state == A.UNKNOWN
            self._operation(attempt, K.CONFIRM, seed.paid_at, O.UNKNOWN if is_unknown else O.DONE)
        for number, (at, amount) in enumerate(seed.captures, start=1):
            self._operation(attempt, K.CAPTURE, at, O.DONE, number=number, amount_minor=amount)
        if seed.state == A.CANCELLED:
            self._operation(attempt, K.CANCEL, seed.ended_at, O.DONE)

    def _operation(
        self,
        attempt: int,
        kind: OperationKind,
        at: datetime,
        state: OperationState,
        *,
        number: int = 1,
        amount_minor: int | None = None,
        refund: int | None = None,
        error: str = "",
    ) -> None:
        seed, uuid, stamp = self.seed, self._uuid(), at.isoformat()
        amount = seed.amount_minor if amount_minor is None else amount_minor
        request: dict[str, Any] = {}
        if kind == K.CREATE:
            request = {
                "amount": amount,
                "currency": seed.currency.lower(),
                "capture_method": "manual",
                "metadata": {
                    "order_id": seed.order_public_id,
                    "order_number": seed.order_number,
                },
            }
        elif kind == K.CAPTURE:
            request = {"amount_to_capture": amount}
        finished = None if state == O.UNKNOWN else stamp
        key = f"{kind}-{uuid}"
        row = [self._next(OPERATION), uuid, attempt, kind, refund, number, state, amount, key]
        self.sink[OPERATION].append((*row, json.dumps(request), stamp, finished, stamp, 1, error))

    def _story(self, attempt: int, captured: int) -> None:
        seed = self.seed
        is_held = seed.state in {A.AUTHORIZED, A.PARTIALLY_CAPTURED, A.CAPTURED}
        was_held = is_held or (seed.state == A.CANCELLED and seed.paid_at < seed.ended_at)
        if was_held:
            self._book(attempt, seed.paid_at, ledger.HOLDS, ledger.HOLDS_CONTRA, seed.amount_minor)
            self._note(seed.paid_at, "created", A.AUTHORIZED)
        state: str = A.AUTHORIZED if was_held else A.CREATED
        for at, amount in seed.captures:
            self._book(attempt, at, ledger.HOLDS_CONTRA, ledger.HOLDS, amount)
            txn = self._book(attempt, at, ledger.STRIPE, ledger.SALES, amount)
            self.moves.append((f"capture:{txn}", at, amount))
            after = seed.state if at == seed.captures[-1][0] else A.PARTIALLY_CAPTURED
            if after != state:
                self._note(at, state, after)
            state = after
        rest = seed.amount_minor - captured
        if was_held and seed.state in {A.CAPTURED, A.CANCELLED} and rest:
            self._book(attempt, seed.ended_at, ledger.HOLDS_CONTRA, ledger.HOLDS, rest)
        if seed.state in {A.CANCELLED, A.UNKNOWN, A.REQUIRES_ACTION}:
            self._note(seed.ended_at, state, seed.state)

    def _note(self, at: datetime, before: str, after: str) -> None:
        data = {"attempt": 1, "amount_minor": self.seed.amount_minor}
        self.notes.append((at, f"payment.{after}", before, after, "stripe", data))

    def _book(
        self, attempt: int, at: datetime, debit: str, credit: str, amount: int, source: str = ""
    ) -> str:
        seed, rows = self.seed, self.sink[LEDGER]
        txn = str(UUID(int=self.random.getrandbits(128)))
        about = (txn, seed.order_id, attempt)
        end = (seed.currency, source, at.isoformat())
        rows.append((self._next(LEDGER), *about, debit, amount, *end))
        rows.append((self._next(LEDGER), *about, credit, -amount, *end))
        return txn

    def _refund(self, attempt: int, state: RefundState, at: datetime, amount: int) -> None:
        seed, refund = self.seed, self._next(REFUND)
        is_sent = state != RefundState.REQUESTED
        stripe_id = self._stripe_id("re") if is_sent else None
        stamp = at.isoformat()
        row = [refund, self._uuid(), seed.order_id, attempt, seed.currency, amount, state]
        row += ["goodwill", "", "staff:1", "staff:1" if is_sent else "", False, stripe_id, "", 0]
        self.sink[REFUND].append((*row, stamp, stamp))
        self.sink[ITEM].append(
            (self._next(ITEM), refund, "line", 1, self.seed.refunded_units, amount)
        )
        steps = [("", "requested")]
        if is_sent:
            steps += [("requested", "approved"), ("approved", "processing"), ("processing", state)]
            self._operation(attempt, K.REFUND, at, O.DONE, amount_minor=amount, refund=refund)
        data = {"refund": refund, "amount_minor": amount, "stripe_refund_id": stripe_id or ""}
        for before, after in steps:
            self.notes.append((at, f"refund.{after}", before, str(after), "staff:1", data))
        if state == RefundState.SUCCEEDED:
            txn = self._book(attempt, at, REFUNDS, ledger.STRIPE, amount, source=stripe_id or "")
            self.moves.append((f"refund:{txn}", at, amount))

    def _dispute(self, attempt: int, state: DisputeState, at: datetime) -> None:
        seed, stripe_id = self.seed, self._stripe_id("dp")
        amount = sum(taken for _, taken in seed.captures)
        due = at + timedelta(days=9)
        ended = at + timedelta(days=60) if state in {DisputeState.WON, DisputeState.LOST} else at
        row = [self._next(DISPUTE), stripe_id, seed.order_id, attempt, seed.currency, amount]
        stamps = due.isoformat(), at.isoformat(), ended.isoformat()
        self.sink[DISPUTE].append((*row, state, "fraudulent", *stamps))
        data = {"dispute": stripe_id, "amount_minor": amount}
        source = f"{stripe_id}:withdrawn"
        self._book(attempt, at, ledger.DISPUTES, ledger.STRIPE, amount, source=source)
        self.notes.append((at, "dispute.needs_response", "", "needs_response", "stripe", data))
        if state not in {DisputeState.WON, DisputeState.LOST}:
            return
        self.notes.append((ended, f"dispute.{state}", "needs_response", state, "stripe", data))
        if state == DisputeState.WON:
            debit, what = ledger.STRIPE, "reinstated"
        else:
            debit, what = ledger.LOSSES, "lost"
        source = f"{stripe_id}:{what}"
        self._book(attempt, ended, debit, ledger.DISPUTES, amount, source=source)


def write(*, seed: SeedPayment, sink: Sink, random: Random) -> tuple[list[Note], list[Move]]:
    """Append the rows of an order's payments to a sink by table; return their story, and what
    documents are written for."""
    seeder = PaymentSeeder(seed, sink, random)
    seeder.write()
    return seeder.notes, seeder.moves
