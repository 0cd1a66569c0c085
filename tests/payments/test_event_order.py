"""All orders in which webhooks can come end alike: applied to PostgreSQL, with a Stripe that
moves on meanwhile."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import permutations, product
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from globalmart.core.models import Alert
from orders.models import Order
from payments import gateways
from payments.gateways.classification import classify_refund
from payments.gateways.intents import Notice
from payments.gateways.refunds import RefundAnswer, RefundList, StripeRefund
from payments.models import (
    LedgerEntry,
    OrderAccount,
    PaymentAttempt,
    PaymentCase,
    PaymentOperation,
    Refund,
    RefundItem,
    StripeEvent,
)
from payments.services import inbox
from payments.services.operations import look_up
from payments.services.planning import plan_cancel
from payments.services.refunds import Part, approve_refund, request_refund
from payments.states import AttemptState, RefundState
from tests.payments.conftest import attempt_of, authorize, send
from tests.payments.fakes import FakeStripe

IS_FULL = os.environ.get("GM_PROOF") == "full"
MOST_ORDERS = 6
CREATED = datetime(2026, 3, 1, tzinfo=UTC)
TOTAL = 2195


@dataclass(frozen=True, slots=True)
class Step:
    """What Stripe does next: the event that it sends, and how the object looks from then on."""

    type: str
    shows: Mapping[str, Any]


def step(type_: str, status: str, *, received: int = 0, error: str = "") -> Step:
    return Step(f"payment_intent.{type_}", {"status": status, "received": received, "error": error})


REQUIRES_ACTION = step("requires_action", "requires_action")
DECLINED = step("payment_failed", "requires_payment_method", error="card_declined")
PROCESSING = step("processing", "processing")
HELD = step("amount_capturable_updated", "requires_capture")
TAKEN = step("succeeded", "succeeded", received=TOTAL)
CANCELLED = step("canceled", "canceled")
# Stripe goes on showing the last decline of what is cancelled.
GIVEN_UP = step("canceled", "canceled", error="card_declined")
# Each life of an intent in the browser, as Stripe may tell it; the first event comes twice.
LIVES = {
    "declined, then paid after the bank's question": (DECLINED, REQUIRES_ACTION, HELD, TAKEN),
    "paid by a slow method": (REQUIRES_ACTION, PROCESSING, HELD, TAKEN),
    "cancelled before it was held": (REQUIRES_ACTION, CANCELLED),
    "declined and cancelled": (DECLINED, DECLINED, GIVEN_UP),
    "captured by somebody else at once": (REQUIRES_ACTION, TAKEN),
}
FAILED_LATE = (
    Step("refund.created", {"status": "pending"}),
    Step("refund.updated", {"status": "succeeded"}),
    Step("charge.refunded", {"status": "succeeded"}),
    Step("refund.failed", {"status": "failed"}),
)
REFUND_LIVES = {
    "succeeded": FAILED_LATE[:3],
    "succeeded, and failed weeks later": FAILED_LATE,
    "cancelled": (FAILED_LATE[0], Step("refund.updated", {"status": "canceled"})),
}
# Whether Stripe has gone on to the end before the first look, or shows what it told last.
IS_AHEAD = (False, True)
# Whether each event is applied as it comes, or all of them when the last has come.
IS_LATER = (False, True)


@dataclass
class Life:
    """Steps that Stripe takes, and the events of it that come, by index; the first one twice."""

    steps: Sequence[Step]
    show: Callable[[Mapping[str, Any]], None]
    object_type: str
    object_id: str
    intent_id: str
    at: int = -1

    def orders(self) -> list[tuple[int, ...]]:
        """Every order of the events, one of them doubled; of many orders only a part, unless the
        full size is wanted."""
        found = sorted(set(permutations([0, *range(len(self.steps))])))
        return found if IS_FULL else found[:: 1 + len(found) // MOST_ORDERS]

    def move_to(self, number: int) -> None:
        """Stripe has certainly done what it tells of; it never goes back."""
        self.at = max(self.at, number)
        self.show(self.steps[self.at].shows)

    def notice(self, number: int) -> Notice:
        type_ = self.steps[number].type
        is_charge = type_.startswith("charge.")
        return Notice(
            event_id=f"evt_{number}",
            type=type_,
            intent_id=self.intent_id,
            is_live=False,
            created=CREATED,
            object_type="charge" if is_charge else self.object_type,
            object_id="ch_ada" if is_charge else self.object_id,
        )

    def play(self, order: Sequence[int], *, is_ahead: bool, is_later: bool) -> None:
        """Let the events come in this order, and apply them."""
        self.at = -1
        for number in order:
            self.move_to(len(self.steps) - 1 if is_ahead else number)
            inbox.receive(notice=self.notice(number), now=timezone.now())
            if not is_later:
                apply_waiting()
        apply_waiting()


def apply_waiting() -> None:
    """Apply what waits, the newest first: the oldest first is what `is_later=False` does."""
    waiting = StripeEvent.objects.filter(done_at__isnull=True).order_by("-pk")
    for key in list(waiting.values_list("pk", flat=True)):
        inbox.apply_event(event_pk=key, now=timezone.now())
    assert not StripeEvent.objects.filter(done_at__isnull=True).exists()


@contextmanager
def undone() -> Iterator[None]:
    """Forget what is written inside; a savepoint, for that is no transaction of the code's own."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def books() -> dict[str, object]:
    """What has to be the same in the end: states, amounts, ledger, what is still to be done."""
    attempts = PaymentAttempt.objects.order_by("pk")
    accounts = OrderAccount.objects.order_by("pk")
    ledger = LedgerEntry.objects.values("account").annotate(sum=Sum("amount_minor"))
    operations = PaymentOperation.objects.order_by("pk").values_list("kind", "number", "state")
    return {
        "attempts": list(
            attempts.values_list(
                "number", "state", "authorized_minor", "captured_minor", "refunded_minor"
            )
        ),
        "accounts": list(
            accounts.values_list(
                "authorized_minor", "captured_minor", "refunded_minor", "refund_reserved_minor"
            )
        ),
        "ledger": {row["account"]: row["sum"] for row in ledger.order_by("account") if row["sum"]},
        "operations": list(operations),
        "refunds": list(
            Refund.objects.order_by("pk").values_list("state", "amount_minor", "stripe_refund_id")
        ),
        "open": sorted(
            [*Alert.objects.filter(closed_at=None).values_list("kind", flat=True)]
            + [*PaymentCase.objects.filter(closed_at=None).values_list("kind", flat=True)]
        ),
    }


def ends(life: Life) -> dict[str, list[str]]:
    """Play a life in every order and manner; return each end with the first ways to it."""
    found: dict[str, list[str]] = {}
    for order, is_ahead, is_later in product(life.orders(), IS_AHEAD, IS_LATER):
        with undone():
            life.play(order, is_ahead=is_ahead, is_later=is_later)
            found.setdefault(str(books()), []).append(f"{order} {is_ahead=} {is_later=}")
    return {end: ways[:3] for end, ways in found.items()}


def life_of_intent(order: Order, stripe: FakeStripe, steps: Sequence[Step]) -> Life:
    intent_id = attempt_of(order).stripe_intent_id or ""
    return Life(
        steps,
        lambda shows: stripe.intents[intent_id].update(shows),
        "payment_intent",
        intent_id,
        intent_id,
    )


@pytest.mark.django_db
class TestLifeOfAnIntent:
    @pytest.mark.parametrize("name", LIVES)
    def test_ends_alike_however_its_webhooks_come(
        self, name: str, browser_order: Order, stripe: FakeStripe
    ) -> None:
        send(browser_order, "create")
        life = life_of_intent(browser_order, stripe, LIVES[name])

        found = ends(life)

        assert len(found) == 1, found

    def test_ends_alike_where_we_cancel_a_hold(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        send(browser_order, "create")
        plan_cancel(order_id=browser_order.pk, now=timezone.now())
        # The call left, and its answer never came.
        cancels = PaymentOperation.objects.filter(kind="cancel")
        cancels.update(state="sent", first_sent_at=timezone.now())
        life = life_of_intent(browser_order, stripe, (REQUIRES_ACTION, HELD, CANCELLED))

        found = ends(life)

        assert len(found) == 1, found

    def test_differs_in_the_alert_alone_where_a_hold_is_lost(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        """That nobody has ever known of needs no alert."""
        send(browser_order, "create")
        life = life_of_intent(browser_order, stripe, (REQUIRES_ACTION, HELD, CANCELLED))

        found = ends(life)

        assert len({end.replace("'hold_lost'", "") for end in found}) == 1, found

    def test_ends_alike_in_all_orders_of_six_webhooks(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        """Five steps and a double: 360 orders, one after another."""
        send(browser_order, "create")
        steps = (REQUIRES_ACTION, DECLINED, PROCESSING, HELD, TAKEN)
        life = life_of_intent(browser_order, stripe, steps)

        found: set[str] = set()
        for order in life.orders():
            with undone():
                life.play(order, is_ahead=False, is_later=False)
                assert attempt_of(browser_order).state == AttemptState.CAPTURED
                found.add(str(books()))

        assert len(found) == 1, found

    def test_costs_one_look_up_where_all_events_wait(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        send(browser_order, "create")
        life = life_of_intent(browser_order, stripe, (REQUIRES_ACTION, DECLINED, HELD, TAKEN))
        for order in life.orders():
            calls = len(stripe.calls)
            with undone():
                life.play(order, is_ahead=True, is_later=True)
                assert len(stripe.calls) == calls + 1, order


class FakeRefunds:
    """One refund at Stripe; see RefundGateway."""

    def __init__(self) -> None:
        self.refund: StripeRefund | None = None
        self.looks = 0

    def show(self, shows: Mapping[str, Any]) -> None:
        assert self.refund is not None
        self.refund = replace(self.refund, **shows)

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer:
        raise AssertionError("nothing is sent here")

    def retrieve(self, *, refund_id: str) -> RefundAnswer:
        self.looks += 1
        assert self.refund is not None
        return RefundAnswer(classify_refund(status=self.refund.status), self.refund)

    def list_of_intent(self, *, intent_id: str) -> RefundList:
        self.looks += 1
        assert self.refund is not None
        return RefundList(True, (self.refund,))


@pytest.fixture
def refunds(monkeypatch: pytest.MonkeyPatch) -> FakeRefunds:
    fake = FakeRefunds()
    monkeypatch.setattr(gateways, "refunds", lambda: fake)
    return fake


@pytest.fixture
def captured(order: Order, stripe: FakeStripe) -> Order:
    """Ada's order, paid; Stripe's side of its refund is `refunds`."""
    authorize(order)
    intent_id = attempt_of(order).stripe_intent_id or ""
    stripe.set(intent_id, "succeeded", received=TOTAL)
    look_up(attempt_id=attempt_of(order).pk, actor="poller")
    assert attempt_of(order).state == AttemptState.CAPTURED
    return order


def life_of_refund(order: Order, refunds: FakeRefunds, steps: Sequence[Step]) -> Life:
    intent_id = attempt_of(order).stripe_intent_id or ""
    refunds.refund = StripeRefund(
        "re_ada", "pending", 500, "GBP", intent_id, balance_transaction="txn_ada"
    )
    return Life(steps, refunds.show, "refund", "re_ada", intent_id)


@pytest.mark.django_db
class TestLifeOfARefund:
    @pytest.mark.parametrize("name", REFUND_LIVES)
    def test_ends_alike_where_the_answer_to_ours_was_lost(
        self, name: str, captured: Order, refunds: FakeRefunds
    ) -> None:
        life = life_of_refund(captured, refunds, REFUND_LIVES[name])
        self.ask(captured, refunds)

        found = ends(life)

        assert len(found) == 1, found

    @pytest.mark.parametrize("name", REFUND_LIVES)
    def test_ends_alike_where_somebody_made_it_in_the_dashboard(
        self, name: str, captured: Order, refunds: FakeRefunds
    ) -> None:
        life = life_of_refund(captured, refunds, REFUND_LIVES[name])

        found = ends(life)

        assert len(found) == 1, found

    def ask(self, order: Order, refunds: FakeRefunds) -> None:
        """Ada gets 5.00 back; the call was sent, and Stripe's answer never came."""
        now = timezone.now()
        refund = request_refund(
            order_id=order.pk,
            items=[Part(RefundItem.Kind.AMOUNT, 500)],
            reason=Refund.Reason.GOODWILL,
            requested_by="staff:1",
            now=now,
        )
        approve_refund(refund_id=refund.pk, approved_by="staff:2", now=now)
        Refund.objects.update(state=RefundState.PROCESSING)
        operation = PaymentOperation.objects.get(kind="refund")
        PaymentOperation.objects.filter(pk=operation.pk).update(state="sent", first_sent_at=now)
        assert refunds.refund is not None
        refunds.refund = replace(refunds.refund, metadata={"operation_id": str(operation.uuid)})
