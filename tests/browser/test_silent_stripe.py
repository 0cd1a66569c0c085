"""What a customer sees while Stripe is silent, and that the page goes on by itself afterwards."""

import re
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from globalmart.sandbox.stack import Stack
from tests.browser.walking import GOOD_CARD, ORDER_PAGE, fit, go_to_review, pay_with

pytestmark = [pytest.mark.browser, pytest.mark.stack]
# What the page promises; the rest is the browser's own work on a busy machine.
PAGE_SECONDS, BROWSER_SECONDS = 8, 4
# Breakers of two web processes and the pauses of the page, each up to 20 s here.
RECOVERY = 60_000


@pytest.fixture
def page(chromium: Browser, stack: Stack) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    go_to_review(page, stack.base_url)
    yield page
    context.close()


@pytest.fixture
def silence(stack: Stack) -> Iterator["Silence"]:
    switches = Silence(stack.environment["SANDBOX_STRIPE_URL"] + "/_control/faults")
    yield switches
    switches.end()


class Silence:
    """The switches of the sandbox's Stripe."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # the stack is here, whatever the proxy

    def begin(self, operation: str) -> None:
        """Let calls of this operation wait for half a minute."""
        switch = {"operation": operation, "fault": "delay", "seconds": 30}
        self._session.post(self._url, json=switch, timeout=10).raise_for_status()

    def end(self) -> None:
        """Have calls from now on answered at once."""
        self._session.delete(self._url, timeout=10).raise_for_status()


class TestSilentStripe:
    def test_keeps_the_order_and_pays_by_itself_later(self, page: Page, silence: Silence) -> None:
        silence.begin("payment_intents")
        started = time.monotonic()
        pay_with(page, GOOD_CARD)

        told = page.get_by_role("alert")
        expect(told).to_contain_text("Card payments do not answer just now", timeout=12_000)
        assert time.monotonic() - started < PAGE_SECONDS + BROWSER_SECONDS
        expect(told).to_contain_text(re.compile(r"kept for you until \d\d:\d\d\. You were not ch"))
        expect(page.get_by_text(re.compile(r"We try again in \d+ s\."))).to_be_visible()
        fit(page)
        silence.end()

        page.wait_for_url(ORDER_PAGE, timeout=RECOVERY)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you, Ada Lovelace")

    def test_confirms_before_it_offers_to_pay_again(self, page: Page, silence: Silence) -> None:
        def fall_silent(route: Route) -> None:
            silence.begin("payment_intents.retrieve")
            silence.begin("webhook")
            route.continue_()

        page.route("**/checkout/return/**", fall_silent)
        pay_with(page, GOOD_CARD)

        page.wait_for_url(ORDER_PAGE)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("We are confirming your payment")
        expect(page.get_by_role("link", name="Pay for this order")).to_have_count(0)
        fit(page)
        silence.end()

        expect(heading).not_to_have_text("We are confirming your payment", timeout=RECOVERY)
        assert page.locator("#status .banner.wait, #status .banner.bad").count() == 0
