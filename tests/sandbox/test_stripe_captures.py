"""Held money is captured whole, in part, or in several parts where the card allows it."""

from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.stripe_process import StripeProcess

MULTICAPTURE = {"card": {"request_multicapture": "if_available"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


def releases(server: StripeProcess, intent_id: str) -> list[tuple[int, str | None, object]]:
    """Return what Stripe shows as refunds of an intent that nobody has refunded."""
    listed = server.client().v1.refunds.list({"payment_intent": intent_id})
    return [(each.amount, each.status, each.balance_transaction) for each in listed.data]


class TestCapture:
    def test_all_of_it(self, server: StripeProcess) -> None:
        made = server.held()

        done = server.client().v1.payment_intents.capture(made.id)

        assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 1000, 0)
        assert server.line(made.id)["captured_minor"] == 1000

    def test_a_part_releases_the_rest(self, server: StripeProcess) -> None:
        made = server.held()

        done = server.client().v1.payment_intents.capture(
            made.id, {"amount_to_capture": 400, "expand": ["latest_charge"]}
        )

        assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 400, 0)
        assert isinstance(done.latest_charge, stripe.Charge)
        charge = done.latest_charge
        assert (charge.amount_captured, charge.amount_refunded) == (400, 600)
        assert server.line(made.id)["refunded_minor"] == 0
        assert releases(server, made.id) == [(600, "succeeded", None)]

    def test_a_cancelled_hold_is_released(self, server: StripeProcess) -> None:
        made = server.held()

        server.client().v1.payment_intents.cancel(made.id)

        assert releases(server, made.id) == [(1000, "succeeded", None)]

    def test_all_of_it_releases_nothing(self, server: StripeProcess) -> None:
        made = server.held()

        server.client().v1.payment_intents.capture(made.id)

        assert releases(server, made.id) == []

    def test_what_was_released_cannot_come_back(self, server: StripeProcess) -> None:
        made = server.held()
        server.client().v1.payment_intents.cancel(made.id)
        (release,) = server.client().v1.refunds.list({"payment_intent": made.id}).data

        server.control("POST", "refunds", {"refund": release.id, "status": "failed"})

        assert releases(server, made.id) == [(1000, "succeeded", None)]

    def test_a_second_one_is_refused(self, server: StripeProcess) -> None:
        made = server.held()
        server.client().v1.payment_intents.capture(made.id, {"amount_to_capture": 400})

        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.payment_intents.capture(made.id, {"amount_to_capture": 100})

        assert caught.value.code == "payment_intent_unexpected_state"
        assert server.line(made.id)["captured_minor"] == 400

    def test_more_than_is_held_is_refused(self, server: StripeProcess) -> None:
        made = server.held()

        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.payment_intents.capture(made.id, {"amount_to_capture": 1001})

        assert caught.value.code == "amount_too_large"
        assert server.line(made.id)["captured_minor"] == 0

    def test_several_parts_where_asked_for_and_allowed(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(payment_method_options=MULTICAPTURE)
        part = {"amount_to_capture": 400, "final_capture": False}

        first = client.v1.payment_intents.capture(made.id, part)  # type: ignore[arg-type]
        second = client.v1.payment_intents.capture(made.id, {"amount_to_capture": 500})

        assert (first.status, first.amount_capturable, first.amount_received) == (
            "requires_capture", 600, 400,
        )  # fmt: skip
        assert (second.status, second.amount_received) == ("succeeded", 900)

    def test_parts_add_up_until_the_final_one(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(payment_method_options=MULTICAPTURE)
        seen = []

        for amount, is_final in ((100, False), (250, False), (300, False), (50, True)):
            after = client.v1.payment_intents.capture(
                made.id, {"amount_to_capture": amount, "final_capture": is_final}
            )
            seen.append((after.status, after.amount_received, after.amount_capturable))

        assert seen == [
            ("requires_capture", 100, 900),
            ("requires_capture", 350, 650),
            ("requires_capture", 650, 350),
            ("succeeded", 700, 0),
        ]
        assert server.line(made.id)["captured_minor"] == 700

    def test_more_than_fifty_parts_are_refused(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(payment_method_options=MULTICAPTURE)
        part = {"amount_to_capture": 1, "final_capture": False}
        for _ in range(50):
            client.v1.payment_intents.capture(made.id, part)  # type: ignore[arg-type]

        with pytest.raises(stripe.InvalidRequestError, match="50 times"):
            client.v1.payment_intents.capture(made.id, part)  # type: ignore[arg-type]

        assert server.line(made.id)["captured_minor"] == 50

    @pytest.mark.parametrize(
        ("method", "options"),
        [("pm_card_visa", {}), ("pm_card_sandbox_noMulticapture", MULTICAPTURE)],
    )
    def test_several_parts_are_refused_otherwise(
        self, server: StripeProcess, method: str, options: dict[str, object]
    ) -> None:
        made = server.held(payment_method=method, payment_method_options=options)

        with pytest.raises(stripe.InvalidRequestError, match="multicapture"):
            server.client().v1.payment_intents.capture(
                made.id, {"amount_to_capture": 400, "final_capture": False}
            )

        assert server.line(made.id)["captured_minor"] == 0

    def test_the_bank_may_refuse_and_the_hold_stays(self, server: StripeProcess) -> None:
        made = server.held(payment_method="pm_card_sandbox_captureInsufficientFunds")

        with pytest.raises(stripe.CardError) as caught:
            server.client().v1.payment_intents.capture(made.id)

        assert caught.value.json_body["error"]["decline_code"] == "insufficient_funds"
        found = server.client().v1.payment_intents.retrieve(made.id)
        assert (found.status, found.amount_received) == ("requires_capture", 0)
        assert found.last_payment_error is not None
        assert found.last_payment_error.charge == made.latest_charge
        assert found.last_payment_error.payment_method is not None
        assert found.last_payment_error.payment_method.id == made.payment_method
