"""What holds a call to Stripe back before it leaves, and what is learnt from those that leave."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from globalmart.core import guard as core_guard
from globalmart.core.budget import budget
from globalmart.core.guard import Guard, NotSent
from globalmart.core.resilience import Breaker
from payments.gateways import guarded, stripe_client
from payments.gateways.guarded import endpoint_of, share_of
from payments.gateways.intents import Outcome
from payments.gateways.stripe_gateway import StripeGateway

CREATE = "payment_intents.create"


def make_guard(*, share: float = 0.0, places: int = 4) -> Guard:
    return Guard(name="Stripe", share=lambda endpoint: share, places=places)


def send(guard: Guard, *, status: int | None = 200, retry_after: str = "") -> str:
    """Let a call pass that is answered so (None: not at all); return why it did not, or nothing."""
    try:
        with guard.passage(CREATE) as passage:
            if status is not None:
                passage.answered(status=status, retry_after=retry_after)
    except NotSent as refusal:
        return refusal.code if refusal.retry_after > 0 else "no pause"
    return ""


class TestBreaker:
    @pytest.mark.parametrize("status", [None, 500, 502, 503])
    def test_opens_when_stripe_fails(self, status: int | None) -> None:
        guard = make_guard()

        told = [send(guard, status=status) for _ in range(6)]

        assert told == ["", "", "", "", "", "breaker_open"]
        assert guard.snapshot()["breaker"]["state"] == "open"
        assert guard.snapshot()["refused"] == {"breaker_open": 1}

    @pytest.mark.parametrize("status", [200, 400, 401, 402, 404, 409])
    def test_takes_a_refusal_for_an_answer(self, status: int) -> None:
        guard = make_guard()

        assert {send(guard, status=status) for _ in range(40)} == {""}
        assert guard.snapshot()["breaker"]["state"] == "closed"

    def test_counts_what_breaks_on_the_way_for_a_failure(self) -> None:
        guard = make_guard()
        for _ in range(5):
            with pytest.raises(ConnectionError), guard.passage(CREATE):
                raise ConnectionError

        assert send(guard) == "breaker_open"


class TestRateLimit:
    def test_holds_a_call_back_that_would_wait_too_long(self) -> None:
        guard = make_guard(share=0.1)
        assert send(guard) == ""

        assert send(guard) == "rate_limited"

    def test_is_each_endpoints_own(self) -> None:
        guard = make_guard(share=0.1)
        send(guard)

        with guard.passage("payment_intents.capture") as passage:
            passage.answered(status=200)

    def test_counts_nothing_that_it_held_back_against_stripe(self) -> None:
        guard = make_guard(share=0.1)

        told = [send(guard) for _ in range(30)]

        assert told[1:] == ["rate_limited"] * 29
        assert guard.snapshot()["breaker"]["calls"] == 1

    @pytest.mark.parametrize(("header", "least", "most"), [("7", 6.5, 7), ("soon", 0.5, 1)])
    def test_rests_after_a_429_as_long_as_stripe_says(
        self, header: str, least: float, most: float
    ) -> None:
        guard = make_guard()

        send(guard, status=429, retry_after=header)

        rest = guard.snapshot()["endpoints"][CREATE]["rests_seconds"]
        assert least < rest <= most
        assert guard.snapshot()["breaker"]["failures"] == 0

    def test_never_rests_for_longer_than_a_minute(self) -> None:
        guard = make_guard()

        send(guard, status=429, retry_after="3600")

        assert guard.snapshot()["endpoints"][CREATE]["rests_seconds"] <= 60
        assert send(guard) == "rate_limited"

    def test_does_not_slow_calls_where_it_is_off(self) -> None:
        guard = make_guard(share=0)
        started = time.monotonic()

        assert {send(guard) for _ in range(300)} == {""}
        assert time.monotonic() - started < 2

    def test_is_shared_out_over_those_who_call_the_endpoint(self, settings: Any) -> None:
        settings.STRIPE_RATE_LIMIT = 30
        settings.WEB_WORKERS, settings.STRIPE_WORKERS = 4, 2

        assert share_of("payment_intents.create") * (4 + 2) == pytest.approx(30)
        assert share_of("payment_intents.retrieve") * (4 + 2 + 2) == pytest.approx(30)
        assert share_of("payment_intents.confirm") * 2 == pytest.approx(30)
        settings.STRIPE_RATE_LIMIT = 0
        assert share_of("payment_intents.create") == 0


class TestBulkhead:
    def test_keeps_room_for_pages_that_ask_stripe_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(core_guard, "PLACE_WAIT_SECONDS", 0.05)
        guard = make_guard(places=2)

        with budget(seconds=7), guard.passage(CREATE), guard.passage(CREATE):
            assert guard.snapshot()["bulkhead"] == {"inside": 2, "places": 2}
            assert send(guard) == "busy"

        with budget(seconds=7):
            assert send(guard) == ""
        assert guard.snapshot()["bulkhead"]["inside"] == 0

    def test_lets_workers_pass(self) -> None:
        guard = make_guard(places=1)

        with guard.passage(CREATE), guard.passage(CREATE):
            assert send(guard) == ""

    def test_gives_its_place_back_when_the_limit_holds_a_call_back(self) -> None:
        guard = make_guard(share=0.1, places=1)

        with budget(seconds=7):
            assert [send(guard) for _ in range(3)] == ["", "rate_limited", "rate_limited"]
        assert guard.snapshot()["bulkhead"]["inside"] == 0

    def test_is_half_of_the_web_threads(self, settings: Any) -> None:
        guarded.guard.cache_clear()
        settings.WEB_THREADS = 6

        assert guarded.guard().snapshot()["bulkhead"]["places"] == 3
        guarded.guard.cache_clear()


class TestBudget:
    def test_sends_nothing_that_could_not_be_heard_out(self) -> None:
        with budget(seconds=0.5):
            assert send(make_guard()) == "no_time"


class TestEndpoints:
    @pytest.mark.parametrize(
        ("method", "path", "name"),
        [
            ("post", "/v1/payment_intents", "payment_intents.create"),
            ("post", "/v1/payment_intents/pi_3Ab/confirm", "payment_intents.confirm"),
            ("post", "/v1/payment_intents/pi_3Ab", "payment_intents.update"),
            ("get", "/v1/payment_intents/pi_3Ab?expand[]=x", "payment_intents.retrieve"),
            ("get", "/v1/events?limit=3", "events.list"),
            ("post", "/v1/refunds", "refunds.create"),
            ("get", "/v1/radar/early_fraud_warnings", "radar.early_fraud_warnings.list"),
            ("delete", "/v1/webhook_endpoints/we_1Ab", "webhook_endpoints.delete"),
            ("get", "/", "other"),
        ],
    )
    def test_are_named_without_ids(self, method: str, path: str, name: str) -> None:
        assert endpoint_of(method=method, url=f"https://api.stripe.com{path}") == name


@dataclass
class Server:
    """Answers each call with `status`, after `seconds`, and counts them."""

    status: int = 503
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    url: str = ""
    gone: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.calls += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.gone.wait(made.seconds)
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b'{"error": {"type": "api_error"}}')

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        made.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield made
        made.gone.set()
        listening.shutdown()


@pytest.fixture
def gateway(server: Server, monkeypatch: pytest.MonkeyPatch) -> StripeGateway:
    """The gateway with a guard of its own."""
    fresh = Guard(
        name="Stripe", share=lambda endpoint: 0.0, places=4, breaker=Breaker(name="Stripe")
    )
    monkeypatch.setattr(stripe_client, "guard", lambda: fresh)
    return StripeGateway(secret_key="sk_test_guarded", api_base=server.url)


def ways(gateway: StripeGateway) -> list[Callable[[], Any]]:
    """Return one call of each kind."""
    sent: dict[str, Any] = {"intent_id": "pi_1A", "request": {}, "key": "k"}
    return [
        lambda: gateway.create(request={}, key="k"),
        lambda: gateway.confirm(**sent),
        lambda: gateway.capture(**sent),
        lambda: gateway.cancel(**sent),
        lambda: gateway.retrieve(intent_id="pi_1A"),
    ]


class TestGateway:
    def test_answers_not_yet_at_once_while_stripe_is_down(
        self, gateway: StripeGateway, server: Server
    ) -> None:
        down = [gateway.create(request={}, key="k").outcome for _ in range(5)]
        started = time.monotonic()
        answers = [call() for call in ways(gateway)]

        assert down == [Outcome.UNKNOWN] * 5
        assert {answer.outcome for answer in answers} == {Outcome.NOT_YET}
        assert {answer.code for answer in answers} == {"breaker_open"}
        assert all(answer.intent is None and answer.retry_after for answer in answers)
        assert time.monotonic() - started < 1
        assert server.calls == 5

    def test_takes_an_old_error_that_is_given_again_for_an_answer(
        self, gateway: StripeGateway, server: Server
    ) -> None:
        server.status, server.headers = 500, {"Idempotent-Replayed": "true"}

        for _ in range(20):
            gateway.create(request={}, key="k")

        assert server.calls == 20

    def test_asks_for_no_more_of_an_endpoint_after_a_429(
        self, gateway: StripeGateway, server: Server
    ) -> None:
        server.status, server.headers = 429, {"Retry-After": "30"}

        first = gateway.create(request={}, key="k")
        second = gateway.create(request={}, key="k")

        assert (first.outcome, first.retry_after) == (Outcome.NOT_YET, 30)
        assert (second.outcome, second.code) == (Outcome.NOT_YET, "rate_limited")
        assert server.calls == 1

    def test_waits_no_longer_than_the_page_may(
        self, gateway: StripeGateway, server: Server
    ) -> None:
        server.seconds = 30
        started = time.monotonic()

        with budget(seconds=1.5):
            answers = [gateway.create(request={}, key="k") for _ in range(2)]

        assert [answer.outcome for answer in answers] == [Outcome.UNKNOWN, Outcome.NOT_YET]
        assert answers[1].code == "no_time"
        assert time.monotonic() - started < 2.5
        assert server.calls == 1
