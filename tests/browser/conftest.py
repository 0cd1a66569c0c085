"""A real Chromium, where there is one."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium without a window. Without one on PATH the test skips, or fails in CI."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        message = f"no Chromium on PATH (looked for {', '.join(NAMES)}): browser tests need one"
        if os.environ.get("GM_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    # Chromium's own sandbox refuses to start as root; it only visits this machine's pages.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()
