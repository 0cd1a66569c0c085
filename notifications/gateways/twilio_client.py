"""Twilio's SDK, pointed at the address in the settings."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifications.gateways.deadline import DEADLINE_SECONDS, guard


class RelocatedHttpClient(TwilioHttpClient):  # type: ignore[misc]  # the SDK has no types
    """Sends what the SDK addresses to api.twilio.com to `base` instead; never retries."""

    def __init__(self, *, base: str) -> None:
        super().__init__(timeout=DEADLINE_SECONDS)
        self._base = urlsplit(base)
        guard(self.session)

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        """Send one request; the path and query are the SDK's."""
        wanted = urlsplit(url)
        path = self._base.path.rstrip("/") + wanted.path
        moved = urlunsplit((self._base.scheme, self._base.netloc, path, wanted.query, ""))
        return super().request(method, moved, *args, **options)

    def log_request(self, kwargs: Any) -> None:
        """Log nothing: the request holds a telephone number and the text."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Log nothing: the answer repeats the request."""


def build_client(*, base: str, account_sid: str, auth_token: str) -> Client:
    """Return an SDK client. One per thread: its HTTP session is not made to be shared."""
    return Client(account_sid, auth_token, http_client=RelocatedHttpClient(base=base))
