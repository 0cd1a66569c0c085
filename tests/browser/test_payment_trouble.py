"""Paying when something goes wrong on the way: the page says what, and the next try works."""

import re
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Route, expect

from globalmart.sandbox.stack import Stack
from tests.browser.walking import CHALLENGED_CARD, GOOD_CARD, ORDER_PAGE, go_to_review, pay_with
from tests.journeys.shop import Shop

pytestmark = [pytest.mark.browser, pytest.mark.stack]
# Two of the page's own pauses, and the shop's own pause before it asks Stripe again.
SILENCE_SECONDS = 60
PLACE = "**/checkout/place/"


@pytest.fixture
def page(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """The review page of a basket with one thing. No script may fail on it."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    go_to_review(page, stack.base_url)
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def stripe(stack: Stack) -> Iterator[requests.Session]:
    """A session on the switches of the sandbox's Stripe, which behaves again afterwards."""
    session = requests.Session()
    session.trust_env = False  # the stack is here, whatever the proxy
    yield session
    session.delete(switches(stack), timeout=10).raise_for_status()


def switches(stack: Stack) -> str:
    return stack.environment["SANDBOX_STRIPE_URL"] + "/_control/faults"


def pay_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Pay £"))


def expect_refusal(page: Page, text: str) -> None:
    """Check that the page says so, and that the button is free again."""
    expect(page.get_by_role("alert")).to_contain_text(text)
    expect(pay_button(page)).to_be_enabled()


def expect_paid_once(page: Page, stack: Stack) -> None:
    """Check that the order is greeted, and that its money is held once."""
    page.wait_for_url(ORDER_PAGE)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you, Ada Lovelace")
    number = page.url.split("/")[-3]
    holds = Shop(stack.environment).query(
        "SELECT attempt.authorized_minor - purchase.total_minor"
        " FROM orders_order purchase"
        " JOIN payments_paymentattempt attempt ON attempt.order_id = purchase.id"
        " WHERE purchase.number = %s AND attempt.authorized_minor > 0",
        [number],
    )
    assert holds == [(0,)]


def answering(status: int | None) -> Callable[[Route], None]:
    """What stands between page and shop: a page of this status, or no connection at all."""

    def handle(route: Route) -> None:
        route.abort() if status is None else route.fulfill(status=status, body="<html>")

    return handle


class TestStripe:
    def test_is_silent_and_then_comes_back(
        self, page: Page, stack: Stack, stripe: requests.Session
    ) -> None:
        for fault in ("error_before", "drop_before"):
            switch = {"operation": "payment_intents", "fault": fault}
            stripe.post(switches(stack), json=switch, timeout=10).raise_for_status()

        pay_with(page, GOOD_CARD)
        expect_refusal(page, "Card payments do not answer just now")
        expect(page.get_by_role("alert")).to_contain_text("You were not charged")
        expect(page.get_by_text("We try again in")).to_be_visible()
        stripe.delete(switches(stack), timeout=10).raise_for_status()

        # Nobody presses again: the page tries by itself.
        page.wait_for_url(ORDER_PAGE, timeout=SILENCE_SECONDS * 1_000)
        expect_paid_once(page, stack)


class TestBank:
    def test_is_not_convinced_and_then_another_card_is_good(self, page: Page, stack: Stack) -> None:
        pay_with(page, CHALLENGED_CARD)
        bank = page.frame_locator("iframe[name=stripe-challenge-frame]")
        bank.get_by_role("button", name="Fail").click()
        expect_refusal(page, "Your bank did not confirm this payment. You were not charged.")
        pay_with(page, GOOD_CARD)

        expect_paid_once(page, stack)


class TestShop:
    def test_is_away_and_then_comes_back(self, page: Page, stack: Stack) -> None:
        for answer, text in (
            (None, "We could not reach the shop. You were not charged."),
            (403, "This page was open for too long"),
            (500, "The shop has a problem; you were not charged."),
        ):
            page.route(PLACE, answering(answer))
            pay_with(page, GOOD_CARD)
            expect_refusal(page, text)
            page.unroute(PLACE)

        pay_button(page).click()
        expect_paid_once(page, stack)

    def test_leads_on_where_the_basket_changed_in_another_tab(
        self, page: Page, stack: Stack
    ) -> None:
        other = page.context.new_page()
        other.goto(f"{stack.base_url}/basket/")
        other.get_by_label("Quantity of").fill("2")
        other.get_by_role("button", name="Update").click()
        other.wait_for_load_state()
        other.close()

        pay_with(page, GOOD_CARD)
        expect(page.get_by_role("alert")).to_contain_text("You were not charged")
        page.get_by_role("link", name="Go on from there").click()
        page.wait_for_url("**/checkout/review/")
        pay_with(page, GOOD_CARD)

        expect_paid_once(page, stack)
