"""Stripe's webhooks: checked, stored once, applied by looking the intent up."""

import hmac
import json
import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from globalmart.core.models import Alert, OutboxEvent
from orders.models import Order
from payments.gateways.intents import Answer, BadSignature, Notice, Outcome
from payments.models import PaymentAttempt, StripeEvent
from payments.queries import has_due_webhooks
from payments.services import inbox
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

    @pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"{}", body(data={})])
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

    def test_takes_posts_alone(self, client: Client) -> None:
        assert client.get(ADDRESS).status_code == 405
