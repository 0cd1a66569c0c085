"""Both providers and the page in one server."""

import base64
import functools
import hmac
from typing import Any

from globalmart.sandbox.book import Book
from globalmart.sandbox.messages import sendgrid, twilio
from globalmart.sandbox.messages.callbacks import Call, Callbacks
from globalmart.sandbox.messages.pages import Pages
from globalmart.sandbox.messages.signing import Signer
from globalmart.sandbox.messages.store import Message, Store
from globalmart.sandbox.web import App, Request, Response, json_response

# Seconds until a provider reports that a message got there.
DELIVERY_SECONDS = 0.5


class MessagesApp(App):
    """SendGrid below /v3, Twilio below /2010-04-01, people at /."""

    def __init__(
        self,
        book: Book,
        *,
        event_webhook_url: str = "",
        signing_key: str = "",
        sendgrid_key: str = "",
        twilio_auth_token: str = "",
    ) -> None:
        """Empty credentials accept any; an empty `event_webhook_url` posts no mail events."""
        super().__init__()
        self._store = Store(book)
        self._event_webhook_url = event_webhook_url
        self._signer = Signer(signing_key) if signing_key else None
        self._sendgrid_key = sendgrid_key
        self._twilio_auth_token = twilio_auth_token
        self._callbacks = Callbacks(self.faults)
        self._callbacks.start()
        self.route("POST", "/v3/mail/send", operation="mail.send")(self._send_mail)
        messages = "/2010-04-01/Accounts/{account}/Messages"
        self.route("POST", f"{messages}.json", operation="messages.create")(self._send_text)
        self.route("GET", messages + "/{sid}.json", operation="messages.fetch")(self._fetch_text)
        self.route("GET", "/_control/messages")(self._list)
        Pages(self._store).join(self)

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Return an error in the shape of the provider that was called."""
        if request.path.startswith("/2010"):
            error = twilio.Invalid(20500 if status >= 500 else 20404, message, status)
            return json_response(twilio.error_body(error), status=status)
        return json_response(sendgrid.error_body(message, None), status=status)

    def _send_mail(self, request: Request) -> Response:
        given = request.header("Authorization")
        wanted = f"Bearer {self._sendgrid_key}" if self._sendgrid_key else given
        if not given.startswith("Bearer ") or not hmac.compare_digest(given, wanted):
            refusal = "The provided authorization grant is invalid, expired, or revoked"
            return json_response(sendgrid.error_body(refusal, None), status=401)
        try:
            messages = sendgrid.read(request.json)
        except sendgrid.Invalid as error:
            return json_response(sendgrid.error_body(error.message, error.field), status=400)
        except (ValueError, AttributeError, TypeError):
            return json_response(sendgrid.error_body("Bad Request", None), status=400)
        for message in messages:
            self._take_mail(message)
        return Response(b"", 202, "text/plain", {"X-Message-Id": messages[0].message_id})

    def _take_mail(self, message: Message) -> None:
        row = self._store.add(message, "accepted")
        for number, event in enumerate(sendgrid.outcomes(message.recipient)):
            build = functools.partial(self._mail_event, row, event)
            call = Call(f"webhook.sendgrid.{event}", build)
            self._callbacks.enter(call, after=DELIVERY_SECONDS * (number + 1) / 2)

    def _mail_event(self, row: int, event: str) -> tuple[str, bytes, dict[str, str]]:
        if event != self._store.statuses(row)[-1]["status"]:
            self._store.note(row, event)
        body = sendgrid.event_body(self._store.get(row), event)
        headers = {"Content-Type": "application/json"}
        if self._signer:
            headers |= self._signer.headers(body)
        return self._event_webhook_url, body, headers

    def _send_text(self, request: Request) -> Response:
        account = request.params["account"]
        if not self._is_known(request, account):
            error = twilio.Invalid(20003, "Authenticate", 401)
            return json_response(twilio.error_body(error), status=401)
        try:
            message = twilio.read(request.form)
        except twilio.Invalid as error:
            return json_response(twilio.error_body(error), status=error.status)
        row = self._store.add(message, "queued")
        for number, status in enumerate(("sent", "delivered")):
            build = functools.partial(self._text_status, row, status, account)
            call = Call(f"webhook.twilio.{status}", build)
            self._callbacks.enter(call, after=DELIVERY_SECONDS * (number + 1) / 2)
        shown = twilio.as_json(self._store.get(row), account_sid=account, status="queued")
        return json_response(shown, status=201)

    def _text_status(
        self, row: int, status: str, account: str
    ) -> tuple[str, bytes, dict[str, str]]:
        if status != self._store.statuses(row)[-1]["status"]:
            self._store.note(row, status)
        message: Any = self._store.get(row)
        fields = twilio.callback(message, status, account_sid=account)
        url = message["callback_url"]
        return url, *twilio.signed(url, fields, auth_token=self._twilio_auth_token)

    def _fetch_text(self, request: Request) -> Response:
        account = request.params["account"]
        row = self._store.named(request.params["sid"])
        if row is None or not self._is_known(request, account):
            error = twilio.Invalid(20404, "The requested resource was not found", 404)
            return json_response(twilio.error_body(error), status=404)
        status = self._store.statuses(row["id"])[-1]["status"]
        return json_response(twilio.as_json(row, account_sid=account, status=status))

    def _is_known(self, request: Request, account: str) -> bool:
        scheme, _, token = request.header("Authorization").partition(" ")
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except ValueError:
            return False
        wanted = self._twilio_auth_token or password
        return scheme == "Basic" and user == account and hmac.compare_digest(password, wanted)

    def _list(self, request: Request) -> Response:
        query = request.query
        limit = str(query.get("limit", ""))
        rows = self._store.find(
            words=str(query.get("q", "")),
            provider=str(query.get("provider", "")),
            recipient=str(query.get("recipient", "")),
            kind=str(query.get("kind", "")),
            limit=min(int(limit), 1000) if limit.isdecimal() else 100,
        )
        return json_response({"messages": [self._shown(row) for row in rows]})

    def _shown(self, row: Any) -> dict[str, Any]:
        statuses = [status["status"] for status in self._store.statuses(row["id"])]
        return {**{name: row[name] for name in row.keys()}, "statuses": statuses}  # noqa: SIM118
