"""A cookie-keeping HTTP client with the little that it takes to walk through forms."""

import http.cookiejar
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

from lxml import html

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, after redirects."""

    status: int
    url: str
    body: str

    @property
    def json(self) -> Any:
        """The body decoded from JSON. Raises ValueError."""
        return json.loads(self.body)

    def form(self, *, holding: str) -> "Form":
        """Return the first form with a field or an action that contains `holding`.

        Raises LookupError.
        """
        tree: Any = html.fromstring(self.body, base_url=self.url)
        for form in tree.forms:
            if holding in (form.get("action") or "") or holding in form.fields:
                address = urljoin(self.url, form.get("action") or self.url)
                values = {name: value for name, value in form.form_values()}
                return Form(address, values)
        raise LookupError(f"{self.url} has no form with {holding}")


@dataclass(frozen=True, slots=True)
class Form:
    """A form with the values that it came with."""

    address: str
    values: dict[str, str]


class Browser:
    """Keeps cookies, follows redirects, sends the headers that browsers send."""

    def __init__(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # everything is on this machine
            urllib.request.HTTPCookieProcessor(jar),
        )

    def get(self, url: str, **headers: str) -> Page:
        """Fetch a page. Error answers are returned, not raised. Raises OSError."""
        return self.send("GET", url, None, headers)

    def submit(self, form: Form, *, referer: str, **values: str) -> Page:
        """Send a form as it came, with `values` filled in. Raises OSError."""
        return self._post(form.address, {**form.values, **values}, Referer=referer)

    def post_form(self, url: str, **values: str) -> Page:
        """Send values as a form. Raises OSError."""
        return self._post(url, values)

    def _post(self, url: str, values: dict[str, str], **headers: str) -> Page:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", url, urlencode(values).encode(), kind | headers)

    def send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Page:
        """Send any request. Raises OSError when nothing answers."""
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - http to our own processes
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return Page(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.url or url, error.read().decode(errors="replace"))
