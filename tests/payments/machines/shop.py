"""One order in PostgreSQL, and what two connections may do about its money at the same time.

All that is done here is done by the production's services; only Stripe and the clock are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import F, Sum
from django.utils import timezone

from globalmart.core.db import is_lock_timeout
from globalmart.core.failpoints import Crash
from globalmart.core.models import Alert
from orders.models import Order
from orders.services import lifecycle, payment
from orders.services.payment import CoolDown, NotPayable
from payments.gateways.intents import Notice
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
from payments.services import inbox, operations, planning, refunding, refunds
from payments.services.ledger import HOLDS, SALES
from payments.services.refund_books import RefundRefused
from tests import builders
from tests.payments.machines import promises
from tests.payments.machines.gateway import REAL_NOW, Clock
from tests.payments.machines.stripe import Stripe

# What an act may answer instead of doing its work.
REFUSALS = (CoolDown, NotPayable, RefundRefused, LookupError, Crash)


@dataclass
class Shop:
    """Ada's order, and the acts that know what is there when they begin."""

    order: Order
    stripe: Stripe
    clock: Clock
    watch: promises.Watch = field(default_factory=promises.Watch)
    # Intents whose secret the customer's browser has.
    secrets: set[str] = field(default_factory=set)

    # --- acts: each looks for its subject at once and returns what is to be done, or None ------

    def send(self, pick: int) -> Callable[[], Any] | None:
        """A worker, or another beside it, sends an operation."""
        rows = self._operations().filter(finished_at=None, refund=None)
        key = _pick(rows.values_list("pk", flat=True), pick)
        return key and (lambda: _lease_and_send(key))

    def check(self, pick: int) -> Callable[[], Any] | None:
        """The poller looks an attempt up."""
        key = _pick(self._attempts().values_list("pk", flat=True), pick)
        return key and (lambda: operations.check_attempt(attempt_id=key))

    def webhook(self, pick: int) -> Callable[[], Any] | None:
        """A webhook comes, perhaps once more, and is applied."""
        number = _pick(list(range(1, len(self.stripe.events) + 1)), pick)
        if not number:
            return None
        event = self.stripe.events[number - 1]
        notice = Notice(
            event_id=f"evt_{self.order.pk}_{number}",
            type=event.type,
            intent_id=event.intent_id,
            is_live=False,
            created=builders.NOON,
            object_type="payment_intent",
            object_id=event.intent_id,
        )

        def apply() -> None:
            inbox.receive(notice=notice, now=timezone.now())
            stored = StripeEvent.objects.get(event_id=notice.event_id)
            inbox.apply_event(event_pk=stored.pk, now=timezone.now())

        return apply

    def page(self, pick: int) -> Callable[[], Any]:
        """The customer opens the page to pay."""
        key = self.order.pk

        def show() -> None:
            found = payment.start_browser_payment(order_id=key, now=timezone.now())
            if found.client_secret:
                self.secrets.add(found.client_secret)

        return show

    def back(self, pick: int) -> Callable[[], Any] | None:
        """The customer comes back and says that it is paid."""
        uuid = _pick(self._attempts().values_list("uuid", flat=True), pick)
        return uuid and (lambda: payment.settle_return(attempt_uuid=uuid, now=timezone.now()))

    def confirm(self, pick: int) -> Callable[[], Any]:
        """The order hears of its money."""
        key = self.order.pk
        return lambda: lifecycle.confirm_order(order_id=key, actor="stripe", now=timezone.now())

    def expire(self, pick: int) -> Callable[[], Any]:
        """The sweeper ends the order if it is overdue."""
        key = self.order.pk
        return lambda: lifecycle.expire_order(order_id=key, now=timezone.now())

    def pay_again(self, pick: int) -> Callable[[], Any]:
        """An attempt has ended: the same card once more, perhaps."""
        key = self.order.pk
        return lambda: payment.pay_again(order_id=key, now=timezone.now())

    def capture(self, pick: int) -> Callable[[], Any] | None:
        """Goods leave."""
        self.order.refresh_from_db()
        if self.order.state != "confirmed":
            return None
        key, total = self.order.pk, self.order.total_minor
        amount = (total // 3, total // 2, total)[pick % 3]
        return lambda: planning.plan_capture(order_id=key, now=timezone.now(), amount_minor=amount)

    def cancel(self, pick: int) -> Callable[[], Any] | None:
        """Whoever is about to pay does not want to any more."""
        self.order.refresh_from_db()
        if self.order.state != "pending_payment":
            return None
        key = self.order.pk
        return lambda: planning.plan_cancel(order_id=key, now=timezone.now())

    def refund(self, pick: int) -> Callable[[], Any] | None:
        """Staff give some of the captured money back."""
        key = self.order.pk
        if not self._attempts().filter(captured_minor__gt=0).exists():
            return None

        def give() -> None:
            refund = refunds.request_refund(
                order_id=key,
                items=[refunds.Part(RefundItem.Kind.AMOUNT, 500)],
                reason=Refund.Reason.GOODWILL,
                requested_by="staff:1",
                now=timezone.now(),
            )
            refunds.approve_refund(refund_id=refund.pk, approved_by="staff:2", now=timezone.now())

        return give

    def send_refund(self, pick: int) -> Callable[[], Any] | None:
        """A worker sends a refund."""
        rows = self._operations().filter(finished_at=None, refund__isnull=False)
        key = _pick(rows.values_list("pk", flat=True), pick)
        return key and (lambda: refunding.send_refund(operation_id=key))

    # --- around them -----------------------------------------------------------------------------

    def _attempts(self) -> Any:
        return PaymentAttempt.objects.filter(order=self.order).order_by("pk")

    def _operations(self) -> Any:
        return PaymentOperation.objects.filter(attempt__order=self.order).order_by("pk")

    def judge(self, result: Any) -> str:
        """Return a word for how an act ended. Raises what must not happen, deadlocks included."""
        if not isinstance(result, BaseException):
            return "done"
        if isinstance(result, REFUSALS):
            return type(result).__name__
        if is_lock_timeout(result):
            return "busy"
        raise result

    def check_promises(self) -> None:
        """Look at the promises as they are committed now."""
        self.watch.check(self._books(), self.stripe)
        captured = self._attempts().aggregate(sum=Sum("captured_minor"))["sum"] or 0
        account = OrderAccount.objects.get(order=self.order)
        assert account.refunded_minor + account.refund_reserved_minor <= captured

    def _books(self) -> promises.Books:
        attempts = list(self._attempts())
        entries = LedgerEntry.objects.filter(order=self.order).values_list("attempt_id", "account")
        sums = {row[:2]: row[2] for row in entries.annotate(sum=Sum("amount_minor"))}
        return promises.Books(
            OrderAccount.objects.get(order=self.order),
            attempts,
            list(self._operations().filter(refund=None).select_related("attempt")),
            {each.pk: sums.get((each.pk, HOLDS), 0) for each in attempts},
            {each.pk: -sums.get((each.pk, SALES), 0) for each in attempts},
            {key for key, _ in sums},
        )

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.ahead += timedelta(seconds=seconds)
        self.stripe.move_to(self.clock.now())

    def settle(self) -> None:
        """Faults stop, everything comes to its end, and what must hold then is looked at."""
        self.wait(2_000)
        for _ in range(30):
            self._work_all()
            is_due = self._operations().filter(due_at__isnull=False).exists()
            if not is_due and not self._attempts().filter(next_check_at__isnull=False).exists():
                break
            self.wait(301)
        else:
            raise AssertionError("it never came to rest")
        self.order.refresh_from_db()
        subject = {"subject_type": "order", "subject_id": self.order.pk}
        promises.check_end(
            self._books(),
            self.stripe,
            state=self.order.state,
            alerts=set(Alert.objects.filter(**subject).values_list("kind", flat=True)),
            cases=set(PaymentCase.objects.filter(order=self.order).values_list("kind", flat=True)),
        )

    def _work_all(self) -> None:
        for intent_id in self.stripe.waiting_for_bank():
            self.stripe.hear_bank(intent_id, is_good=False)
        for row in list(self._operations().filter(finished_at=None)):
            if row.refund_id is None:
                _lease_and_send(row.pk)
            else:
                refunding.send_refund(operation_id=row.pk)
        for attempt in list(self._attempts().exclude(stripe_intent_id=None)):
            operations.check_attempt(attempt_id=attempt.pk)
        now = timezone.now()
        lifecycle.confirm_order(order_id=self.order.pk, actor="stripe", now=now)
        lifecycle.expire_order(order_id=self.order.pk, now=now)
        self.check_promises()


def _lease_and_send(key: int) -> None:
    """As a worker whose predecessor's lease has ended, or has died with it."""
    token, until = uuid4(), timezone.now() + timedelta(seconds=45)
    PaymentOperation.objects.filter(pk=key).update(
        lease_token=token, lease_until=until, tries=F("tries") + 1
    )
    operations.send_operation(operation_id=key, token=token)


def open_shop(*, stripe_of: Callable[[datetime], Stripe], clock: Clock, card: str) -> Shop:
    """Place Ada's order of one mug, in a shop that is open."""
    order = builders.place(key=str(REAL_NOW().timestamp()), payment_method=card)
    return Shop(order, stripe_of(clock.now()), clock)


def _pick(things: Any, number: int) -> Any:
    found = list(things)
    return found[number % len(found)] if found else None
