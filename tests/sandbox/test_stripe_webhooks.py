"""Events reach the shop: signed, until they are taken, and across a kill; or misbehave as told."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.sandbox.stripe_process import SECRET, Inbox, StripeProcess, wait_for


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def module_server(
    tmp_path_factory: pytest.TempPathFactory, inbox: Inbox
) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder, webhook_url=inbox.url) as process:
        yield process


@pytest.fixture
def server(module_server: StripeProcess) -> Iterator[StripeProcess]:
    yield module_server
    module_server.control("DELETE", "faults")


class TestDelivery:
    def test_the_life_of_an_order_is_told(self, server: StripeProcess, inbox: Inbox) -> None:
        client = server.client()
        made = server.held()
        charge = str(made.latest_charge)
        client.v1.payment_intents.capture(made.id)
        refund = client.v1.refunds.create({"payment_intent": made.id})

        wait_for(lambda: len(inbox.events(made.id)) >= 3 and len(inbox.events(charge)) >= 2)

        assert sorted(inbox.types(made.id)) == [
            "payment_intent.amount_capturable_updated",
            "payment_intent.created",
            "payment_intent.succeeded",
        ]
        assert sorted(inbox.types(charge)) == ["charge.captured", "charge.refunded"]
        wait_for(lambda: inbox.types(refund.id) == ["refund.created"])

    @pytest.mark.parametrize(
        ("method", "type_"),
        [
            ("pm_card_chargeDeclined", "payment_intent.payment_failed"),
            ("pm_card_authenticationRequired", "payment_intent.requires_action"),
        ],
    )
    def test_a_try_that_does_not_pay_is_told(
        self, server: StripeProcess, inbox: Inbox, method: str, type_: str
    ) -> None:
        client = server.client()
        made = client.v1.payment_intents.create(
            {"amount": 500, "currency": "gbp", "payment_method_types": ["card"]}
        )

        server.call("POST", f"/v1/payment_intents/{made.id}/confirm", {"payment_method": method})

        wait_for(lambda: type_ in inbox.types(made.id))

    def test_a_cancel_is_told(self, server: StripeProcess, inbox: Inbox) -> None:
        made = server.held()
        server.client().v1.payment_intents.cancel(made.id)

        wait_for(lambda: "payment_intent.canceled" in inbox.types(made.id))

    def test_stripe_accepts_the_signature(self, server: StripeProcess, inbox: Inbox) -> None:
        made = server.held()
        wait_for(lambda: inbox.events(made.id))
        body, signature = inbox.got[-1]

        event = stripe.Webhook.construct_event(body, signature, SECRET)

        assert event.api_version == "2026-10-28.endive"
        assert event.request is not None
        assert str(event.request.id).startswith("req_")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", signature, SECRET)

    def test_what_is_refused_comes_again(self, server: StripeProcess, inbox: Inbox) -> None:
        inbox.refused.clear()
        inbox.refuse = 1

        server.client().v1.payment_intents.create({"amount": 500, "currency": "gbp"})

        wait_for(lambda: inbox.refused)
        refused = inbox.refused[0]
        wait_for(lambda: [e for e in inbox.events() if e["id"] == refused])
        found = server.call("GET", "/v1/events", {"delivery_success": "false"}).json["data"]
        assert refused not in [event["id"] for event in found]


class TestFaults:
    def created(self, server: StripeProcess) -> str:
        made = server.client().v1.payment_intents.create({"amount": 500, "currency": "gbp"})
        return str(made.id)

    def test_never(self, server: StripeProcess, inbox: Inbox) -> None:
        server.fault("webhook", "never")
        lost = self.created(server)
        sent = self.created(server)

        wait_for(lambda: inbox.events(sent))

        assert inbox.events(lost) == []
        found = server.call("GET", "/v1/events", {"delivery_success": "false"}).json["data"]
        assert lost in [event["data"]["object"]["id"] for event in found]

    def test_duplicate(self, server: StripeProcess, inbox: Inbox) -> None:
        server.fault("webhook.payment_intent.created", "duplicate")
        made = self.created(server)

        wait_for(lambda: len(inbox.events(made)) == 2)

        first, second = inbox.events(made)
        assert first["id"] == second["id"]

    def test_delay(self, server: StripeProcess, inbox: Inbox) -> None:
        server.fault("webhook", "delay", seconds=0.5)
        started = time.monotonic()
        made = self.created(server)

        wait_for(lambda: inbox.events(made))

        assert time.monotonic() - started >= 0.5

    def test_reorder(self, server: StripeProcess, inbox: Inbox) -> None:
        server.fault("webhook.payment_intent.created", "reorder", seconds=5)
        first = self.created(server)
        second = self.created(server)

        wait_for(lambda: inbox.events(first) and inbox.events(second), seconds=3)

        order = [event["data"]["object"]["id"] for event in inbox.events()]
        assert order.index(second) < order.index(first)


class TestKill:
    def test_what_was_undelivered_is_delivered_after_a_restart(self, tmp_path: Path) -> None:
        with Inbox() as inbox, StripeProcess(tmp_path, webhook_url=inbox.url) as server:
            inbox.refuse = 1000
            made = server.held()
            wait_for(lambda: len(inbox.refused) >= 2)
            server.kill()
            assert inbox.events() == []
            inbox.refuse = 0
            server.start()

            wait_for(lambda: len(inbox.events(made.id)) == 2)

            found = server.client().v1.payment_intents.retrieve(made.id)
            assert found.status == "requires_capture"
            assert server.client().v1.payment_intents.capture(made.id).status == "succeeded"
