"""Each switch does what it says, as often as it was told, and nothing when it is off."""

import http.client
import socket
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

CREATE = {"amount": 700, "currency": "gbp", "payment_method_types[]": "card"}
LOST = (urllib.error.URLError, http.client.RemoteDisconnected, TimeoutError, ConnectionError)


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


@pytest.fixture
def server(module_server: StripeProcess) -> Iterator[StripeProcess]:
    yield module_server
    module_server.control("DELETE", "faults")
    module_server.control("POST", "latency", {"seconds": 0})
    module_server.control("POST", "rate", {"per_second": 0})


def intents(server: StripeProcess) -> int:
    listed = server.call("GET", "/v1/payment_intents", {"limit": 100}).json["data"]
    return len(listed)


class TestCalls:
    @pytest.mark.parametrize("fault", ["drop_after_apply", "timeout_after_apply"])
    def test_a_lost_answer_is_there_on_the_second_try(
        self, server: StripeProcess, fault: str
    ) -> None:
        before = intents(server)
        server.fault("payment_intents.create", fault, seconds=0.2)

        with pytest.raises(LOST):
            server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key=fault)
        again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key=fault)

        assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert intents(server) == before + 1

    def test_an_answer_dropped_before_leaves_nothing(self, server: StripeProcess) -> None:
        before = intents(server)
        server.fault("payment_intents.create", "drop_before")

        with pytest.raises(LOST):
            server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="before")
        assert intents(server) == before

        again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="before")
        assert (again.status, again.headers.get("Idempotent-Replayed")) == (200, None)

    def test_an_error_after_applying_is_replayed(self, server: StripeProcess) -> None:
        made = server.held()
        server.fault("payment_intents.capture", "error_after_apply")
        path = f"/v1/payment_intents/{made.id}/capture"

        first = server.call("POST", path, Idempotency_Key="broken")
        again = server.call("POST", path, Idempotency_Key="broken")

        assert (first.status, again.status, again.text) == (500, 500, first.text)
        assert first.headers["Stripe-Should-Retry"] == "false"
        assert again.headers["Idempotent-Replayed"] == "true"
        assert server.client().v1.payment_intents.retrieve(made.id).status == "succeeded"

    @pytest.mark.parametrize("status", [503, 429, 409])
    def test_an_error_before_does_nothing(self, server: StripeProcess, status: int) -> None:
        before = intents(server)
        server.fault("payment_intents", "error_before", status=status)

        first = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key=f"b{status}")
        assert (first.status, intents(server)) == (status, before)

        again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key=f"b{status}")
        assert again.status == 200

    def test_the_sdk_knows_a_rate_limit(self, server: StripeProcess) -> None:
        server.fault("refunds.create", "error_before", status=429)

        with pytest.raises(stripe.RateLimitError):
            server.client().v1.refunds.create({"payment_intent": "pi_any"})

    def test_delay_and_latency_take_their_time(self, server: StripeProcess) -> None:
        server.control("POST", "latency", {"seconds": 0.1})
        server.fault("payment_intents.list", "delay", seconds=0.2)
        started = time.monotonic()

        server.call("GET", "/v1/payment_intents")

        assert time.monotonic() - started >= 0.3


class TestNewerOperations:
    """What came after intents and refunds misbehaves by the same switches."""

    @pytest.mark.parametrize(
        ("method", "path", "operation"),
        [
            ("GET", "/v1/disputes", "disputes.list"),
            ("GET", "/v1/balance_transactions", "balance_transactions.list"),
            ("GET", "/v1/payouts", "payouts.list"),
            ("GET", "/v1/radar/early_fraud_warnings", "radar.early_fraud_warnings.list"),
            ("GET", "/v1/webhook_endpoints", "webhook_endpoints.list"),
            ("POST", "/v1/refunds/re_none/cancel", "refunds.cancel"),
            ("POST", "/v1/disputes/du_none", "disputes.update"),
            ("POST", "/v1/disputes/du_none/close", "disputes.close"),
        ],
    )
    def test_an_error_before(
        self, server: StripeProcess, method: str, path: str, operation: str
    ) -> None:
        server.fault(operation, "error_before", status=503)

        assert server.call(method, path).status == 503
        assert server.call(method, path).status == (200 if method == "GET" else 404)

    def test_a_refund_whose_answer_is_lost_is_made_once(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic", payment_method="pm_card_pendingRefund")
        server.fault("refunds.create", "timeout_after_apply", seconds=0.1)
        asked = {"payment_intent": made.id, "amount": 400}

        with pytest.raises(LOST):
            server.call("POST", "/v1/refunds", asked, Idempotency_Key="refund-once")
        again = server.call("POST", "/v1/refunds", asked, Idempotency_Key="refund-once")

        assert again.headers["Idempotent-Replayed"] == "true"
        listed = server.client().v1.refunds.list({"payment_intent": made.id})
        assert [one.amount for one in listed.data] == [400]
        moved = server.client().v1.balance_transactions.list({"source": listed.data[0].id})
        assert [one.amount for one in moved.data] == [-400]


class TestRate:
    def test_each_endpoint_takes_so_many_calls_a_second(self, server: StripeProcess) -> None:
        made = server.held()
        server.control("POST", "rate", {"per_second": 2})
        path = f"/v1/payment_intents/{made.id}"

        statuses = [server.call("GET", path).status for _ in range(4)]
        other = server.call("POST", f"{path}/capture", Idempotency_Key="rate")

        assert statuses == [200, 200, 429, 429]
        assert other.status == 200
        refused = server.call("GET", path)
        assert refused.json["error"]["type"] == "rate_limit_error"
        assert refused.json["error"]["code"] == "rate_limit"
        assert refused.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
        with pytest.raises(stripe.RateLimitError):
            server.client().v1.payment_intents.retrieve(made.id)
        time.sleep(1.05)
        assert server.call("GET", path).status == 200

    def test_a_refused_call_leaves_its_key_unused(self, server: StripeProcess) -> None:
        server.control("POST", "rate", {"per_second": 1})
        server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="rate-first")
        refused = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="rate-key")
        assert refused.status == 429

        server.control("POST", "rate", {"per_second": 0})
        again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="rate-key")

        assert (again.status, again.headers.get("Idempotent-Replayed")) == (200, None)

    def test_nonsense_is_refused(self, server: StripeProcess) -> None:
        assert server.control("POST", "rate", {"per_second": "many"}).status == 400

    def test_a_request_that_breaks_off_is_none(self, server: StripeProcess) -> None:
        before = intents(server)
        head = (
            "POST /v1/payment_intents HTTP/1.1\r\nHost: stripe\r\nIdempotency-Key: half\r\n"
            f"Authorization: Bearer {SERVER_KEY}\r\nContent-Length: 100\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as wire:
            wire.sendall(head.encode() + b"amount=700&currency=gbp")
            wire.shutdown(socket.SHUT_WR)
            assert wire.recv(100) == b""

        whole = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="half")

        assert (whole.status, intents(server)) == (200, before + 1)


class TestSwitches:
    def test_may_be_meant_for_the_payment_of_one_amount(self, server: StripeProcess) -> None:
        one, other = server.held(1001), server.held(1002)
        for operation in ("create", "capture", "retrieve"):
            server.fault(f"payment_intents.{operation}", "error_before", amount_minor=1001)

        def captured(intent: stripe.PaymentIntent) -> int:
            return server.call("POST", f"/v1/payment_intents/{intent.id}/capture").status

        assert (captured(other), captured(one), captured(one)) == (200, 503, 200)
        seen = [
            server.call("GET", f"/v1/payment_intents/{each.id}").status for each in (other, one)
        ]
        assert seen == [200, 503]
        made = [
            server.call("POST", "/v1/payment_intents", {**CREATE, "amount": amount}).status
            for amount in (1002, 1001)
        ]
        assert made == [200, 503]

    def test_count_and_probability(self, server: StripeProcess) -> None:
        server.fault("events", "error_before", count=2)
        statuses = [server.call("GET", "/v1/events").status for _ in range(4)]
        assert statuses == [503, 503, 200, 200]

        server.control("DELETE", "faults")
        server.fault("events", "error_before", count=None, probability=0.5, seed=7)
        first = [server.call("GET", "/v1/events").status for _ in range(12)]
        server.control("DELETE", "faults")
        server.fault("events", "error_before", count=None, probability=0.5, seed=7)
        again = [server.call("GET", "/v1/events").status for _ in range(12)]

        assert first == again
        assert set(first) == {200, 503}

    def test_they_are_listed_with_their_hits_and_cleared(self, server: StripeProcess) -> None:
        server.fault("*", "delay", seconds=0, count=5)
        server.call("GET", "/v1/events")

        listed = server.control("GET", "faults").json["faults"]
        assert [(one["operation"], one["hits"]) for one in listed] == [("*", 1)]

        server.control("DELETE", "faults")
        assert server.control("GET", "faults").json["faults"] == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"operation": "*", "fault": "explode"},
            {"fault": "delay"},
            {"operation": "*", "fault": "delay", "probability": 2},
            {"operation": "*", "fault": "delay", "when": "now"},
            [],
        ],
    )
    def test_a_switch_that_makes_no_sense_is_refused(
        self, server: StripeProcess, wrong: object
    ) -> None:
        answer = server.control("POST", "faults", wrong)

        assert answer.status == 400
        assert server.control("GET", "faults").json["faults"] == []


class TestKill:
    def test_a_killed_server_forgets_nothing_that_it_answered(self, tmp_path: Path) -> None:
        with StripeProcess(tmp_path) as server:
            first = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="kill")
            held = server.held()
            server.kill()
            server.start()

            again = server.call("POST", "/v1/payment_intents", CREATE, Idempotency_Key="kill")
            found = server.client().v1.payment_intents.retrieve(held.id)

        assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
        assert (found.status, found.amount_capturable) == ("requires_capture", 1000)
