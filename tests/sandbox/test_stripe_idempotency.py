"""A key gives its first answer again, errors included, and refuses to be used for anything else."""

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.stripe_process import Answer, StripeProcess

CREATE = {"amount": 700, "currency": "gbp", "payment_method_types[]": "card"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


def intents(server: StripeProcess) -> int:
    with sqlite3.connect(server.book) as book:
        return int(book.execute("SELECT COUNT(*) FROM book_stripe_intents").fetchone()[0])


class TestKeys:
    def test_the_answer_is_replayed(self, server: StripeProcess) -> None:
        before = intents(server)
        first = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="replay")
        again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="replay")

        assert again.text == first.text
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert intents(server) == before + 1

    def test_the_order_of_parameters_does_not_matter(self, server: StripeProcess) -> None:
        first = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="order")
        turned = dict(reversed(list(CREATE.items())))

        again = server.call("POST", "/v1/payment_intents", turned, Idempotency_Key="order")

        assert again.json["id"] == first.json["id"]

    def test_a_decline_is_replayed_and_charges_once(self, server: StripeProcess) -> None:
        made = server.call("POST", "/v1/payment_intents", CREATE).json["id"]
        path, sent = (
            f"/v1/payment_intents/{made}/confirm",
            {"payment_method": "pm_card_chargeDeclined"},
        )

        first = server.call("POST", path, sent, Idempotency_Key="decline")
        again = server.call("POST", path, sent, Idempotency_Key="decline")

        assert (first.status, again.status, again.text) == (402, 402, first.text)
        assert len(server.call("GET", "/v1/charges", {"payment_intent": made}).json["data"]) == 1

    @pytest.mark.parametrize(
        ("path", "params"),
        [("/v1/payment_intents", {**CREATE, "amount": 701}), ("/v1/refunds", CREATE)],
    )
    def test_another_request_is_refused(
        self, server: StripeProcess, path: str, params: dict[str, object]
    ) -> None:
        server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="other")
        before = intents(server)

        answer = server.call("POST", path, params, Idempotency_Key="other")

        assert (answer.status, answer.json["error"]["type"]) == (400, "idempotency_error")
        assert intents(server) == before

    def test_the_sdk_knows_the_refusal(self, server: StripeProcess) -> None:
        client = server.client()
        options = {"idempotency_key": "sdk"}
        client.v1.payment_intents.create({"amount": 700, "currency": "gbp"}, options)  # type: ignore[arg-type]

        with pytest.raises(stripe.IdempotencyError):
            client.v1.payment_intents.create({"amount": 800, "currency": "gbp"}, options)  # type: ignore[arg-type]

    def test_a_failed_validation_leaves_the_key_unused(self, server: StripeProcess) -> None:
        bad = server.call(
            "POST",
            "/v1/payment_intents",
            {"amount": "x", "currency": "gbp"},
            Idempotency_Key="free",
        )
        good = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="free")

        assert (bad.status, good.status) == (400, 200)

    def test_a_running_request_keeps_others_out(self, server: StripeProcess) -> None:
        server.fault("payment_intents.create", "delay", seconds=0.6)
        before = intents(server)
        answers: list[Answer] = []

        def send() -> None:
            answers.append(
                server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="busy")
            )

        slow = threading.Thread(target=send)
        slow.start()
        time.sleep(0.2)
        send()
        slow.join()

        refused, done = answers
        assert (refused.status, refused.json["error"]["code"]) == (409, "idempotency_key_in_use")
        assert refused.headers["Stripe-Should-Retry"] == "true"
        assert (done.status, intents(server)) == (200, before + 1)

    def test_too_long_a_key_is_refused(self, server: StripeProcess) -> None:
        answer = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="k" * 256)

        assert answer.status == 400


class TestLifetime:
    def test_an_old_key_is_a_new_one_again(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("stripe")
        with StripeProcess(folder, "--idempotency-seconds", "0.3") as server:
            first = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="old")
            time.sleep(0.4)

            again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="old")

        assert first.json["id"] != again.json["id"]
