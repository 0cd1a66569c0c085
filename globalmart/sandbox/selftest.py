"""Buy one thing as a customer would, and see it through to the message about its dispatch."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from globalmart.sandbox.browsing import Browser, Page

FINISHED_WITHIN_SECONDS = 60
PLENTY = 20
STATES = ("status", "payment_status", "fulfillment_status")
MESSAGES = ("order_confirmed", "shipment_dispatched")
Found = TypeVar("Found")


class SelfTestFailed(Exception):
    """The purchase did not go through; the message says where it stopped and where to look."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where a running stack answers."""

    base_url: str
    api_key: str
    stripe_url: str
    messages_url: str
    publishable_key: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read it from the environment that `exec` gives to its command."""
        return cls(
            environment["BASE_URL"],
            environment["GM_API_KEY"],
            environment["SANDBOX_STRIPE_URL"],
            environment["SANDBOX_MESSAGES_URL"],
            environment["STRIPE_PUBLISHABLE_KEY"],
        )


def buy_through_api(shop: Shop) -> str:
    """Place an order by the API and follow it to the end; return a line that tells how it went.

    Raises SelfTestFailed.
    """
    began_at = time.monotonic()
    try:
        return _buy(shop, began_at)
    except (LookupError, OSError, ValueError) as error:
        raise SelfTestFailed(f"an answer is not as expected: {error!r}") from error


def _buy(shop: Shop, began_at: float) -> str:
    browser = Browser()
    sku = _plentiful_product(shop, browser)["sku"]
    reference = f"selftest-{uuid.uuid4().hex[:12]}"
    placed = _api(shop, browser, "POST", "/api/v1/orders", order_of(sku, reference), reference)
    if placed.status != 201:
        raise SelfTestFailed(f"POST /api/v1/orders answered {placed.status}: {placed.body[:500]}")
    return _follow(shop, browser, placed.json["id"], began_at)


def order_of(sku: str, reference: str) -> dict[str, Any]:
    """Return the body of an order for one piece, paid by a test card that is never refused."""
    return {
        "external_ref": reference,
        "currency": "GBP",
        "customer": {
            "email": "ada@example.com",
            "name": "Ada Lovelace",
            "phone": "+442071234567",
        },
        "shipping_address": {
            "name": "Ada Lovelace",
            "line1": "12 St James's Square",
            "line2": "",
            "city": "London",
            "region": "",
            "postal_code": "SW1Y 4JH",
            "country": "GB",
        },
        "shipping_method": "standard",
        "lines": [{"sku": sku, "quantity": 1}],
        "payment_method": "pm_card_visa",
    }


def follow_to_the_end(shop: Shop, browser: Browser, order_id: str) -> dict[str, Any]:
    """Wait until the order is completed and paid and both messages arrived; return the order.

    Raises SelfTestFailed, saying which part did not come about.
    """
    path = f"/api/v1/orders/{order_id}"

    def finished() -> dict[str, Any] | None:
        order: dict[str, Any] = _api(shop, browser, "GET", path).json
        is_done = (order["status"], order["payment_status"]) == ("completed", "paid")
        return order if is_done else None

    def state() -> str:
        order = _api(shop, browser, "GET", path).json
        words = (f"{part} {order.get(part)}" for part in STATES)
        return f"order {order.get('number')} stopped at {', '.join(words)}"

    order = wait_for(finished, state)
    wait_for_messages(shop, browser, order["number"])
    return order


def _follow(shop: Shop, browser: Browser, order_id: str, began_at: float) -> str:
    order = follow_to_the_end(shop, browser, order_id)
    taken = time.monotonic() - began_at
    return f"order {order['number']} placed, paid, shipped, captured, told in {taken:.1f} s"


def _plentiful_product(shop: Shop, browser: Browser) -> dict[str, Any]:
    answer = _api(shop, browser, "GET", "/api/v1/products?limit=100")
    if answer.status != 200:
        raise SelfTestFailed(f"GET /api/v1/products answered {answer.status}: {answer.body[:500]}")
    products: list[dict[str, Any]] = answer.json["data"]
    for product in products:
        if int(product["available"]) >= PLENTY:
            return product
    raise SelfTestFailed(f"none of {len(products)} products has {PLENTY} pieces in stock")


def _api(
    shop: Shop,
    browser: Browser,
    method: str,
    path: str,
    value: Mapping[str, Any] | None = None,
    key: str = "",
) -> Page:
    headers = {"Authorization": f"Bearer {shop.api_key}"}
    body = None
    if value is not None:
        headers |= {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"'}
        body = json.dumps(value).encode()
    return browser.send(method, f"{shop.base_url}{path}", body, headers)


def wait_for(check: Callable[[], Found | None], state: Callable[[], str]) -> Found:
    """Return what `check` finds. Raises SelfTestFailed with the words of `state` after a minute."""
    ends_at = time.monotonic() + FINISHED_WITHIN_SECONDS
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > ends_at:
            raise SelfTestFailed(
                f"{state()} after {FINISHED_WITHIN_SECONDS} s. See the timeline of the order in "
                "the staff pages, and the logs of relay and workers."
            )
        time.sleep(0.1)


def wait_for_messages(shop: Shop, browser: Browser, number: str) -> None:
    """Wait until the customer was told that the order is placed, and that it left.

    Raises SelfTestFailed, naming the message that did not come.
    """
    address = f"{shop.messages_url}/_control/messages?q={number}"

    def missing() -> set[str]:
        return set(MESSAGES) - {
            message["kind"] for message in browser.get(address).json["messages"]
        }

    wait_for(
        lambda: not missing(),
        lambda: f"order {number} went through, but no mail {', no mail '.join(missing())}",
    )
