"""Mail and text messages through the vendors' own libraries, to the pretended vendors."""

import json
import logging
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from globalmart.core import db
from notifications.gateways import (
    MessageDeferred,
    MessageRefused,
    MessageUnknown,
    deadline,
    mail,
    sms,
)
from tests.sandbox.vendor_process import VendorProcess, free_port

SID = "AC" + "0" * 32
METADATA = {"event_id": "evt-1", "kind": "order_confirmed", "order_number": "GM-7K2QD-9XW4A"}


def addressed_to(base: str, **changes: Any) -> Any:
    return override_settings(
        EMAIL_BACKEND="anymail.backends.sendgrid.EmailBackend",
        ANYMAIL={"SENDGRID_API_KEY": "SG.tests", "SENDGRID_API_URL": f"{base}/v3/"},
        DEFAULT_FROM_EMAIL="GlobalMart <orders@globalmart.example>",
        TWILIO_API_BASE=base,
        TWILIO_ACCOUNT_SID=SID,
        TWILIO_AUTH_TOKEN="token",
        TWILIO_FROM="+441134960000",
        **changes,
    )


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorProcess]:
    options = ("--twilio-auth-token", "token", "--sendgrid-key", "SG.tests")
    with VendorProcess("messages", tmp_path_factory.mktemp("messages"), *options) as process:
        yield process


@pytest.fixture
def here(vendors: VendorProcess) -> Iterator[VendorProcess]:
    vendors.control("faults", method="DELETE")
    with addressed_to(vendors.url):
        yield vendors
    vendors.control("faults", method="DELETE")


def send_mail(to: str = "ada@example.com", **changes: str) -> str:
    words = {"subject": "Confirmed: Söhne & Co", "text": "Thank you.", "html": "<p>Thank you.</p>"}
    return mail.send_mail(to=to, message_id="msg-1", metadata=METADATA, **{**words, **changes})


def send_sms(to: str = "+441134960123", text: str = "On its way: £5 — Söhne") -> str:
    return sms.send_sms(to=to, text=text, message_id="msg-2")


SENDERS: dict[str, Callable[[], str]] = {"mail": send_mail, "sms": send_sms}
OPERATIONS = {"mail": "mail.send", "sms": "messages.create"}


@pytest.fixture(params=["mail", "sms"])
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestWhatArrives:
    def test_a_mail_arrives_whole_with_its_metadata(self, here: VendorProcess) -> None:
        provider_id = send_mail("whole@example.com")

        [arrived] = here.control("messages?recipient=whole@example.com", method="GET")["messages"]
        assert arrived["message_id"] == provider_id
        assert arrived["subject"] == "Confirmed: Söhne & Co"
        assert (arrived["text"], arrived["html"]) == ("Thank you.", "<p>Thank you.</p>")
        assert arrived["sender"] == "orders@globalmart.example"
        assert (
            json.loads(arrived["metadata"]).items() >= {**METADATA, "message_id": "msg-1"}.items()
        )
        sql = "SELECT kind, order_number, event_id, reference FROM book_messages WHERE message_id=?"
        assert here.rows(sql, provider_id) == [
            ("order_confirmed", "GM-7K2QD-9XW4A", "evt-1", "msg-1")
        ]

    def test_a_text_message_arrives_whole(self, here: VendorProcess) -> None:
        sid = send_sms("+441134960124")

        [arrived] = here.control("messages?recipient=%2B441134960124", method="GET")["messages"]
        assert (arrived["message_id"], arrived["text"]) == (sid, "On its way: £5 — Söhne")
        assert sid.startswith("SM")
        sql = "SELECT provider, kind, event_id FROM book_messages WHERE message_id = ?"
        assert here.rows(sql, sid) == [("twilio", None, None)]

    def test_no_warning_reaches_the_log_at_any_send(self, here: VendorProcess) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert send_mail()


class TestRefusals:
    @pytest.mark.parametrize(
        "to", ["", "ada", "ada@example.com, grace@example.com", "ada@example.com\nBcc: eve@x.com"]
    )
    def test_what_is_not_one_mail_address_is_not_sent(self, to: str) -> None:
        with addressed_to("http://127.0.0.1:9"), pytest.raises(MessageRefused):
            send_mail(to)

    def test_a_subject_of_two_lines_is_not_sent(self) -> None:
        with addressed_to("http://127.0.0.1:9"), pytest.raises(MessageRefused):
            send_mail(subject="Confirmed\r\nBcc: eve@example.com")

    @pytest.mark.parametrize("to", ["", "5", "01134960000", "+44 113", "+441134960000,+4411"])
    def test_what_is_not_one_number_is_not_sent(self, to: str) -> None:
        with addressed_to("http://127.0.0.1:9"), pytest.raises(MessageRefused):
            send_sms(to)

    def test_a_providers_refusal_is_definite_and_quotes_nobody(self, here: VendorProcess) -> None:
        with pytest.raises(MessageRefused, match="21610") as refusal:
            send_sms("+15005550004")
        with pytest.raises(MessageRefused, match="400"):
            send_mail(subject="", text="")

        assert "5005550004" not in str(refusal.value)

    def test_wrong_credentials_are_for_later(self, vendors: VendorProcess) -> None:
        wrong = {"SENDGRID_API_KEY": "guess", "SENDGRID_API_URL": f"{vendors.url}/v3/"}
        with addressed_to(vendors.url), override_settings(ANYMAIL=wrong, TWILIO_AUTH_TOKEN="guess"):
            for send in SENDERS.values():
                with pytest.raises(MessageDeferred, match="401"):
                    send()


class TestOutages:
    def test_a_closed_port_means_not_sent(self, channel: str) -> None:
        with addressed_to(f"http://127.0.0.1:{free_port()}"), pytest.raises(MessageDeferred):
            SENDERS[channel]()

    @pytest.mark.parametrize(
        ("fault", "status", "error"),
        [
            ("error_before", 429, MessageDeferred),
            ("error_before", 503, MessageDeferred),
            ("error_after_apply", 500, MessageUnknown),
            ("drop_after_apply", None, MessageUnknown),
            ("drop_before", None, MessageUnknown),
        ],
    )
    def test_each_fault_has_its_error(
        self,
        here: VendorProcess,
        channel: str,
        fault: str,
        status: int | None,
        error: type[Exception],
    ) -> None:
        before = here.rows("SELECT count(*) FROM book_messages")[0][0]
        here.fault(OPERATIONS[channel], fault, count=1, status=status)

        with pytest.raises(error):
            SENDERS[channel]()

        after = here.rows("SELECT count(*) FROM book_messages")[0][0]
        assert after - before == (1 if fault.endswith("after_apply") else 0)

    def test_an_answer_that_drips_ends_at_the_deadline(
        self, channel: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deadline, "DEADLINE_SECONDS", 0.5)
        with dripping() as base, addressed_to(base):
            started = time.monotonic()
            with pytest.raises(MessageUnknown):
                SENDERS[channel]()

        assert time.monotonic() - started < 3

    def test_a_redirect_is_not_followed(self, channel: str, here: VendorProcess) -> None:
        errors = (MessageUnknown, MessageDeferred)
        target = f"{here.url}/_control/health"
        with redirecting(target) as base, addressed_to(base), pytest.raises(errors):
            SENDERS[channel]()


class TestConduct:
    def test_nothing_is_sent_while_a_transaction_is_open(
        self, channel: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "in_real_transaction", lambda: True)

        with addressed_to("http://127.0.0.1:9"), pytest.raises(db.NetworkInTransaction):
            SENDERS[channel]()

    def test_the_log_names_no_person(
        self, here: VendorProcess, channel: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        SENDERS[channel]()

        assert "msg-" in caplog.text
        for private in ("ada@example.com", "441134960123", "Thank you", "On its way"):
            assert private not in caplog.text


class answering_raw:
    """A server of bare sockets that answers every connection by `script`."""

    def __init__(self, script: Callable[[socket.socket], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65536)
                    self._script(connection)
        except OSError:
            return  # closed by the test


def dripping() -> answering_raw:
    def script(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 OK\r\nContent-Length: 9000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.02)

    return answering_raw(script)


def redirecting(target: str) -> answering_raw:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
    return answering_raw(lambda connection: connection.sendall(answer.encode()))
