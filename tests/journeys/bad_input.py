"""Orders that must be refused: what is sent, and the pointer that the answer must name."""

import copy
import json
from typing import Any

from tests.journeys.shop import order_body


def changed(path: str, value: Any) -> bytes:
    """A good order with one value put elsewhere; `path` as lines/0/quantity."""
    body = copy.deepcopy(order_body([{"sku": "SKU", "quantity": 1}]))
    *parents, last = path.split("/")
    place: Any = body
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    place[last] = value
    return json.dumps(body).encode()


# name -> (bytes, pointer). SKU is replaced by a product that exists.
REFUSED: dict[str, tuple[bytes, str]] = {
    "malformed JSON": (b'{"currency": "GBP", ', ""),
    "not an object": (b"[1, 2]", ""),
    "unknown SKU": (changed("lines/0/sku", "NO-SUCH-SKU"), "/lines/0/sku"),
    "quantity 0": (changed("lines/0/quantity", 0), "/lines/0/quantity"),
    "quantity -1": (changed("lines/0/quantity", -1), "/lines/0/quantity"),
    "quantity 1.5": (changed("lines/0/quantity", 1.5), "/lines/0/quantity"),
    "quantity 1e9": (changed("lines/0/quantity", 10**9), "/lines/0/quantity"),
    "quantity as text": (changed("lines/0/quantity", "NaN"), "/lines/0/quantity"),
    "quantity true": (changed("lines/0/quantity", True), "/lines/0/quantity"),
    "no lines": (changed("lines", []), "/lines"),
    "wrong currency": (changed("currency", "XXX"), "/currency"),
    "a megabyte in a field": (changed("customer/name", "A" * 900_000), "/customer/name"),
    "NUL in a field": (changed("customer/name", "Ada\x00"), "/customer/name"),
    "no mail address": (changed("customer/email", "ada"), "/customer/email"),
    "no such country": (changed("shipping_address/country", "QQ"), "/shipping_address/country"),
    "unknown way to ship": (changed("shipping_method", "drone"), "/shipping_method"),
}
