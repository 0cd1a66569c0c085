"""A guest buys by card, as people do: with a browser, at the width of a phone and of a desk."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from globalmart.sandbox.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.stack]
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
ORDER_PAGE = re.compile(r"/orders/GM-\w{5}-\w{5}/[\w-]{32}/$")


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


def fit(page: Page) -> None:
    """Check that nothing is wider than the window."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth"), page.url


def go_to_review(page: Page, base_url: str) -> None:
    """Find a product, and walk through the checkout up to the card form."""
    page.goto(base_url)
    page.get_by_role("searchbox").fill("mug")
    page.keyboard.press("Enter")
    page.get_by_label("In stock only").check()
    page.wait_for_url("**stock=1**")
    fit(page)
    page.locator(".card a").first.click()
    fit(page)
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Continue to delivery").click()
    page.get_by_label("Full name").fill("Ada Lovelace")
    page.get_by_label("Address", exact=True).fill("12 St James's Square")
    page.get_by_label("Town or city").fill("London")
    page.get_by_label("Postcode").fill("sw1y4jh")
    fit(page)
    page.get_by_role("button", name="Continue to review").click()
    page.wait_for_url("**/checkout/review/")
    fit(page)


def card_field(page: Page, name: str) -> Locator:
    return page.frame_locator("#payment-element iframe").first.locator(f"[name={name}]")


def pay_with(page: Page, number: str) -> None:
    """Type a card into the provider's frame and press the button."""
    card_field(page, "cardnumber").fill(number)
    card_field(page, "exp-date").fill("12 / 34")
    card_field(page, "cvc").fill("123")
    page.get_by_role("button", name=re.compile("^Pay £")).click()


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
        expect(page.get_by_role("heading", name=re.compile("^Parcel 1"))).to_be_visible()

    def test_a_declined_card_may_be_followed_by_a_good_one(self, page: Page, stack: Stack) -> None:
        go_to_review(page, stack.base_url)

        pay_with(page, DECLINED_CARD)
        expect(page.get_by_role("alert")).to_contain_text("declined")
        pay_with(page, GOOD_CARD)

        page.wait_for_url(ORDER_PAGE)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you, Ada Lovelace")
