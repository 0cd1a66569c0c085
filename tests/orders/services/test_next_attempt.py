"""After an attempt has ended: the same card again, the next card at once, or a pause."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from fulfillment.models import Fulfillment
from orders import jobs
from orders.models import Order
from orders.queries.holds import is_held
from orders.queries.payable import get_payable
from orders.queries.tracking import track
from orders.services.payment import CoolDown, pay_again, start_browser_payment
from payments import gateways
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.operations import check_attempt, send_operation
from payments.states import AttemptState
from tests import builders
from tests.payments.conftest import attempt_of, authorize, send
from tests.payments.fakes import DECLINING, FakeStripe

LOST = Answer(Outcome.UNKNOWN, code="api_error")


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def order(db: None, stripe: FakeStripe) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


def give_up(order: Order, stripe: FakeStripe) -> None:
    """Stripe answers the confirmation with a 500, and replays it."""
    send(order, "create")
    stripe.instead["confirm"].extend([LOST, replace(LOST, is_replayed=True)])
    send(order, "confirm")
    send(order, "confirm")
    send(order, "cancel")


def pay_twice(order: Order, stripe: FakeStripe) -> tuple[PaymentAttempt, PaymentAttempt]:
    """The first try, given up, shows money while the second is live.

    Return the second, and the one whose money goes back.
    """
    give_up(order, stripe)
    first = attempt_of(order)
    tell_closed(order)
    stripe.set(first.stripe_intent_id or "", "requires_capture")
    check_attempt(attempt_id=first.pk)
    late = PaymentAttempt.objects.get(purpose__startswith="late:")
    check_attempt(attempt_id=late.pk)
    return PaymentAttempt.objects.get(purpose="order", number=2), late


def work(attempt: PaymentAttempt, *kinds: str) -> None:
    """Send the attempt's own operations, one after another."""
    for kind in kinds:
        send_operation(operation_id=attempt.operations.get(kind=kind).pk)


def states() -> list[str]:
    return list(PaymentAttempt.objects.order_by("pk").values_list("state", flat=True))


def tell_closed(order: Order) -> None:
    jobs.on_payment_closed(event_id=order.pk, subject_id=order.pk)


class TestPayAgain:
    def test_tries_the_same_card_where_stripe_could_not_answer(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        give_up(order, stripe)

        tell_closed(order)
        tell_closed(order)

        again = attempt_of(order)
        assert (again.number, again.mode, again.state) == (2, "server", "created")
        assert again.payment_method == "pm_card_visa"
        creations = PaymentOperation.objects.filter(kind="create").order_by("pk")
        assert len({row.idempotency_key for row in creations}) == 2

    def test_leaves_a_declined_card_to_the_customer(self, order: Order, stripe: FakeStripe) -> None:
        PaymentOperation.objects.filter(kind="confirm").update(
            request={"payment_method": DECLINING}
        )
        for kind in ("create", "confirm", "cancel"):
            send(order, kind)

        tell_closed(order)

        assert attempt_of(order).state == AttemptState.FAILED

    def test_leaves_a_hold_that_somebody_else_cancelled(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        stripe.set(attempt_of(order).stripe_intent_id or "", "canceled")
        check_attempt(attempt_id=attempt_of(order).pk)

        tell_closed(order)

        assert attempt_of(order).state == AttemptState.CANCELLED
        assert PaymentAttempt.objects.count() == 1

    def test_leaves_a_card_that_was_declined_late(self, order: Order, stripe: FakeStripe) -> None:
        """What we gave up showed money, and was then declined: that card has had its answer."""
        give_up(order, stripe)
        dead = attempt_of(order)
        intent_id = dead.stripe_intent_id or ""
        stripe.set(intent_id, "requires_capture")
        check_attempt(attempt_id=dead.pk)
        stripe.set(intent_id, "requires_payment_method", error="card_declined")
        heir = attempt_of(order)
        check_attempt(attempt_id=heir.pk)
        work(heir, "cancel")

        tell_closed(order)

        assert attempt_of(order).state == AttemptState.FAILED
        assert PaymentAttempt.objects.count() == 2

    def test_leaves_a_card_whose_decline_came_to_light_with_our_cancel(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.before["cancel"] = lambda: stripe.set(
            attempt_of(order).stripe_intent_id or "",
            "requires_payment_method",
            error="card_declined",
        )
        give_up(order, stripe)

        tell_closed(order)

        assert attempt_of(order).state == AttemptState.FAILED
        assert PaymentAttempt.objects.count() == 1

    def test_leaves_a_declined_card_though_late_money_went_back_after_it(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        second, late = pay_twice(order, stripe)
        PaymentOperation.objects.filter(attempt=second, kind="confirm").update(
            request={"payment_method": DECLINING}
        )
        work(second, "create", "confirm", "cancel")
        work(late, "cancel")

        tell_closed(order)

        assert states() == ["cancelled", "failed", "cancelled"]

    def test_tries_again_though_late_money_went_back_after_it(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        second, late = pay_twice(order, stripe)
        stripe.instead["confirm"].extend([LOST, replace(LOST, is_replayed=True)])
        work(second, "create", "confirm", "confirm", "cancel")
        work(late, "cancel")

        tell_closed(order)

        assert states() == ["cancelled", "cancelled", "cancelled", "created"]

    @pytest.mark.parametrize("changes", [{"number": 5}, {"declines": 5}])
    def test_starts_nothing_where_too_much_was_tried(
        self, order: Order, stripe: FakeStripe, changes: dict[str, int]
    ) -> None:
        give_up(order, stripe)
        PaymentAttempt.objects.update(**changes)

        tell_closed(order)

        assert PaymentAttempt.objects.count() == 1

    def test_starts_nothing_after_the_deadline(self, order: Order, stripe: FakeStripe) -> None:
        give_up(order, stripe)

        pay_again(order_id=order.pk, now=timezone.now() + timedelta(hours=1))

        assert PaymentAttempt.objects.count() == 1


class TestStartBrowserPayment:
    def test_takes_the_next_card_at_once_after_a_decline(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        PaymentOperation.objects.filter(kind="confirm").update(
            request={"payment_method": DECLINING}
        )
        for kind in ("create", "confirm"):
            send(order, kind)

        begun = start_browser_payment(order_id=order.pk, now=timezone.now())

        assert begun.client_secret is not None
        assert attempt_of(order).number == 2
        assert PaymentAttempt.objects.get(number=1).state == AttemptState.FAILED

    def test_pauses_after_five_declines(self, order: Order, stripe: FakeStripe) -> None:
        PaymentAttempt.objects.update(
            state=AttemptState.FAILED, declines=5, state_changed_at=timezone.now()
        )

        with pytest.raises(CoolDown) as refused:
            start_browser_payment(order_id=order.pk, now=timezone.now())

        later = refused.value.until + timedelta(seconds=1)
        assert start_browser_payment(order_id=order.pk, now=later).client_secret is not None


class TestLostHold:
    def test_lets_the_customer_pay_again_and_then_the_goods_go(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        jobs.on_payment_authorized(event_id=UUID(int=1), subject_id=order.pk)
        order.refresh_from_db()
        assert not get_payable(order=order).is_open
        stripe.set(attempt_of(order).stripe_intent_id or "", "canceled")
        check_attempt(attempt_id=attempt_of(order).pk)
        jobs.on_payment_hold_lost(event_id=UUID(int=2), subject_id=order.pk)

        page = track(order=order, now=timezone.now())
        begun = start_browser_payment(order_id=order.pk, now=timezone.now())
        stripe.set(attempt_of(order).stripe_intent_id or "", "requires_capture")
        check_attempt(attempt_id=attempt_of(order).pk)
        jobs.on_payment_authorized(event_id=UUID(int=3), subject_id=order.pk)

        assert (page.headline, page.can_pay) == ("We need another payment", True)
        assert begun.client_secret is not None
        assert not is_held(order_id=order.pk)
        assert Fulfillment.objects.get().state == "ready"
        assert not get_payable(order=order).is_open
