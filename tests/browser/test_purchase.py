"""A guest buys by card, as people do: with a browser, at the width of a phone and of a desk."""

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from globalmart.sandbox.stack import Stack
from tests.browser.walking import (
    DECLINED_CARD,
    GOOD_CARD,
    ORDER_PAGE,
    fit,
    go_to_review,
    pay_with,
)
from tests.journeys.shop import Shop, order_body

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture(params=[390, 1280], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page whose console must stay free of errors: a breach of the policy is one."""
    context = chromium.new_context(viewport={"width": request.param, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert [problem for problem in problems if "status of 4" not in problem] == []


class TestPurchase:
    def test_a_guest_buys_and_sees_the_order_confirmed_then_on_its_way(
        self, page: Page, stack: Stack
    ) -> None:
        go_to_review(page, stack.base_url)

        pay_with(page, GOOD_CARD)

        page.wait_for_url(ORDER_PAGE)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you, Ada Lovelace")
        fit(page)
        # Nobody reloads: the page follows along by itself.
        announced = page.locator("#announcement")
        expect(announced).to_have_text("Your order is on its way", timeout=40_000)
        expect(page.get_by_role("heading", name=re.compile("^Your parcel"))).to_be_visible()

    def test_a_declined_card_may_be_followed_by_a_good_one(self, page: Page, stack: Stack) -> None:
        go_to_review(page, stack.base_url)

        pay_with(page, DECLINED_CARD)
        expect(page.get_by_role("alert")).to_contain_text("declined")
        pay_with(page, GOOD_CARD)

        page.wait_for_url(ORDER_PAGE)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you, Ada Lovelace")


class TestCancelling:
    def test_of_an_unpaid_order_is_two_clicks_and_an_honest_answer(
        self, page: Page, stack: Stack
    ) -> None:
        shop = Shop(stack.environment)
        lines = [{"sku": sku, "quantity": 1} for sku in shop.plentiful(1)]
        body = order_body(lines)
        del body["payment_method"]
        page.goto(shop.place(key=uuid.uuid4().hex, body=body)["tracking_url"])

        page.get_by_role("link", name="Cancel this order").click()
        fit(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Cancel this order?")
        page.get_by_role("button", name="Cancel the order").click()

        page.wait_for_url(ORDER_PAGE)
        # At once, or when the page has followed along.
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("This order is cancelled", timeout=30_000)
        expect(page.get_by_text("You were not charged.")).to_be_visible()
        fit(page)
