"""What every test may use: the network guard, short lock waits, and the whole stack."""

import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, sync_playwright

from globalmart.core.db import in_real_transaction
from globalmart.core.work import close_pools
from globalmart.sandbox.banner import Reporter
from globalmart.sandbox.stack import Stack

os.environ.setdefault("GM_ENV", "test")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares a stack, whose parts tests stop and kill: what drives the browser
    in one process, all else in another, each with a stack of its own."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        group = next((name for name in ("chromium", "stack") if name in asked), None)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _no_network_in_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whoever opens or uses a Python socket while a transaction is open (rule R1).

    PostgreSQL is spoken to by libpq, below Python's sockets, so all that passes here is Redis,
    Stripe, the warehouse and the message providers.
    """
    for name in ("connect", "sendall", "send"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, *args: Any, _original: Any = original) -> Any:
            assert not in_real_transaction(), "the network was used inside a transaction"
            return _original(self, *args)

        monkeypatch.setattr(socket.socket, name, guarded)


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    """Workers' threads keep their connections; a test's end with it."""
    yield
    close_pools()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Give the test database the web role's limits, so that contention ends as in production; end
    what threads of tests have left open before it is dropped."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        name = connection.settings_dict["NAME"]
        cursor.execute(f"ALTER DATABASE \"{name}\" SET lock_timeout = '2s'")
        cursor.execute(f"ALTER DATABASE \"{name}\" SET statement_timeout = '15s'")
        connection.close()
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole shop as processes, on throw-away data, once for all tests that ask for it."""
    with Stack(reporter=Reporter(), failpoints=True) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium without a window. Without one on PATH the test skips, or fails in CI.

    It ends with its module: while it runs, Django takes the thread for one of an event loop.
    """
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        message = (
            f"no Chromium on PATH (looked for {', '.join(CHROMIUM_NAMES)}): browser tests need one"
        )
        if os.environ.get("GM_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    # Chromium's own sandbox refuses to start as root; it only visits this machine's pages.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()
