"""Take the pictures of the README from a running stack: `make screenshots`.

Bigger than a test and no proof of anything: it shows what the shop looks like, light and dark.
"""

import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import CHROMIUM_NAMES
from tests.journeys.shop import ROOT, Shop, order_body

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
FOLDER = ROOT / "docs" / "images"
MOST_BYTES = 200_000
DESK = (1280, 800)
PHONE = (390, 844)


def show_everything(page: Page) -> None:
    """Scroll to the end and back, so that pictures that load lazily are there; then wait."""
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.body.scrollHeight; y += 400) {
                window.scrollTo(0, y);
                await new Promise((done) => setTimeout(done, 60));
            }
            window.scrollTo(0, 0);
            await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
        }"""
    )
    page.wait_for_load_state("networkidle")


def take(browser: Browser, *, url: str, name: str, size: tuple[int, int], scheme: Scheme) -> Path:
    """Save the first screen of a page as docs/images/NAME-SCHEME.png. Raises SystemExit."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    answer = page.goto(url)
    if answer is None or not answer.ok:
        sys.exit(f"{name}: the page did not answer 200")
    show_everything(page)
    path = FOLDER / f"{name}-{scheme}.png"
    page.screenshot(path=path)
    context.close()
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size} bytes; at most {MOST_BYTES} are wanted")
    return path


def buy(shop: Shop) -> str:
    """Buy three things and return the address of the order's page, once it is complete."""
    skus = shop.plentiful(3)
    placed = shop.place(
        key=uuid.uuid4().hex, body=order_body([{"sku": sku, "quantity": 1} for sku in skus])
    )
    left = shop.wait_until_final([placed["id"]], seconds=60)
    if left:
        sys.exit(f"the order for the pictures did not complete: {left}")
    address: str = placed["tracking_url"]
    return address


def main() -> None:
    """Take all pictures."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        sys.exit(f"Pictures need a browser; none of {', '.join(CHROMIUM_NAMES)} is on PATH.")
    shop = Shop(os.environ)
    pages = (("home", f"{shop.base_url}/", DESK), ("order", buy(shop), PHONE))
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Chromium's own sandbox refuses to start as root; it only visits this machine's pages.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        for name, url, size in pages:
            for scheme in SCHEMES:
                path = take(browser, url=url, name=name, size=size, scheme=scheme)
                sys.stdout.write(f" ok  {path.name}  {path.stat().st_size // 1000} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
