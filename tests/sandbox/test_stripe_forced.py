"""An intent can be made to lie, or to succeed when nobody expects it any more."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.stripe_process import Inbox, StripeProcess, wait_for


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe"), webhook_url=inbox.url) as process:
        yield process


def force(server: StripeProcess, intent_id: str, status: str, **more: Any) -> dict[str, Any]:
    wanted = {"payment_intent": intent_id, "status": status, **more}
    answer = server.control("POST", "intents", wanted)
    assert answer.status == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


class TestLateSuccess:
    def test_a_canceled_intent_holds_money_again(self, server: StripeProcess, inbox: Inbox) -> None:
        made = server.held()
        gone = server.client().v1.payment_intents.cancel(made.id)

        force(server, made.id, "requires_capture")

        found = server.client().v1.payment_intents.retrieve(made.id)
        assert (found.status, found.amount_capturable) == ("requires_capture", 1000)
        assert found.latest_charge != gone.latest_charge
        name = "payment_intent.amount_capturable_updated"
        wait_for(lambda: inbox.types(made.id).count(name) == 2)
        assert server.client().v1.payment_intents.capture(made.id).amount_received == 1000

    def test_a_canceled_intent_has_succeeded(self, server: StripeProcess, inbox: Inbox) -> None:
        made = server.client().v1.payment_intents.create({"amount": 700, "currency": "gbp"})
        server.client().v1.payment_intents.cancel(made.id)

        force(server, made.id, "succeeded")

        line = server.line(made.id)
        assert (line["status"], line["captured_minor"], line["refunded_minor"]) == (
            "succeeded", 700, 0,
        )  # fmt: skip
        wait_for(lambda: "payment_intent.succeeded" in inbox.types(made.id))
        server.client().v1.refunds.create({"payment_intent": made.id})
        assert server.line(made.id)["refunded_minor"] == 700

    def test_it_may_take_another_amount_than_was_asked(self, server: StripeProcess) -> None:
        made = server.held()

        shown = force(server, made.id, "succeeded", amount_received=400)

        assert (shown["amount_received"], shown["latest_charge"]) == (400, made.latest_charge)
        assert server.line(made.id)["captured_minor"] == 400


class TestLie:
    @pytest.mark.parametrize(
        ("status", "event"),
        [
            ("canceled", "payment_intent.canceled"),
            ("requires_payment_method", "payment_intent.payment_failed"),
            ("processing", "payment_intent.processing"),
        ],
    )
    def test_a_held_intent_looks_dead(
        self, server: StripeProcess, inbox: Inbox, status: str, event: str
    ) -> None:
        made = server.held()

        force(server, made.id, status)

        found = server.client().v1.payment_intents.retrieve(made.id)
        assert (found.status, found.amount_capturable) == (status, 0)
        wait_for(lambda: event in inbox.types(made.id))

    def test_a_wrong_wish_is_refused(self, server: StripeProcess) -> None:
        made = server.held()

        wrong = server.control("POST", "intents", {"payment_intent": made.id, "status": "paid"})
        missing = server.control(
            "POST", "intents", {"payment_intent": "pi_x", "status": "canceled"}
        )

        assert (wrong.status, missing.status) == (400, 404)
        assert server.line(made.id)["status"] == "requires_capture"
