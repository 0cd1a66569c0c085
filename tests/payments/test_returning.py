"""Whoever comes back from the bank while Stripe is silent is not asked to pay again."""

import pytest
from django.utils import timezone

from orders.models import Order
from payments.gateways.intents import Answer, Outcome
from payments.services.operations import check_attempt
from payments.services.returning import settle_return
from payments.states import AttemptState
from tests.payments.conftest import attempt_of, send
from tests.payments.fakes import LOST, FakeStripe

SILENCES = [LOST, Answer(Outcome.NOT_YET, code="breaker_open", retry_after=9.0)]


@pytest.fixture
def opened(browser_order: Order, stripe: FakeStripe) -> Order:
    """An order whose intent waits for the browser."""
    send(browser_order, "create")
    return browser_order


def come_back(order: Order) -> str:
    return settle_return(attempt_id=attempt_of(order).pk, now=timezone.now())


class TestReturn:
    def test_learns_what_stripe_says(self, opened: Order, stripe: FakeStripe) -> None:
        stripe.set(attempt_of(opened).stripe_intent_id or "", "requires_capture")

        assert come_back(opened) == AttemptState.AUTHORIZED

    @pytest.mark.parametrize("silence", SILENCES)
    def test_makes_the_outcome_unknown_while_stripe_is_silent(
        self, opened: Order, stripe: FakeStripe, silence: Answer
    ) -> None:
        stripe.instead["retrieve"].append(silence)

        assert come_back(opened) == AttemptState.UNKNOWN
        assert attempt_of(opened).next_check_at is not None

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("requires_capture", AttemptState.AUTHORIZED),
            ("requires_payment_method", AttemptState.CREATED),
        ],
    )
    def test_leaves_it_unknown_until_stripe_is_heard(
        self, opened: Order, stripe: FakeStripe, status: str, state: AttemptState
    ) -> None:
        stripe.instead["retrieve"].extend([LOST, LOST])
        assert [come_back(opened) for _ in range(2)] == [AttemptState.UNKNOWN] * 2
        stripe.set(attempt_of(opened).stripe_intent_id or "", status)

        check_attempt(attempt_id=attempt_of(opened).pk)

        assert attempt_of(opened).state == state

    def test_knows_that_nothing_was_confirmed_without_an_intent(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        assert come_back(browser_order) == AttemptState.CREATED

    def test_leaves_what_is_settled(self, opened: Order, stripe: FakeStripe) -> None:
        stripe.set(attempt_of(opened).stripe_intent_id or "", "requires_capture")
        come_back(opened)
        stripe.instead["retrieve"].append(LOST)

        assert come_back(opened) == AttemptState.AUTHORIZED
