"""A storm of refunds against a real database and a Stripe that misbehaves, from many threads.

Stripe is played in memory, at the edge of the gateway, because its answers must be chosen: refused,
silent with and without effect, pending, failing at once and afterwards, told twice and in any
order. Everything else is the shop's own: services, locks, constraints, ledger.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

from django.db import OperationalError, connection, connections
from django.utils import timezone

from globalmart.core.db import forbid_transaction, is_lock_timeout
from payments import gateways
from payments.gateways.refunds import RefundAnswer, RefundList, RefundOutcome, StripeRefund
from payments.models import (
    OrderAccount,
    PaymentAttempt,
    PaymentCase,
    PaymentOperation,
    Refund,
    RefundItem,
)
from payments.services import refund_repairs, refunding
from payments.services import refunds as service
from payments.services.ledger import SALES, STRIPE, book
from payments.services.refund_books import RefundRefused
from payments.services.refund_outcomes import apply_refund
from payments.services.refunds import Part
from payments.states import RefundState
from tests import builders
from tests.payments.fake_refunds import FakeRefunds

THREADS = 20
CAPTURED = 100_000
OPEN = (RefundState.PROCESSING, RefundState.UNKNOWN, RefundState.PENDING, RefundState.APPROVED)
Figures = dict[str, object]


class MoodyStripe(FakeRefunds):
    """A FakeRefunds for many intents, whose moods are drawn by a seeded generator."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random, self.is_calm = random, False
        self.ids: list[str] = []
        self.by_intent: dict[str, list[str]] = defaultdict(list)

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer:
        forbid_transaction()
        with self.lock:
            self.calls.append(("create", key))
            mood = 1.0 if self.is_calm else self.random.random()
            if mood < 0.06:
                return RefundAnswer(RefundOutcome.UNKNOWN, code="timeout")
            if mood < 0.10:
                return RefundAnswer(RefundOutcome.NOT_YET, code="rate_limit")
            answer = self._make(request, key)
            return RefundAnswer(RefundOutcome.UNKNOWN, code="reset") if mood < 0.18 else answer

    def list_of_intent(self, *, intent_id: str) -> RefundList:
        forbid_transaction()
        with self.lock:
            self.calls.append(("list", intent_id))
            if not self.is_calm and self.random.random() < 0.1:
                return RefundList(False, code="timeout")
            return RefundList(True, tuple(self.made[key] for key in self.by_intent[intent_id]))

    def change_somehow(self) -> RefundAnswer | None:
        """Let one refund go on: a pending one ends, one that succeeded fails; show it."""
        with self.lock:
            if not self.ids:
                return None
            refund = self.made[self.random.choice(self.ids)]
            if refund.status == "pending":
                self._become(refund, self.random.choice(["succeeded", "succeeded", "failed"]))
            elif refund.status == "succeeded" and self.random.random() < 0.1:
                self._become(refund, "failed")
            return self.show(refund.id)

    def fail_last(self) -> None:
        """The bank sends the last refund that succeeded back, weeks later."""
        done = [each for each in self.made.values() if each.status == "succeeded"]
        self._become(done[-1], "failed")

    def settle(self) -> None:
        """Let all that is pending succeed."""
        for refund in list(self.made.values()):
            if refund.status == "pending":
                self._become(refund, "succeeded")

    def start_somewhere(self, intents: list[str]) -> None:
        """Somebody refunds in the dashboard, within what Stripe allows."""
        with self.lock:
            intent = self.random.choice(intents)
            amount = self.random.randrange(1, 400)
            if self._live(intent) + amount <= CAPTURED:
                key = f"re_out_{len(self.ids)}"
                made = StripeRefund(
                    key, "succeeded", amount, "GBP", intent, balance_transaction=f"txn_{key}"
                )
                self._keep(made)

    def _make(self, request: Mapping[str, Any], key: str) -> RefundAnswer:
        if key in self.by_key:
            return self.show(self.by_key[key])
        intent = request["payment_intent"]
        if self._live(intent) + request["amount"] > CAPTURED:
            return RefundAnswer(RefundOutcome.REFUSED, code="charge_already_refunded")
        drawn = 1.0 if self.is_calm else self.random.random()
        status = "failed" if drawn < 0.08 else "pending" if drawn < 0.25 else "succeeded"
        metadata = request["metadata"]
        found = StripeRefund(
            f"re_{key}",
            status,
            request["amount"],
            "GBP",
            intent,
            metadata=metadata,
            balance_transaction=f"txn_{key}",
        )
        self._keep(found)
        self.by_key[key] = found.id
        return self.show(found.id)

    def _keep(self, refund: StripeRefund) -> None:
        self.made[refund.id] = refund
        self.ids.append(refund.id)
        self.by_intent[refund.intent_id].append(refund.id)

    def _live(self, intent_id: str) -> int:
        shown = (self.made[key] for key in self.by_intent[intent_id])
        return sum(each.amount_minor for each in shown if each.status in ("succeeded", "pending"))

    def _become(self, refund: StripeRefund, status: str) -> None:
        self.made[refund.id] = replace(refund, status=status)


@dataclass(slots=True)
class Storm:
    """What the threads share: the orders, Stripe, what is left to be asked, and what was seen."""

    orders: list[int]
    stripe: MoodyStripe
    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: Counter[str] = field(default_factory=Counter)

    def take(self) -> bool:
        """Take one refund to ask for; False when all are."""
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def count(self, what: str) -> None:
        """Count something that happened."""
        with self.lock:
            self.seen[what] += 1


def run_storm(*, rows: int, orders: int, seed: int = 1, threads: int = THREADS) -> Figures:
    """Ask for `rows` refunds from many threads, with everything going wrong; settle; check."""
    storm = Storm(_prepare(orders), MoodyStripe(Random(seed)), rows)
    with _watching(), patch.object(gateways, "refunds", lambda: storm.stripe):
        started = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda place: _blow(storm, Random(seed * 1000 + place)), range(threads)))
        lasted = time.monotonic() - started
        _settle(storm)
    return {
        "seed": seed,
        "refunds asked for": rows,
        "orders": orders,
        "threads": threads,
        **dict(sorted(storm.seen.items())),
        "seconds of storm": round(lasted, 1),
        **_check(storm),
    }


def _prepare(count: int) -> list[int]:
    """Place orders and write what the capture of each leaves behind."""
    builders.open_shop()
    builders.add_product(on_hand=10 * count)
    keys = []
    for _ in range(count):
        order = builders.place()
        # What was captured is the storm's own figure: larger than a mug.
        PaymentAttempt.objects.filter(order=order).update(
            amount_minor=CAPTURED,
            state="captured",
            authorized_minor=CAPTURED,
            captured_minor=CAPTURED,
            stripe_intent_id=f"pi_{order.pk}",
        )
        OrderAccount.objects.filter(order=order).update(
            due_minor=CAPTURED, authorized_minor=CAPTURED, captured_minor=CAPTURED
        )
        PaymentOperation.objects.filter(attempt__order=order).update(
            state="done", due_at=None, finished_at=timezone.now()
        )
        attempt = PaymentAttempt.objects.get(order=order)
        book(attempt=attempt, debit=STRIPE, credit=SALES, amount_minor=CAPTURED)
        keys.append(order.pk)
    return keys


@contextmanager
def _watching() -> Iterator[None]:
    """Have the database itself look at every commit of a refund's money, besides the constraints:
    a row is written down whenever an attempt's refunds exceed what it captured."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP TRIGGER storm_watch ON payments_paymentattempt; DROP FUNCTION storm_watch()"
            )


_WATCH = """
CREATE TABLE IF NOT EXISTS storm_breach (attempt_id bigint, found bigint, expected bigint);
CREATE TABLE IF NOT EXISTS storm_commits (attempt_id bigint);
TRUNCATE storm_breach, storm_commits;
CREATE FUNCTION storm_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE total bigint;
BEGIN
    SELECT coalesce(sum(amount_minor), 0) INTO total FROM payments_refund
     WHERE attempt_id = NEW.id AND state IN ('approved', 'processing', 'unknown', 'pending',
           'requires_action', 'manual', 'succeeded');
    INSERT INTO storm_commits VALUES (NEW.id);
    IF total > NEW.captured_minor THEN
        INSERT INTO storm_breach VALUES (NEW.id, total, NEW.captured_minor);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER storm_watch AFTER UPDATE ON payments_paymentattempt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION storm_watch();
"""


def _blow(storm: Storm, random: Random) -> None:
    """One thread: ask, and between the asking do whatever else may happen."""
    try:
        while storm.take():
            for act in (_ask, *random.sample([_send, _tell, _tell, _mend, _interfere], 3)):
                _try(act, storm, random)
    finally:
        connections.close_all()


def _try(act: Callable[[Storm, Random], None], storm: Storm, random: Random) -> None:
    """Whoever waits too long for a lock hears "busy": a page says so, a worker's row comes back.

    Half done as it may be by then: that is one fault more.
    """
    try:
        act(storm, random)
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        storm.count("busy")


def _ask(storm: Storm, random: Random) -> None:
    order_id = random.choice(storm.orders)
    amount = random.randrange(1, 900) if random.random() < 0.97 else random.randrange(1, CAPTURED)
    now = timezone.now()
    try:
        refund = service.request_refund(
            order_id=order_id,
            items=[Part(RefundItem.Kind.AMOUNT, amount)],
            reason=Refund.Reason.GOODWILL,
            requested_by="staff:1",
            now=now,
        )
        # Two clicks, now and then by two people.
        for _ in range(random.choice([1, 1, 2])):
            service.approve_refund(refund_id=refund.pk, approved_by="staff:2", now=now)
    except RefundRefused as refusal:
        storm.count(f"refused: {refusal.code}")
        return
    storm.count("approved")
    if random.random() < 0.85:
        _send_one(refund.operations.latest("number").pk)


def _send_one(operation_id: int) -> None:
    PaymentOperation.objects.filter(pk=operation_id).update(lease_until=None)
    refunding.send_refund(operation_id=operation_id)


def _send(storm: Storm, random: Random) -> None:
    """A worker, or a zombie beside it, takes an open operation."""
    rows = PaymentOperation.objects.filter(kind="refund", finished_at__isnull=True)
    keys = list(rows.order_by("-pk").values_list("pk", flat=True)[:30])
    if keys:
        _send_one(random.choice(keys))


def _tell(storm: Storm, random: Random) -> None:
    """A webhook, perhaps twice, perhaps with what was true a moment ago."""
    before = storm.stripe.change_somehow()
    if before is None or before.refund is None:
        return
    for _ in range(random.choice([1, 1, 2, 3])):
        apply_refund(answer=before, actor="webhook", now=timezone.now())
    storm.count("told by webhook")


def _mend(storm: Storm, random: Random) -> None:
    """Staff look at a failed refund: again, another way, or given up."""
    failed = Refund.objects.filter(state__in=["failed", "manual"]).exclude(reason="external")
    refund = failed.order_by("?").first()
    if refund is None:
        return
    now = timezone.now()
    try:
        if refund.state == "manual":
            refund_repairs.finish_manual(
                refund_id=refund.pk, finished_by="staff:2", reference="transfer", now=now
            )
            storm.count("paid back another way")
        elif random.random() < 0.7:
            refund_repairs.retry_refund(refund_id=refund.pk, retried_by="staff:2", now=now)
            storm.count("tried again")
        else:
            refund_repairs.start_manual(
                refund_id=refund.pk, started_by="staff:2", reason="closed card", now=now
            )
    except RefundRefused as refusal:
        storm.count(f"refused: {refusal.code}")


def _interfere(storm: Storm, random: Random) -> None:
    """Somebody refunds in the dashboard, or cancels a refund of ours before it leaves."""
    if random.random() < 0.1:
        storm.stripe.start_somewhere([f"pi_{key}" for key in storm.orders])
        return
    refund = Refund.objects.filter(state="approved").order_by("?").first()
    if refund is None or random.random() < 0.7:
        return
    with suppress(RefundRefused):
        service.cancel_refund(
            refund_id=refund.pk, cancelled_by="staff:2", reason="changed mind", now=timezone.now()
        )
        storm.count("cancelled in time")


def _settle(storm: Storm) -> None:
    """The wind drops: every open call gets its answer, every refund is looked up."""
    storm.stripe.is_calm = True
    storm.stripe.settle()
    for _ in range(3):
        rows = PaymentOperation.objects.filter(kind="refund", finished_at__isnull=True)
        for key in rows.values_list("pk", flat=True):
            _send_one(key)
        storm.stripe.settle()
        storm.stripe.fail_last()
        for order_id in storm.orders:
            refunding.look_up_refunds(intent_id=f"pi_{order_id}", actor="poller")


def _check(storm: Storm) -> Figures:
    """Our books, the database's own watch, and Stripe's: all agree, and nothing is open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM storm_breach")
        (breaches,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM storm_commits")
        (commits,) = cursor.fetchone()
    assert breaches == 0, f"{breaches} commits exceeded what was captured"
    assert not Refund.objects.filter(state__in=OPEN).exists()
    unexplained = 0
    for order_id in storm.orders:
        unexplained += _check_order(storm, order_id)
    failed = Refund.objects.filter(state__in=["failed", "manual"])
    cases = PaymentCase.objects.filter(kind="refund_failed", closed_at__isnull=True)
    assert failed.count() == cases.count(), (failed.count(), cases.count())
    return {
        "commits looked at": commits,
        "commits over the captured amount": breaches,
        "refunds at Stripe": len(storm.stripe.made),
        "calls of Stripe": len(storm.stripe.calls),
        **{f"in the end {state}": count for state, count in _states().items()},
        "failed refunds with an open case": cases.count(),
        "external refunds that wait as a case": unexplained,
    }


def _check_order(storm: Storm, order_id: int) -> int:
    attempt = PaymentAttempt.objects.get(order_id=order_id)
    account = OrderAccount.objects.get(order_id=order_id)
    own = list(Refund.objects.filter(order_id=order_id))
    refunded = sum(each.amount_minor for each in own if each.state == "succeeded")
    reserved = sum(each.amount_minor for each in own if each.state == "manual")
    for row in (attempt, account):
        assert (row.refunded_minor, row.refund_reserved_minor) == (refunded, reserved)
        assert refunded + reserved <= row.captured_minor == CAPTURED
    # What succeeded by Stripe is what Stripe gave back; what does not fit waits as a case.
    known = {each.stripe_refund_id: each for each in own if each.stripe_refund_id}
    waiting = 0
    for key in storm.stripe.by_intent[attempt.stripe_intent_id or ""]:
        shown = storm.stripe.made[key]
        if shown.status != "succeeded":
            continue
        found = known.get(shown.id)
        assert found is not None, f"{shown.id} is not in our books"
        if found.state == "external":
            waiting += 1
            assert PaymentCase.objects.filter(subject=shown.id, closed_at__isnull=True).exists()
        else:
            assert (found.state, found.amount_minor) == ("succeeded", shown.amount_minor)
    by_stripe = {key for key, each in known.items() if each.state == "succeeded"}
    assert by_stripe <= {
        key for key, shown in storm.stripe.made.items() if shown.status == "succeeded"
    }
    return waiting


def _states() -> Counter[str]:
    return Counter(Refund.objects.order_by("state").values_list("state", flat=True))
