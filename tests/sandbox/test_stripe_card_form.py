"""A browser pays through the card form on a page with a strict content security policy."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page

from tests.sandbox.stripe_process import BROWSER_KEY, StripeProcess

PAGE = """<!doctype html><html lang="en"><head><title>Pay</title></head><body>
<div id="card"></div><button id="pay">Pay</button><output id="told"></output>
<script src="{stripe}/v3/stripe.js"></script><script src="/pay.js"></script></body></html>"""
SCRIPT = """
const stripe = Stripe("{key}");
const elements = stripe.elements({{
  mode: "payment", amount: 2599, currency: "gbp", captureMethod: "manual",
  appearance: {{ theme: location.hash === "#night" ? "night" : "stripe" }},
}});
elements.create("payment").mount("#card");
document.getElementById("pay").addEventListener("click", async () => {{
  const told = document.getElementById("told");
  const submitted = await elements.submit();
  if (submitted.error) {{ told.textContent = submitted.error.code; return; }}
  const clientSecret = await (await fetch("/secret")).text();
  const {{ error, paymentIntent }} = await stripe.confirmPayment({{
    elements, clientSecret, confirmParams: {{ return_url: location.origin + "/done" }},
    redirect: new URLSearchParams(location.search).get("redirect") || "if_required",
  }});
  told.textContent = error ? (error.decline_code || error.code) : paymentIntent.status;
}});
"""


class Shop:
    """A page of another origin that takes a card."""

    def __init__(self, server: StripeProcess) -> None:
        self.server = server
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str) -> tuple[str, str]:
        """Return the content type and text for a path."""
        if path == "/secret":
            asked = {"amount": 2599, "currency": "gbp", "capture_method": "manual"}
            made = self.server.call("POST", "/v1/payment_intents", asked)
            return "text/plain", made.json["client_secret"]
        if path == "/pay.js":
            return "text/javascript", SCRIPT.format(key=BROWSER_KEY)
        return "text/html", PAGE.format(stripe=self.server.url)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop, vendor = self, self.server.url
        policy = (
            f"default-src 'none'; script-src 'self' {vendor}; frame-src {vendor}; "
            f"connect-src 'self' {vendor}; style-src 'self'"
        )

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802  the name that http.server calls
                kind, text = shop.answer(self.path.partition("?")[0])
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as server:
        shop = Shop(server)
        yield shop
        shop.http.shutdown()
        shop.http.server_close()


@pytest.fixture
def page(chromium: Browser, shop: Shop) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 390, "height": 700})
    blocked: list[str] = []
    page.on("console", lambda said: blocked.append(said.text) if "Policy" in said.text else None)
    page.on("pageerror", lambda error: blocked.append(str(error)))
    page.goto(shop.url)
    yield page
    page.close()
    assert blocked == []


def card(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title="Secure payment input frame"]')


def fill(page: Page, number: str, **details: str) -> None:
    card(page).get_by_label("Card number").press_sequentially(number)
    card(page).get_by_label("Expiration date").fill(details.get("expiry", "12 / 34"))
    card(page).get_by_label("Security code").fill(details.get("cvc", "123"))


def told(page: Page) -> str:
    page.locator("#told:not(:empty)").wait_for(timeout=8000)
    return page.inner_text("#told")


class TestPaying:
    @pytest.mark.parametrize(
        ("number", "outcome"),
        [
            ("4242424242424242", "requires_capture"),
            ("4000000000000002", "generic_decline"),
            ("4000000000009995", "insufficient_funds"),
        ],
    )
    def test_a_card_is_typed_in(self, page: Page, number: str, outcome: str) -> None:
        fill(page, number)
        grouped = " ".join(number[place : place + 4] for place in range(0, 16, 4))
        assert card(page).get_by_label("Card number").input_value() == grouped

        page.click("#pay")

        assert told(page) == outcome

    @pytest.mark.parametrize(
        ("button", "outcome"),
        [("Complete", "requires_capture"), ("Fail", "payment_intent_authentication_failure")],
    )
    def test_the_bank_asks(self, page: Page, button: str, outcome: str) -> None:
        fill(page, "4000002500003155")
        page.click("#pay")
        bank = page.frame_locator('iframe[name="stripe-challenge-frame"]')
        assert "GBP 25.99" in bank.locator("main").inner_text()

        bank.get_by_role("button", name=button).click()

        assert told(page) == outcome
        assert page.locator('iframe[name="stripe-challenge-frame"]').count() == 0

    def test_a_redirect_goes_to_the_return_url(self, page: Page, shop: Shop) -> None:
        page.goto(f"{shop.url}/?redirect=always")
        fill(page, "4242424242424242")

        page.click("#pay")

        page.wait_for_url("**/done?payment_intent=pi_*redirect_status=succeeded")


class TestMistakes:
    def test_each_empty_field_says_so(self, page: Page) -> None:
        page.click("#pay")

        assert told(page) == "incomplete_number"
        errors: Any = card(page).locator(".error:not(:empty)").all_inner_texts()
        assert errors == [
            "Your card number is incomplete.",
            "Your card's expiration date is incomplete.",
            "Your card's security code is incomplete.",
        ]
        assert card(page).get_by_label("Card number").get_attribute("aria-invalid") == "true"

    def test_a_wrong_number_and_a_past_date_are_named(self, page: Page) -> None:
        fill(page, "4242424242424241", expiry="01 / 20")

        page.click("#pay")

        assert told(page) == "invalid_number"
        errors: Any = card(page).locator(".error:not(:empty)").all_inner_texts()
        assert errors == [
            "Your card number is invalid.",
            "Your card's expiration year is in the past.",
        ]
