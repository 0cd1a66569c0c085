"""Buy one thing through the pages, as a guest with a browser would."""

import re
import time
from typing import Any
from urllib.parse import urljoin

from lxml import html

from globalmart.sandbox.browsing import Browser, Page
from globalmart.sandbox.selftest import SelfTestFailed, Shop, wait_for, wait_for_messages

GUEST = {"email": "grace@example.com", "phone": ""}
ADDRESS = {
    "name": "Grace Hopper",
    "country": "GB",
    "line1": "1 Savile Row",
    "city": "London",
    "postal_code": "W1S 3JR",
}
PRODUCTS_TRIED = 10


def buy_through_pages(shop: Shop) -> str:
    """Walk from the listing to the tracking page; return a line that tells how it went.

    Only the card form is not clicked: the card is confirmed at Stripe's address with the
    publishable key and the client secret, as Stripe.js does. Raises SelfTestFailed.
    """
    began_at = time.monotonic()
    browser = Browser()
    try:
        review = walk_to_review(shop, browser)
        order_page = _pay(shop, browser, review)
        number = _follow(shop, browser, order_page)
    except (LookupError, OSError, ValueError) as error:
        raise SelfTestFailed(f"a page is not as expected: {error!r}") from error
    taken = time.monotonic() - began_at
    return f"order {number} bought as a guest, paid by card, shipped, told in {taken:.1f} s"


def walk_to_review(shop: Shop, browser: Browser) -> Page:
    """Put something into the basket and fill checkout in; return the page with the pay button.

    Raises SelfTestFailed, LookupError, OSError.
    """
    page = _put_in_basket(shop, browser)
    contact = _expect(browser.get(f"{shop.base_url}/checkout/contact/"))
    form = contact.form(holding="email")
    delivery = _expect(browser.submit(form, referer=contact.url, **GUEST))
    form = delivery.form(holding="line1")
    review = _expect(browser.submit(form, referer=delivery.url, **ADDRESS))
    if not review.url.endswith("/checkout/review/"):
        raise SelfTestFailed(f"checkout ended at {review.url}, coming from {page.url}")
    return review


def _put_in_basket(shop: Shop, browser: Browser) -> Page:
    listing = _expect(browser.get(f"{shop.base_url}/search"))
    links: list[str] = re.findall(r'href="(/p/[\w-]+/)"', listing.body)
    for link in list(dict.fromkeys(links))[:PRODUCTS_TRIED]:
        product = _expect(browser.get(urljoin(listing.url, link)))
        try:
            form = product.form(holding="/basket/add/")
        except LookupError:  # sold out
            continue
        return _expect(browser.submit(form, referer=product.url, quantity="1"))
    raise SelfTestFailed(f"none of the first products on {listing.url} can be bought")


def _pay(shop: Shop, browser: Browser, review: Page) -> Page:
    form = review.form(holding="/checkout/place/")
    placed = _expect(browser.submit(form, referer=review.url))
    answer: dict[str, Any] = placed.json
    secret = answer.get("client_secret")
    if not secret:
        raise SelfTestFailed(f"placing gave no client secret: {sorted(answer)}")
    intent = secret.partition("_secret_")[0]
    confirmed = browser.post_form(
        f"{shop.stripe_url}/v1/payment_intents/{intent}/confirm",
        key=shop.publishable_key,
        client_secret=secret,
        payment_method="pm_card_visa",
        return_url=answer["return_url"],
    )
    if confirmed.status != 200 or confirmed.json["status"] != "requires_capture":
        raise SelfTestFailed(f"confirming answered {confirmed.status}: {confirmed.body[:500]}")
    return _expect(browser.get(answer["return_url"]))


def _follow(shop: Shop, browser: Browser, order_page: Page) -> str:
    found = re.search(r"/orders/(GM-[\w-]+)/", order_page.url)
    if found is None:
        raise SelfTestFailed(f"after payment the browser was sent to {order_page.url}")
    number = found[1]

    def is_dispatched() -> bool:
        tree: Any = html.fromstring(_expect(browser.get(order_page.url)).body)
        moving = tree.xpath("//*[@id='status']/@hx-get")
        parcels = tree.xpath("//*[contains(@class, 'parcel')]//code/text()")
        return bool(parcels) and not moving

    where = f"order {number} is not shown as dispatched with a tracking number at {order_page.url}"
    wait_for(is_dispatched, lambda: where)
    wait_for_messages(shop, browser, number)
    return number


def _expect(page: Page) -> Page:
    if page.status != 200:
        words = " ".join(re.sub(r"<[^>]+>", " ", page.body).split())[:400]
        raise SelfTestFailed(f"{page.url} answered {page.status}: {words}")
    return page
