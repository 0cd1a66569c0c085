"""Stripe's webhooks: checked, stored once, applied by looking the intent up."""

import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from globalmart.core.models import Alert, OutboxEvent
from orders.models import Order
from payments import webhooks
from payments.gateways.intents import Answer, BadSignature, Notice, Outcome
from payments.models import PaymentAttempt, StripeEvent
from payments.queries import has_due_webhooks
from payments.services import disputes, inbox, refunding
from payments.services.operations import send_operation
from payments.states import AttemptState
from tests.payments.conftest import attempt_of, make_due, send
from tests.payments.fakes import FakeStripe

ADDRESS = "/webhooks/stripe/"
CREATED = datetime(2026, 3, 1, tzinfo=UTC)


def notice(
    intent_id: str = "pi_ada", type_: str = "payment_intent.canceled", **more: object
) -> Notice:
    values = {"event_id": "evt_ada", "is_live": False, "created": CREATED, **more}
    return Notice(type=type_, intent_id=intent_id, **values)  # type: ignore[arg-type]


def body(**changes: object) -> bytes:
    event = {
        "id": "evt_ada",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "created": int(CREATED.timestamp()),
        "data": {"object": {"object": "payment_intent", "id": "pi_ada"}},
    }
    return json.dumps({**event, **changes}).encode()


def signature(payload: bytes, *, age: float = 0, secret: str = "", scheme: str = "v1") -> str:
    stamp = int(time.time() - age)
    key = (secret or settings.STRIPE_WEBHOOK_SECRET).encode()
    digest = hmac.new(key, f"{stamp}.".encode() + payload, sha256).hexdigest()
    return f"t={stamp},{scheme}={digest}"


@pytest.fixture
def known(order: Order, stripe: FakeStripe) -> Order:
    """Ada's order, authorized."""
    send_operation(operation_id=make_due(order, "create").pk)
    send_operation(operation_id=make_due(order, "confirm").pk)
    return order


def intent_id(order: Order) -> str:
    return attempt_of(order).stripe_intent_id or ""


class TestRead:
    def test_takes_what_stripe_signed(self) -> None:
        found = inbox.read(payload=body(), signature=signature(body()))

        assert (found.event_id, found.intent_id) == ("evt_ada", "pi_ada")
        assert found.type == "payment_intent.succeeded"
        assert found.created == CREATED

    def test_finds_the_intent_of_a_charge(self) -> None:
        payload = body(data={"object": {"object": "charge", "id": "ch", "payment_intent": "pi_x"}})

        assert inbox.read(payload=payload, signature=signature(payload)).intent_id == "pi_x"

    @pytest.mark.parametrize("header", ["", "nonsense", "t=,v1=", "t=1795367867", "v1=abc"])
    def test_refuses_what_is_no_signature(self, header: str) -> None:
        with pytest.raises(BadSignature):
            inbox.read(payload=body(), signature=header)

    @pytest.mark.parametrize(
        "forged",
        [
            {"age": 301},
            {"age": -90},
            {"secret": "whsec_of_grace"},
            {"scheme": "v0"},
            {"payload": body(created=1)},
        ],
    )
    def test_refuses_what_is_old_from_the_future_or_of_another(self, forged: dict) -> None:
        with pytest.raises(BadSignature):
            inbox.read(payload=body(), signature=signature(**{"payload": body(), **forged}))

    @pytest.mark.parametrize(
        "payload",
        [b"", b"{", b"\xff", b"{}", b"[]", b"7", body(data={}), body(data={"object": []})],
    )
    def test_refuses_what_is_no_event_though_signed(self, payload: bytes) -> None:
        with pytest.raises(BadSignature):
            inbox.read(payload=payload, signature=signature(payload))


@pytest.mark.django_db
class TestReceive:
    def test_stores_an_event_once(self, known: Order) -> None:
        told = notice(intent_id(known))
        inbox.receive(notice=told, now=timezone.now())
        inbox.receive(notice=told, now=timezone.now())

        assert StripeEvent.objects.get().due_at is not None

    def test_rings_at_once_where_the_browser_confirms(self, browser_order: Order) -> None:
        send(browser_order, "create")
        told = notice(intent_id(browser_order))
        inbox.receive(notice=told, now=timezone.now())
        inbox.receive(notice=told, now=timezone.now())

        assert has_due_webhooks(now=timezone.now())
        assert OutboxEvent.objects.filter(name="payment.webhook_received").count() == 1

    def test_gives_the_direct_answer_a_head_start_where_we_confirm(self, known: Order) -> None:
        inbox.receive(notice=notice(intent_id(known)), now=timezone.now())

        later = timezone.now() + inbox.DIRECT_ANSWER_HEAD_START
        assert not has_due_webhooks(now=timezone.now())
        assert has_due_webhooks(now=later)
        assert not OutboxEvent.objects.filter(name="payment.webhook_received").exists()

    @pytest.mark.parametrize(
        ("type_", "is_due"),
        [
            ("payment_intent.requires_action", False),
            ("payment_intent.amount_capturable_updated", False),
            ("payment_intent.succeeded", True),
            ("payment_intent.canceled", True),
            ("customer.created", False),
        ],
    )
    def test_works_only_on_what_can_add_something(
        self, known: Order, type_: str, is_due: bool
    ) -> None:
        inbox.receive(notice=notice(intent_id(known), type_), now=timezone.now())

        assert (StripeEvent.objects.get().due_at is not None) == is_due
        assert (StripeEvent.objects.get().done_at is None) == is_due

    def test_keeps_an_event_about_an_unknown_intent(self) -> None:
        inbox.receive(notice=notice("pi_grace"), now=timezone.now())

        assert has_due_webhooks(now=timezone.now() + inbox.DIRECT_ANSWER_HEAD_START)

    def test_does_not_take_an_empty_id_for_an_attempt_without_intent(self, order: Order) -> None:
        inbox.receive(notice=notice(""), now=timezone.now())

        assert not OutboxEvent.objects.filter(name="payment.webhook_received").exists()

    def test_alarms_at_a_live_event_in_a_test_shop(self, known: Order) -> None:
        inbox.receive(notice=notice(intent_id(known), is_live=True), now=timezone.now())

        assert StripeEvent.objects.get().done_at is not None
        assert Alert.objects.get().kind == "livemode_mismatch"


@pytest.mark.django_db
class TestApplyEvent:
    def receive(self, told: Notice) -> StripeEvent:
        inbox.receive(notice=told, now=timezone.now())
        return StripeEvent.objects.get()

    def test_believes_the_intent_and_not_the_event(self, known: Order, stripe: FakeStripe) -> None:
        stripe.set(intent_id(known), "canceled")
        event = self.receive(notice(intent_id(known), "payment_intent.succeeded"))

        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert attempt_of(known).state == AttemptState.CANCELLED
        assert StripeEvent.objects.get().done_at is not None

    def test_changes_nothing_the_second_time(self, known: Order, stripe: FakeStripe) -> None:
        event = self.receive(notice(intent_id(known)))
        inbox.apply_event(event_pk=event.pk, now=timezone.now())
        calls = len(stripe.calls)

        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert len(stripe.calls) == calls

    def test_asks_nothing_when_the_direct_answer_has_told_the_same(
        self, known: Order, stripe: FakeStripe
    ) -> None:
        told = notice(intent_id(known), "payment_intent.canceled")
        event = self.receive(told)
        PaymentAttempt.objects.update(state=AttemptState.CANCELLED)
        calls = len(stripe.calls)

        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert StripeEvent.objects.get().done_at is not None
        assert len(stripe.calls) == calls

    def test_stays_due_while_stripe_does_not_answer(self, known: Order, stripe: FakeStripe) -> None:
        stripe.set(intent_id(known), "canceled")
        stripe.instead["retrieve"].append(Answer(Outcome.UNKNOWN, code="timeout"))
        event = self.receive(notice(intent_id(known)))

        inbox.apply_event(event_pk=event.pk, now=timezone.now())
        assert StripeEvent.objects.get().done_at is None
        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert attempt_of(known).state == AttemptState.CANCELLED

    def test_waits_for_an_intent_that_nobody_knows_and_alarms_in_the_end(self) -> None:
        event = self.receive(notice("pi_grace"))
        inbox.apply_event(event_pk=event.pk, now=timezone.now())
        assert StripeEvent.objects.get().due_at > timezone.now()
        assert not Alert.objects.exists()

        StripeEvent.objects.update(tries=inbox.MOST_TRIES)
        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert StripeEvent.objects.get().due_at is None
        assert Alert.objects.get().kind == "webhook_not_applied"


@pytest.mark.django_db
class TestSeveralEventsOfOneIntent:
    HELD, TAKEN = "payment_intent.amount_capturable_updated", "payment_intent.succeeded"

    def store(self, order: Order, *types: str) -> list[StripeEvent]:
        for number, type_ in enumerate(types):
            told = notice(
                intent_id(order), type_, event_id=f"evt_{number}", object_id=intent_id(order)
            )
            inbox.receive(notice=told, now=timezone.now())
        return list(StripeEvent.objects.order_by("pk"))

    def apply(self, event: StripeEvent) -> None:
        inbox.apply_event(event_pk=event.pk, now=timezone.now())
        event.refresh_from_db()

    def test_cost_one_look_up(self, known: Order, stripe: FakeStripe) -> None:
        first, second, third = self.store(known, self.TAKEN, "payment_intent.canceled", self.TAKEN)
        stripe.set(intent_id(known), "succeeded", received=2195)
        looks = stripe.methods().count("retrieve")

        for event in (first, second, third):
            self.apply(event)

        assert stripe.methods().count("retrieve") == looks + 1
        assert second.done_at == third.done_at == first.done_at
        assert (second.due_at, third.due_at) == (None, None)

    def test_one_that_the_look_did_not_show_is_looked_up_itself(
        self, browser_order: Order, stripe: FakeStripe
    ) -> None:
        send(browser_order, "create")
        held, taken = self.store(browser_order, self.HELD, self.TAKEN)
        stripe.set(intent_id(browser_order), "requires_capture")

        self.apply(held)
        taken.refresh_from_db()
        assert (held.done_at is not None, taken.done_at) == (True, None)
        stripe.set(intent_id(browser_order), "succeeded", received=2195)
        self.apply(taken)

        assert attempt_of(browser_order).state == AttemptState.CAPTURED

    def test_a_second_worker_waits_for_the_first(self, known: Order, stripe: FakeStripe) -> None:
        """Both were claimed at once: only one of them asks."""
        first, second = self.store(known, self.TAKEN, self.TAKEN)
        now = timezone.now()
        StripeEvent.objects.update(lease_until=now + timedelta(seconds=45), tries=1)
        looks = stripe.methods().count("retrieve")

        self.apply(second)

        assert stripe.methods().count("retrieve") == looks
        assert (second.done_at, second.lease_until, second.tries) == (None, None, 0)
        assert now < second.due_at < now + timedelta(seconds=10)
        self.apply(first)
        second.refresh_from_db()
        assert second.done_at is not None

    def test_a_worker_that_died_is_not_waited_for(self, known: Order, stripe: FakeStripe) -> None:
        first, second = self.store(known, self.TAKEN, self.TAKEN)
        past, later = timezone.now() - timedelta(1), timezone.now() + timedelta(1)
        StripeEvent.objects.filter(pk=first.pk).update(lease_until=past)
        StripeEvent.objects.filter(pk=second.pk).update(lease_until=later, tries=1)

        self.apply(second)

        assert second.done_at is not None

    def test_what_another_has_closed_meanwhile_is_not_due_again(
        self, known: Order, stripe: FakeStripe
    ) -> None:
        first, second = self.store(known, self.TAKEN, self.TAKEN)
        stripe.instead["retrieve"].append(Answer(Outcome.UNKNOWN, code="timeout"))
        done = timezone.now()
        # While the first asks in vain, the second's answer closes both.
        stripe.before["retrieve"] = lambda: StripeEvent.objects.update(done_at=done, due_at=None)

        self.apply(first)

        assert (first.done_at, first.due_at) == (done, None)


@pytest.mark.django_db
class TestEventsOfOtherThings:
    """Refunds, disputes, warnings: each is looked up by those who know it."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict]]:
        calls: list[tuple[str, dict]] = []
        for module, name in (
            (refunding, "look_up_refund"),
            (refunding, "look_up_refunds"),
            (disputes, "look_up_dispute"),
            (disputes, "look_up_fraud_warning"),
        ):

            def record(_name: str = name, **arguments: object) -> bool:
                calls.append((_name, arguments))
                return True

            monkeypatch.setattr(module, name, record)
        return calls

    @pytest.mark.parametrize(
        ("type_", "object_id", "call", "arguments"),
        [
            (
                "refund.updated",
                "re_ada",
                "look_up_refund",
                {"stripe_refund_id": "re_ada", "intent_id": "pi_key"},
            ),
            ("charge.refunded", "ch_ada", "look_up_refunds", {"intent_id": "pi_key"}),
            ("charge.dispute.created", "dp_ada", "look_up_dispute", {"stripe_id": "dp_ada"}),
            (
                "radar.early_fraud_warning.created",
                "issfr_ada",
                "look_up_fraud_warning",
                {"stripe_id": "issfr_ada"},
            ),
        ],
    )
    def test_are_looked_up_by_their_own_id(
        self, known: Order, asked: list, type_: str, object_id: str, call: str, arguments: dict
    ) -> None:
        PaymentAttempt.objects.update(stripe_intent_id="pi_key")
        inbox.receive(notice=notice("pi_key", type_, object_id=object_id), now=timezone.now())
        event = StripeEvent.objects.get()

        inbox.apply_event(event_pk=event.pk, now=timezone.now())

        assert asked == [(call, {**arguments, "actor": "webhook"})]
        assert StripeEvent.objects.get().done_at is not None


@pytest.mark.django_db
class TestStripeWebhook:
    def post(self, client: Client, payload: bytes, header: str) -> int:
        headers = {"stripe-signature": header}
        answer = client.post(ADDRESS, payload, content_type="application/json", headers=headers)
        return answer.status_code

    def test_answers_200_once_stored_and_again(self, client: Client) -> None:
        for _ in range(2):
            assert self.post(client, body(), signature(body())) == 200
        assert StripeEvent.objects.count() == 1

    def test_stores_nothing_of_a_stranger(self, client: Client) -> None:
        assert self.post(client, body(), signature(body(), secret="other")) == 400
        assert self.post(client, body(), "") == 400
        assert not StripeEvent.objects.exists()

    def test_reads_no_body_that_is_too_large(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(**_: object) -> None:
            raise AssertionError("the signature was computed")

        monkeypatch.setattr(inbox, "read", read)
        assert self.post(client, b" " * (webhooks.MOST_BYTES + 1), "t=1,v1=0") == 413

    @pytest.mark.parametrize("header", ["", "t=1,v1=" + "0" * 2000])
    def test_reads_no_body_without_a_signature_worth_computing(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, header: str
    ) -> None:
        monkeypatch.setattr(HttpRequest, "body", None)
        assert self.post(client, body(), header) == 400

    def test_asks_the_database_nothing_for_a_stranger(
        self, client: Client, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert self.post(client, body(), "t=1,v1=0") == 400

    def test_takes_posts_alone(self, client: Client) -> None:
        assert client.get(ADDRESS).status_code == 405
