"""A guest's way through the shop, from the front page to the pay button, in a real browser."""

import re

from playwright.sync_api import Error, Locator, Page

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
# The bank asks before it pays.
CHALLENGED_CARD = "4000002500003155"
FITS = "document.body && document.documentElement.scrollWidth <= window.innerWidth"
LOOKS = 100
ORDER_PAGE = re.compile(r"/orders/GM-\w{5}-\w{5}/[\w-]{32}/$")


def fit(page: Page) -> None:
    """Check that nothing is wider than the window, once the page that was asked for is there.

    Asked anew each time: a function that waits inside the page is evaluated from a string there,
    which the page's own policy forbids.
    """
    for _ in range(LOOKS):
        if _fits(page):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{page.url} is wider than its window")


def _fits(page: Page) -> bool:
    try:
        return bool(page.evaluate(FITS))
    except Error:
        # It was just leaving for another page.
        return False


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
