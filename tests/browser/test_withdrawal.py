"""A consumer withdraws on a phone: the labelled link, the statement, the labelled button."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from globalmart.sandbox.stack import Stack
from tests.browser.walking import fit
from tests.journeys.shop import Shop, order_body

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def test_a_consumer_withdraws_in_two_steps(page: Page, stack: Stack) -> None:
    shop = Shop(stack.environment)
    items = [{"sku": sku, "quantity": 1} for sku in shop.plentiful(2)]
    placed = shop.place(key=uuid.uuid4().hex, body=order_body(items))
    assert not shop.wait_until_final([placed["id"]], seconds=60)

    page.goto(placed["tracking_url"])
    page.get_by_role("link", name="Withdraw from contract here").click()
    fit(page)
    page.get_by_label("E-mail address").fill("not an address")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("[data-errors]")).to_be_focused()
    page.get_by_label("E-mail address").fill("ada@home.example.com")
    page.get_by_role("button", name="Continue").click()
    fit(page)
    expect(page.get_by_text("ada@home.example.com")).to_be_visible()
    page.get_by_role("button", name="Confirm withdrawal", exact=True).click()

    page.wait_for_url("**/withdraw/received/")
    expect(page.get_by_role("heading", level=1)).to_have_text("We have received your withdrawal")
    fit(page)
    page.get_by_role("link", name="Your label to send it back").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    fit(page)
