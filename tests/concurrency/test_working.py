"""Two workers, two relays, two answers at once: each effect happens once."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from globalmart.core import choreography, idempotency, jobs
from globalmart.core.models import Delivery, OutboxEvent, TimelineEntry
from orders.models import Order
from payments.gateways.intents import Answer, Outcome
from payments.models import LedgerEntry, OrderAccount, PaymentAttempt, PaymentOperation
from payments.services.outcomes import apply_outcome
from payments.services.planning import plan_capture
from payments.states import AttemptState
from tests import builders
from tests.builders import answer, intent
from tests.concurrency.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8
AUTHORIZED = answer(Outcome.AUTHORIZED, intent("requires_capture", amount_minor=2195))


@pytest.fixture
def order(transactional_db: None) -> Order:
    builders.open_shop()
    builders.add_product(on_hand=100)
    return builders.place()


def authorize(order: Order) -> str:
    return tell(PaymentAttempt.objects.get(order=order).pk, AUTHORIZED)


def tell(attempt_id: int, told: Answer) -> str:
    return apply_outcome(attempt_id=attempt_id, answer=told, actor="stripe", now=timezone.now())


class TestClaim:
    def test_gives_two_workers_different_rows(self, order: Order) -> None:
        for _ in range(19):
            builders.place()

        def claim() -> list[int]:
            rows = PaymentOperation.objects.all()
            return rows.claim(now=timezone.now(), limit=10, lease_seconds=60)

        first, second = race(claim, claim)

        assert not set(first) & set(second)
        rest = claim()
        assert len(first) + len(second) + len(rest) == 20

    def test_gives_a_leased_row_to_nobody_until_the_lease_ends(self, order: Order) -> None:
        rows, now = PaymentOperation.objects.all(), timezone.now()
        (key,) = rows.claim(now=now, limit=9, lease_seconds=60)
        token = rows.get(pk=key).lease_token

        assert rows.claim(now=now, limit=9, lease_seconds=60) == []
        later = now + timedelta(seconds=61)
        assert rows.claim(now=later, limit=9, lease_seconds=60) == [key]
        assert not rows.get(pk=key).is_held_by(token)
        assert rows.get(pk=key).tries == 2

    def test_gives_each_lease_a_token_of_its_own(self, order: Order) -> None:
        rows, now = PaymentOperation.objects.all(), timezone.now()
        (first,) = rows.lease(now=now, limit=9, lease_seconds=60)
        (second,) = rows.lease(now=now + timedelta(seconds=61), limit=9, lease_seconds=60)

        assert first.key == second.key
        assert not rows.get(pk=first.key).is_held_by(first.token)
        assert rows.get(pk=second.key).is_held_by(second.token)


class TestApplyOutcome:
    def test_books_once_for_two_answers_at_once(self, order: Order) -> None:
        found = race(*[lambda: authorize(order)] * 4)

        assert found == ["authorized"] * 4
        assert OrderAccount.objects.get().authorized_minor == 2195
        assert LedgerEntry.objects.count() == 2
        assert OutboxEvent.objects.filter(name="payment.authorized").count() == 1

    def test_lets_one_attempt_take_late_money_over_for_two_answers_at_once(
        self, order: Order
    ) -> None:
        for number in range(ROUNDS):
            late = builders.place()
            PaymentAttempt.objects.filter(order=late).update(
                state=AttemptState.CANCELLED, stripe_intent_id=f"pi_{number}"
            )
            dead = PaymentAttempt.objects.get(order=late)
            held = intent("requires_capture", amount_minor=2195, id=f"pi_{number}")

            found = race(*[partial(tell, dead.pk, answer(Outcome.AUTHORIZED, held))] * 4)

            assert sorted(found) == ["authorized"] * 3 + ["cancelled"]
            heir = PaymentAttempt.objects.filter(order=late).latest("pk")
            assert (heir.number, heir.stripe_intent_id) == (2, f"pi_{number}")
            assert OrderAccount.objects.get(order=late).authorized_minor == 2195


class TestPlanCapture:
    def test_plans_one_for_two_tellings_at_once(self, order: Order) -> None:
        authorize(order)

        found = race(*[lambda: plan_capture(order_id=order.pk, now=timezone.now())] * 4)

        assert found == [None] * 4
        assert PaymentOperation.objects.filter(kind="capture").count() == 1


class TestDeliver:
    def test_runs_a_consumer_once_for_two_workers_at_once(
        self, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authorize(order)
        event = OutboxEvent.objects.get(name="payment.authorized")
        (consumer,) = choreography.wiring().consumers[event.name]
        delivery = Delivery.objects.create(
            event=event, consumer=consumer.handler, queue=consumer.queue, due_at=timezone.now()
        )

        race(*[lambda: jobs.handle(delivery_id=delivery.pk)] * 2)

        assert Delivery.objects.get().state == Delivery.State.DONE
        assert TimelineEntry.objects.filter(kind="order.confirmed").count() == 1


class TestIdempotencyKey:
    def test_is_busy_while_the_first_sender_does_not_finish(self, order: Order) -> None:
        key = uuid4().hex
        with transaction.atomic():
            idempotency.claim(scope="api:1", key=key, request_hash="hash")

            def second() -> object:
                with transaction.atomic():
                    return idempotency.claim(scope="api:1", key=key, request_hash="hash")

            (found,) = race(second)

        assert isinstance(found, idempotency.KeyBusy)
