"""The pretended SendGrid and Twilio: their real shapes, for good requests and for bad ones."""

import base64
import functools
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from globalmart.sandbox.messages.twilio import segments
from tests.sandbox.vendor_process import ROOT, VendorProcess, wait_for

SID = "AC" + "1" * 32
TWILIO = {"Authorization": "Basic " + base64.b64encode(f"{SID}:token".encode()).decode()}
SENDGRID = {"Authorization": "Bearer SG.tests", "Content-Type": "application/json"}
MESSAGES = f"/2010-04-01/Accounts/{SID}/Messages"


class Listener:
    """An endpoint that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((dict(self.headers), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?a=b"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, recipient: str) -> list[tuple[dict[str, str], bytes]]:
        """What was heard about one recipient: late news of other tests are not for this one."""
        return [(headers, body) for headers, body in self.heard if recipient.encode() in body]


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, listener: Listener
) -> Iterator[VendorProcess]:
    options = ("--event-webhook-url", listener.url, "--event-signing-key", "tests")
    options += ("--twilio-auth-token", "token", "--sendgrid-key", "SG.tests")
    with VendorProcess("messages", tmp_path_factory.mktemp("messages"), *options) as process:
        yield process


@pytest.fixture
def vendors(process: VendorProcess) -> VendorProcess:
    process.control("faults", method="DELETE")
    return process


def mail(to: str = "ada@example.com", **changes: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": to, "name": "Ada"}]}],
        "from": {"email": "orders@globalmart.example"},
        "subject": "Confirmed",
        "content": [{"type": "text/plain", "value": "Thank you."}],
        "custom_args": {"kind": "order_confirmed", "message_id": "m-1"},
        **changes,
    }


def post_text(vendors: VendorProcess, **fields: str) -> tuple[int, Any]:
    body = urlencode({"To": "+441134960123", "From": "+441134960000", "Body": "Hi", **fields})
    status, _, answer = vendors.call("POST", f"{MESSAGES}.json", body.encode(), TWILIO)
    return status, json.loads(answer)


class TestSendGrid:
    def test_takes_a_mail_with_202_and_an_empty_body(self, vendors: VendorProcess) -> None:
        status, headers, body = vendors.call("POST", "/v3/mail/send", mail(), SENDGRID)

        assert (status, body) == (202, b"")
        assert headers["X-Message-Id"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"personalizations": []}, "personalizations"),
            ({"personalizations": [{}]}, "personalizations.0.to"),
            ({"personalizations": [{"to": [{"email": "ada"}]}]}, "personalizations.0.to.0.email"),
            ({"from": {"email": "x"}}, "from.email"),
            ({"subject": ""}, "subject"),
            ({"content": []}, "content"),
            ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
            ({"custom_args": {"x": "y" * 10_001}}, "custom_args"),
            ({"personalizations": [7]}, None),
        ],
    )
    def test_refuses_a_bad_mail_in_its_own_shape(
        self, vendors: VendorProcess, changes: dict[str, Any], field: str | None
    ) -> None:
        before = vendors.rows("SELECT count(*) FROM messages")

        status, _, body = vendors.call("POST", "/v3/mail/send", mail(**changes), SENDGRID)

        [error] = json.loads(body)["errors"]
        assert (status, error["field"]) == (400, field)
        assert set(error) == {"message", "field", "help"}
        assert vendors.rows("SELECT count(*) FROM messages") == before

    @pytest.mark.parametrize("given", ["", "Bearer guess", "SG.tests"])
    def test_refuses_a_wrong_key(self, vendors: VendorProcess, given: str) -> None:
        status, _, body = vendors.call("POST", "/v3/mail/send", mail(), {"Authorization": given})

        assert status == 401
        assert "authorization grant" in json.loads(body)["errors"][0]["message"]

    @pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to verify with")
    def test_posts_signed_events(
        self, vendors: VendorProcess, listener: Listener, tmp_path: Path
    ) -> None:
        vendors.call("POST", "/v3/mail/send", mail("signed@example.com"), SENDGRID)
        wait_for(lambda: len(listener.about("signed@example.com")) == 2)

        heard = listener.about("signed@example.com")
        events = [json.loads(body)[0] for _, body in heard]
        assert [event["event"] for event in events] == ["processed", "delivered"]
        assert {event["message_id"] for event in events} == {"m-1"}
        assert all(is_signed(headers, body, tmp_path) for headers, body in heard)
        headers, body = heard[0]
        assert not is_signed(headers, body + b" ", tmp_path)

    def test_reports_a_bounce_for_an_address_that_cannot_exist(
        self, vendors: VendorProcess, listener: Listener
    ) -> None:
        vendors.call("POST", "/v3/mail/send", mail("ada@nowhere.invalid"), SENDGRID)
        wait_for(lambda: len(listener.about("nowhere.invalid")) == 2)

        last = json.loads(listener.about("nowhere.invalid")[-1][1])[0]
        assert (last["event"], last["type"]) == ("bounce", "bounce")

    @pytest.mark.parametrize(("fault", "number"), [("duplicate", 4), ("never", 0)])
    def test_events_come_twice_or_never_on_demand(
        self, vendors: VendorProcess, listener: Listener, fault: str, number: int
    ) -> None:
        vendors.fault("webhook.sendgrid", fault)
        vendors.call("POST", "/v3/mail/send", mail(f"{fault}@example.com"), SENDGRID)
        vendors.control("faults", method="DELETE")
        vendors.call("POST", "/v3/mail/send", mail(f"after-{fault}@example.org"), SENDGRID)

        wait_for(lambda: len(listener.about(f"after-{fault}@example.org")) == 2)
        wait_for(lambda: len(listener.about(f"{fault}@example.com")) == number)


class TestTwilio:
    def test_takes_a_message_with_201(self, vendors: VendorProcess) -> None:
        status, message = post_text(vendors)

        assert (status, message["status"], message["body"]) == (201, "queued", "Hi")
        assert message["uri"] == f"{MESSAGES}/{message['sid']}.json"
        assert message["num_segments"] == "1"
        wait_for(lambda: self._status(vendors, message["sid"]) == "delivered")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"To": ""}, 21604),
            ({"To": "0113"}, 21211),
            ({"To": "+15005550004"}, 21610),
            ({"From": ""}, 21603),
            ({"Body": ""}, 21602),
            ({"Body": "x" * 1601}, 21617),
        ],
    )
    def test_refuses_a_bad_message_in_its_own_shape(
        self, vendors: VendorProcess, fields: dict[str, str], code: int
    ) -> None:
        status, error = post_text(vendors, **fields)

        assert (status, error["code"], error["status"]) == (400, code, 400)
        assert error["more_info"].endswith(str(code))

    def test_refuses_a_wrong_token(self, vendors: VendorProcess) -> None:
        status, _, body = vendors.call("POST", f"{MESSAGES}.json", b"To=1", {})

        assert (status, json.loads(body)["code"]) == (401, 20003)

    def test_calls_back_signed(self, vendors: VendorProcess, listener: Listener) -> None:
        post_text(vendors, To="+441134960777", StatusCallback=listener.url)
        wait_for(lambda: len(listener.about("441134960777")) == 2)

        heard = listener.about("441134960777")
        for (headers, body), status in zip(heard, ("sent", "delivered"), strict=True):
            fields = dict(parse_qsl(body.decode()))
            text = listener.url + "".join(name + fields[name] for name in sorted(fields))
            digest = hmac.new(b"token", text.encode(), hashlib.sha1).digest()
            assert fields["MessageStatus"] == status
            assert headers["X-Twilio-Signature"] == base64.b64encode(digest).decode()

    @pytest.mark.parametrize(
        ("text", "number"),
        [("a" * 160, 1), ("a" * 161, 2), ("—" * 70, 1), ("—" * 71, 2), ("é" * 160, 1)],
    )
    def test_counts_segments_as_the_network_does(self, text: str, number: int) -> None:
        assert segments(text) == number

    def _status(self, vendors: VendorProcess, sid: str) -> str:
        body = vendors.call("GET", f"{MESSAGES}/{sid}.json", None, TWILIO)[2]
        return str(json.loads(body)["status"])


def test_what_arrived_survives_a_kill(tmp_path: Path) -> None:
    with VendorProcess("messages", tmp_path) as process:
        process.call("POST", "/v3/mail/send", mail(), SENDGRID)
        process.kill()
        process.start()

        [message] = process.control("messages?kind=order_confirmed", method="GET")["messages"]
    assert message["recipient"] == "ada@example.com"


@functools.cache
def verification_key() -> str:
    """Return the key that the shop would be given, as the command prints it."""
    command = [sys.executable, "-m", "globalmart.sandbox.messages"]
    command += ["--event-signing-key", "tests", "--print-verification-key"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    key = printed.stdout.strip()
    return f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n"


def is_signed(headers: dict[str, str], body: bytes, folder: Path) -> bool:
    """Ask OpenSSL, which nobody here wrote."""
    named = {name.lower(): value for name, value in headers.items()}
    signature = base64.b64decode(named["x-twilio-email-event-webhook-signature"])
    stamp = named["x-twilio-email-event-webhook-timestamp"].encode()
    (folder / "key.pem").write_text(verification_key())
    (folder / "signature").write_bytes(signature)
    verify = ["openssl", "dgst", "-sha256", "-verify", str(folder / "key.pem")]
    verify += ["-signature", str(folder / "signature")]
    return subprocess.run(verify, input=stamp + body, capture_output=True).returncode == 0
