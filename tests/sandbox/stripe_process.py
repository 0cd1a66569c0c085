"""Run the pretended Stripe as its own process, and an endpoint that its webhooks can reach."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import stripe

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_tests"
SERVER_KEY = "sk_test_ours"
BROWSER_KEY = "pk_test_ours"


def free_port() -> int:
    """Return a port of the loopback address that is free right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(happened: Callable[[], Any], *, seconds: float = 6.0) -> Any:
    """Return the first true answer of `happened`; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = happened()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@dataclass
class Answer:
    """An HTTP answer, decoded."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.text)


class StripeProcess:
    """One server process on a free port, with the book in `folder`."""

    def __init__(self, folder: Path, *options: str, webhook_url: str = "") -> None:
        self.book = folder / "stripe.sqlite"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "globalmart.sandbox.stripe"]
        self._command += ["--port", str(self.port), "--book", str(self.book)]
        self._command += ["--webhook-url", webhook_url, "--webhook-secret", SECRET, *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT)
        wait_for(self._is_up, seconds=15)

    def kill(self) -> None:
        """Kill the process, as a crash would, and wait for its end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        key: str = SERVER_KEY,
        timeout: float = 10.0,
        **headers: str,
    ) -> Answer:
        """Make one call as a bare HTTP client; names in `headers` use underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        encoded = urllib.parse.urlencode(params or {})
        url = self.url + path + (f"?{encoded}" if method == "GET" and encoded else "")
        data = encoded.encode() if method == "POST" else None
        request = urllib.request.Request(url, data, sent, method=method)  # noqa: S310  own server
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def control(self, method: str, path: str, value: Any = None) -> Answer:
        """Call the control API."""
        data = None if value is None else json.dumps(value).encode()
        url = f"{self.url}/_control/{path}"
        request = urllib.request.Request(url, data, method=method)  # noqa: S310  own server
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def fault(self, operation: str, fault: str, **details: Any) -> None:
        """Set a switch that fires once, unless `details` say otherwise."""
        wanted = {"operation": operation, "fault": fault, "count": 1, **details}
        answer = self.control("POST", "faults", wanted)
        assert answer.status == 201, answer.text

    def client(self) -> stripe.StripeClient:
        """Return Stripe's own client, pointed here, without repetitions of its own."""
        return stripe.StripeClient(
            SERVER_KEY, base_addresses={"api": self.url}, max_network_retries=0
        )

    def held(self, amount: int = 1000, **params: Any) -> stripe.PaymentIntent:
        """Return a confirmed intent that waits for its capture."""
        asked = {"amount": amount, "currency": "gbp", "capture_method": "manual", "confirm": True}
        asked |= {"payment_method": "pm_card_visa", "payment_method_types": ["card"], **params}
        return self.client().v1.payment_intents.create(asked)  # type: ignore[arg-type]

    def line(self, intent_id: str) -> dict[str, Any]:
        """Return what the audit sees of an intent."""
        with sqlite3.connect(self.book) as book:
            book.row_factory = sqlite3.Row
            sql = "SELECT * FROM book_stripe_intents WHERE intent_id = ?"
            return dict(book.execute(sql, (intent_id,)).fetchone())

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server has ended"
        try:
            return self.control("GET", "health").status == 200
        except OSError:
            return False


@dataclass
class Inbox:
    """An endpoint for webhooks: keeps what came, and refuses as often as it is told to."""

    refuse: int = 0
    got: list[tuple[bytes, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/stripe"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self, object_id: str | None = None) -> list[dict[str, Any]]:
        """Return what was accepted, in the order of arrival."""
        found = [json.loads(body) for body, _ in self.got]
        if object_id is None:
            return found
        return [event for event in found if event["data"]["object"]["id"] == object_id]

    def types(self, object_id: str | None = None) -> list[str]:
        """Return the types of what was accepted, in the order of arrival."""
        return [event["type"] for event in self.events(object_id)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802  the name that http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_refused = inbox.refuse > 0
                if is_refused:
                    inbox.refuse -= 1
                    inbox.refused.append(json.loads(body)["id"])
                else:
                    inbox.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(500 if is_refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
