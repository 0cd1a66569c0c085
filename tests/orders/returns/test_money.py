"""What comes back is paid back to the last minor unit, when the money is ours to give."""

import random
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.utils import timezone

from globalmart.core.models import Alert
from orders.models import Order, OrderHold, OrderLine
from orders.services.refunds import Selection, request_refund
from orders.services.returns import refunding
from orders.services.returns.steps import CannotReturn
from payments.models import Dispute, OrderAccount, PaymentAttempt
from payments.services.refunds import Reason
from tests.orders.house import pay
from tests.orders.returns import story
from tests.orders.returns.story import CUP, MUG, STAFF


@pytest.fixture
def disputed(shipped: Order) -> Dispute:
    attempt = PaymentAttempt.objects.get()
    return Dispute.objects.create(
        stripe_id="dp_ada",
        order=shipped,
        attempt=attempt,
        currency="GBP",
        amount_minor=3695,
        state="needs_response",
        reason="fraudulent",
        opened_at=timezone.now(),
        state_changed_at=timezone.now(),
    )


class TestMoney:
    @pytest.mark.parametrize("seed", range(3))
    def test_sums_to_what_was_paid_however_it_comes_back(self, shipped: Order, seed: int) -> None:
        OrderLine.objects.filter(sku=CUP).update(total_minor=1498, discount_minor=2)
        dice = random.Random(seed)
        units = [MUG, MUG, CUP, CUP, CUP]
        dice.shuffle(units)
        while units:
            sku = units.pop()
            rma = story.ask(shipped, {sku: 1})
            story.arrive(rma, sku, 1)
            story.accept(rma)
            assert rma.state == "closed"
        assert sum(amount for _state, amount in story.refunds(shipped)) == 1800 + 1498
        assert story.returned(shipped) == {MUG: 2, CUP: 3}

    def test_is_never_more_than_is_left_of_the_payment(self, shipped: Order) -> None:
        OrderAccount.objects.update(captured_minor=2000)
        PaymentAttempt.objects.update(captured_minor=2000)
        for sku, count in ((MUG, 2), (CUP, 3)):
            rma = story.ask(shipped, {sku: count})
            story.arrive(rma, sku, count)
            story.accept(rma)
        assert sum(amount for _state, amount in story.refunds(shipped)) == 2000

    def test_of_two_payments_goes_back_by_both(self, shipped: Order) -> None:
        first = PaymentAttempt.objects.get()
        PaymentAttempt.objects.update(captured_minor=2000, authorized_minor=2000)
        first.pk, first.uuid, first.number, first.purpose = None, uuid4(), 2, "edit:1"
        first.captured_minor = first.authorized_minor = 1695
        first.stripe_intent_id = "pi_second"
        first.save()
        rma = story.ask(shipped, {MUG: 2, CUP: 3})
        story.arrive(rma, MUG, 2)
        story.arrive(rma, CUP, 3)
        story.accept(rma)
        assert sum(amount for _state, amount in story.refunds(shipped)) == 1800 + 1500
        for row in PaymentAttempt.objects.all():
            assert row.refunded_minor + row.refund_reserved_minor <= row.captured_minor

    def test_waits_for_the_bank_and_then_goes_back(self, shipped: Order, disputed: Dispute) -> None:
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        story.accept(rma)
        assert (rma.state, story.refunds(shipped)) == ("inspected", [])
        assert story.returned(shipped)[MUG] == 1

        Dispute.objects.update(state="won")
        for _ in range(2):
            refunding.go_on(order_id=shipped.pk, now=timezone.now())
        pay()
        rma.refresh_from_db()
        assert (rma.state, story.refunds(shipped)) == ("closed", [("succeeded", 900)])

    def test_of_a_lost_dispute_is_a_persons_to_close(
        self, shipped: Order, disputed: Dispute
    ) -> None:
        Dispute.objects.update(state="lost")
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        story.accept(rma)
        assert (rma.state, story.refunds(shipped)) == ("inspected", [])

        settle = refunding.settle_without_refund
        with pytest.raises(CannotReturn):
            settle(return_id=rma.pk, actor=STAFF, now=timezone.now(), reason=" ")
        assert settle(return_id=rma.pk, actor=STAFF, now=timezone.now(), reason="chargeback")
        assert not settle(return_id=rma.pk, actor=STAFF, now=timezone.now(), reason="again")
        rma.refresh_from_db()
        assert (rma.state, story.refunds(shipped)) == ("closed", [])
        assert not OrderHold.objects.exists()
        assert not Alert.objects.filter(kind="return_unmatched").exists()


class TestRefundsByHand:
    @pytest.fixture
    def by_hand(self, shipped: Order) -> Callable[[Reason], None]:
        def refund(reason: Reason) -> None:
            request_refund(
                order_id=shipped.pk,
                selection=Selection(quantities={story.positions(shipped)[MUG]: 1}),
                reason=reason,
                requested_by=STAFF,
                now=timezone.now(),
                approve=True,
            )
            pay()

        return refund

    @pytest.mark.parametrize("reason", [Reason.RETURNED, Reason.REQUESTED])
    def test_ahead_of_the_goods_are_not_given_twice(
        self, shipped: Order, by_hand: Callable[[Reason], None], reason: Reason
    ) -> None:
        by_hand(reason)
        for so_far in (900, 1800):
            rma = story.ask(shipped, {MUG: 1})
            story.arrive(rma, MUG, 1)
            story.accept(rma)
            assert (rma.state, story.refunded(shipped)) == ("closed", so_far)

    def test_as_goodwill_are_something_else(
        self, shipped: Order, by_hand: Callable[[Reason], None]
    ) -> None:
        by_hand(Reason.GOODWILL)
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        story.accept(rma)
        assert story.refunded(shipped) == 1800
