"""The pages on which customers change, return and read what they ordered, asked by axe.

The pages are made by the test client and shown by a browser that talks to nobody: every state is
there at once, and no stack has to run.
"""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Route

from orders.links import order_path
from orders.models import Order, OrderLine
from tests.browser.walking import fit
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.conftest import (  # noqa: F401 - fixtures
    confirmed,
    placed,
    shop,
    stripe,
    warehouse,
)
from tests.orders.returns import story

pytestmark = pytest.mark.browser
ORIGIN = "http://shop.example"
AXE = Axe()
# In the dark only the colors differ.
ALL, COLORS = {"resultTypes": ["violations"]}, {"runOnly": ["color-contrast"]}
Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[int, Scheme, dict[str, list[str]]], ...] = (
    (320, "light", ALL),
    (1280, "dark", COLORS),
)


@pytest.fixture(autouse=True, scope="module")
def _same_thread() -> Iterator[None]:
    """Let Django work in the thread of Chromium's event loop: nothing else does meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


class Shown:
    """What the shop answered, under names."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.pages: dict[str, bytes] = {}

    def keep(self, page: str, path: str, /, *, status: int = 200, **fields: str) -> None:
        """Keep the answer to a GET, or to a POST of these fields."""
        answer = self.client.post(path, fields) if fields else self.client.get(path)
        assert answer.status_code == status, f"{page}: {answer.status_code}"
        self.pages[page] = answer.content


@pytest.fixture
def shown(client: Client) -> Shown:
    return Shown(client)


def test_pages_of_an_order_that_waits(
    chromium: Browser,
    confirmed: Order,  # noqa: F811
    shown: Shown,
) -> None:
    path = order_path(confirmed)
    cups = OrderLine.objects.get(order=confirmed, sku="CUP").position
    shown.keep("order", path)
    shown.keep("contact", f"{path}change/contact/")
    shown.keep("contact-error", f"{path}change/contact/", status=422, email="new(at)example")
    shown.keep("address", f"{path}change/address/")
    shown.keep("address-error", f"{path}change/address/", status=422, name="Ada", country="GB")
    shown.keep("items", f"{path}cancel/items/")
    shown.keep("items-review", f"{path}cancel/items/", step="review", **{f"line_{cups}": "1"})
    shown.keep("withdraw", f"{path}withdraw/")
    ask_axe(chromium, shown.pages)


def test_pages_of_an_order_that_arrived(
    chromium: Browser,
    client: Client,
    confirmed: Order,  # noqa: F811
    warehouse: FakeWarehouse,  # noqa: F811
    shown: Shown,
) -> None:
    story.ship(confirmed, warehouse)
    path = order_path(confirmed)
    mugs = OrderLine.objects.get(order=confirmed, sku="MUG").position
    chosen = {f"quantity_{mugs}": "1", f"reason_{mugs}": "faulty", "method": "own"}
    shown.keep("documents", path)
    shown.keep("return", f"{path}return/")
    shown.keep("return-error", f"{path}return/", status=422, step="review", method="own")
    shown.keep("return-review", f"{path}return/", step="review", **chosen)
    done = client.post(f"{path}return/", {**chosen, "step": "confirm", "uuid": str(uuid4())})
    shown.keep("return-label", done.headers["Location"])
    who = {"name": "Ada Lovelace", "email": "ada@home.example", "scope": "whole"}
    shown.keep(
        "withdraw-error", f"{path}withdraw/", status=422, step="statement", **who | {"email": "x"}
    )
    shown.keep("withdraw-confirm", f"{path}withdraw/", step="statement", **who)
    client.post(f"{path}withdraw/", {**who, "step": "confirm", "uuid": str(uuid4())})
    shown.keep("withdraw-received", f"{path}withdraw/received/")
    shown.keep("order-after", path)
    ask_axe(chromium, shown.pages)


def test_pages_before_it_is_ordered(
    chromium: Browser,
    client: Client,
    placed: Order,  # noqa: F811
    shown: Shown,
) -> None:
    product = OrderLine.objects.filter(order=placed).values_list("product", flat=True)[0]
    client.post("/basket/add/", {"product": str(product), "quantity": "1"})
    shown.keep("basket", "/basket/")
    shown.keep("voucher-error", "/basket/voucher/", status=422, voucher="TEN")
    Order.objects.filter(pk=placed.pk).update(state="expired")
    shown.keep("again", f"{order_path(placed)}again/")
    ask_axe(chromium, shown.pages)


def ask_axe(chromium: Browser, pages: dict[str, bytes]) -> None:
    """Check each page on a narrow and on a wide screen: nothing is too wide, axe has no word."""
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.route("**/*", lambda route: answer(route, pages))
    wrong = []
    for name in pages:
        page.goto(f"{ORIGIN}/{name}")
        for width, scheme, options in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            fit(page)
            found = AXE.run(page, options=options)
            if found.violations_count:
                wrong.append(f"{name}, {width} px, {scheme}: {found.generate_report()}")
    context.close()
    assert not wrong, "\n".join(wrong)


def answer(route: Route, pages: dict[str, bytes]) -> None:
    """Answer the browser from the pages and the shop's own styles and scripts; else not at all."""
    path = urlsplit(route.request.url).path
    if path[1:] in pages:
        route.fulfill(body=pages[path[1:]], content_type="text/html; charset=utf-8")
        return
    file = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
    if not isinstance(file, str):
        route.abort()
        return
    route.fulfill(
        body=Path(file).read_bytes(),
        content_type=mimetypes.guess_type(file)[0] or "application/octet-stream",
    )
