"""One visit to the shop, by hand: cookies and form fields, and nothing parsed that is not used."""

import re
import secrets
from urllib.parse import urlencode

from tests.bench.client import Refused, Reply

SESSION = re.compile(rb"\r\nset-cookie: *sessionid=([^;]+)", re.IGNORECASE)
FIELD = rb'name="%b"[^>]*value="([^"]*)"'
DELIVERY = {
    "name": "Ada Lovelace",
    "country": "GB",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "method": "standard",
}


class Visit:
    """What a browser keeps between two requests."""

    def __init__(self, host: str, email: str) -> None:
        self._host = host
        self._email = email
        # Any secret does, as long as cookie and form say the same: nothing needs to be read first.
        self._token = secrets.token_hex(16)
        self._cookies = f"csrftoken={self._token}"

    def note(self, reply: Reply, status: int) -> Reply:
        """Keep the session. Raises Refused for another status."""
        if reply.status != status:
            raise Refused(f"{reply.status} {reply.body[-300:]!r}")
        found = SESSION.search(reply.head)
        if found is not None:
            self._cookies = f"csrftoken={self._token}; sessionid={found[1].decode()}"
        return reply

    def get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\n{self._head()}\r\n".encode()

    def add(self, product: int) -> bytes:
        return self._post("/basket/add/", {"product": str(product), "quantity": "1"})

    def contact(self) -> bytes:
        return self._post("/checkout/contact/", {"email": self._email, "phone": ""})

    def delivery(self) -> bytes:
        return self._post("/checkout/delivery/", DELIVERY)

    def place(self, review: Reply) -> bytes:
        """Press the button of the page with the card form. Raises Refused without one."""
        fields = {}
        for name in ("key", "shown", "total"):
            found = re.search(FIELD % name.encode(), review.body)
            if found is None:
                raise Refused(f"the review page has no {name}")
            fields[name] = found[1].decode()
        return self._post("/checkout/place/", fields)

    def _post(self, path: str, fields: dict[str, str]) -> bytes:
        body = urlencode({"csrfmiddlewaretoken": self._token, **fields})
        return (
            f"POST {path} HTTP/1.1\r\n{self._head()}"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _head(self) -> str:
        return f"Host: {self._host}\r\nCookie: {self._cookies}\r\n"
