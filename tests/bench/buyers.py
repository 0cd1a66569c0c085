"""What buyers do. Each script takes its parameters and returns how one unit of it is made."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from random import Random
from typing import Any
from uuid import uuid4

from tests.bench.client import Refused, Reply, Unit
from tests.bench.visit import Visit

MakeUnit = Callable[[], Unit]


def place_orders(parameters: Mapping[str, Any]) -> MakeUnit:
    """POST the `bodies` in turn, each under a key of its own; a refusal counts by its code."""
    head = (
        f"POST /api/v1/orders HTTP/1.1\r\nHost: {parameters['host']}\r\n"
        f"Authorization: Bearer {parameters['api_key']}\r\nContent-Type: application/json\r\n"
    )
    requests = cycle(
        f"{head}Content-Length: {len(body)}\r\nIdempotency-Key: %b\r\n\r\n{body}".encode()
        for body in (body.replace("%", "%%") for body in parameters["bodies"])
    )
    keys = _keys()

    def unit() -> Unit:
        reply = yield "place", next(requests) % next(keys)
        if reply.status != 201:
            raise Refused(_code(reply))

    return unit


def get_pages(parameters: Mapping[str, Any]) -> MakeUnit:
    """GET the `paths` in turn, with the `headers` given; all of them are there."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in parameters["headers"].items())
    requests = cycle(
        f"GET {path} HTTP/1.1\r\nHost: {parameters['host']}\r\n{headers}\r\n".encode()
        for path in parameters["paths"]
    )

    def unit() -> Unit:
        reply = yield "get", next(requests)
        if reply.status != 200:
            raise Refused(f"{reply.status} {reply.body[:200]!r}")

    return unit


def buy_through_pages(parameters: Mapping[str, Any]) -> MakeUnit:
    """Put three of the `products` (ids) into a basket, check out, place, look at the order.

    Redirects are not followed and pictures not loaded; the card form is Stripe's.
    """
    chance, host = Random(), parameters["host"]
    products = parameters["products"]

    def unit() -> Unit:
        visit = Visit(host, f"ada{chance.randrange(10_000)}@example.com")
        for product in chance.sample(products, 3):
            visit.note((yield "add", visit.add(product)), 302)
        visit.note((yield "contact", visit.contact()), 302)
        visit.note((yield "delivery", visit.delivery()), 302)
        page = visit.note((yield "review", visit.get("/checkout/review/")), 200)
        placed = visit.note((yield "place", visit.place(page)), 200)
        order_page = json.loads(placed.body)["order_url"]
        visit.note((yield "order", visit.get(order_page)), 200)

    return unit


def _keys() -> Iterator[bytes]:
    run, number = uuid4().hex, 0
    while True:
        number += 1
        yield b"%b-%d" % (run.encode(), number)


def _code(reply: Reply) -> str:
    try:
        return f"{reply.status} {json.loads(reply.body)['code']}"
    except (ValueError, KeyError, TypeError):
        return f"{reply.status} {reply.body[:200]!r}"


SCRIPTS: dict[str, Callable[[Mapping[str, Any]], MakeUnit]] = {
    "place": place_orders,
    "get": get_pages,
    "buy": buy_through_pages,
}
