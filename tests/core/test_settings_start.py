"""A setting that is missing or malformed stops the start with one sentence that names it."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).parents[2]
GOOD = {
    "GM_ENV": "production",
    "SECRET_KEY": "k" * 60,
    "LINK_KEY": "l" * 40,
    "BASE_URL": "https://shop.example.com",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "WMS_URL": "https://wms.example.com/soap",
    "WMS_USERNAME": "oms",
    "WMS_PASSWORD": "wms",
    "SENDGRID_API_KEY": "SG.x",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_FROM": "+441134960000",
}
MALFORMED = {
    "GM_ENV": "staging",
    "BASE_URL": "shop.example.com",
    "DATABASE_URL": "sqlite:///db.sqlite3",
    "REDIS_URL": "localhost:6379",
    "STRIPE_API_BASE": "api.stripe.com",
    "WMS_URL": "ftp://wms.example.com",
    "WMS_POLL_SECONDS": "soon",
    "WMS_RATE_PER_SECOND": "a few",
    "WMS_WORKERS": "one",
    "STRIPE_RATE_LIMIT": "a few",
    "STRIPE_WORKERS": "one",
    "WEB_WORKERS": "two",
    "WEB_THREADS": "eight",
    "PAYMENT_DEADLINE_MINUTES": "half an hour",
    "LOOKUP_TRIES": "ten",
    "LOOKUP_MINUTES": "a few",
    "PROXIES": "-1",
}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Read the settings with GOOD as changed; return what they stop with, or nothing."""

    def read(**changes: str | None) -> str:
        for name in os.environ:
            monkeypatch.delenv(name)
        for name, value in (GOOD | changes).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        try:
            runpy.run_path(str(ROOT / "globalmart" / "settings.py"))
        except ImproperlyConfigured as error:
            return str(error)
        return ""

    return read


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` with these variables alone, as an operator's first command."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read_policy(monkeypatch: pytest.MonkeyPatch, **changes: str) -> dict[str, list[str]]:
    """Return what the pay page may load with GOOD settings as changed."""
    monkeypatch.delenv("STRIPE_JS_URL", raising=False)
    for name, value in (GOOD | changes).items():
        monkeypatch.setenv(name, value)
    policy: dict[str, list[str]] = runpy.run_path(str(ROOT / "globalmart" / "settings.py"))[
        "PAY_PAGE_POLICY"
    ]
    return policy


class TestSettings:
    def test_go_with_all_that_is_required(self, start: Callable[..., str]) -> None:
        assert start() == ""

    @pytest.mark.parametrize("name", [name for name in GOOD if name != "GM_ENV"])
    def test_stop_at_what_is_missing(self, start: Callable[..., str], name: str) -> None:
        assert start(**{name: None}).startswith(f"The setting {name} is missing: ")

    @pytest.mark.parametrize("name", ["SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "WMS_PASSWORD"])
    def test_take_an_empty_secret_for_a_missing_one(
        self, start: Callable[..., str], name: str
    ) -> None:
        assert start(**{name: ""}).startswith(f"The setting {name} is missing: ")

    @pytest.mark.parametrize("name", MALFORMED)
    def test_stop_at_what_is_malformed(self, start: Callable[..., str], name: str) -> None:
        assert start(**{name: MALFORMED[name]}).startswith(f"The setting {name} is malformed: ")

    def test_have_no_secret_of_their_own_outside_tests(self, start: Callable[..., str]) -> None:
        assert start(GM_ENV="demo", SECRET_KEY=None).startswith("The setting SECRET_KEY is missing")
        assert start(GM_ENV="test", SECRET_KEY=None) == ""

    def test_let_nobody_order_crashes_in_production(self, start: Callable[..., str]) -> None:
        stops = "The setting GM_FAILPOINTS is set: leave it out. "
        assert start(GM_FAILPOINTS="/somewhere").startswith(stops)
        live = start(GM_ENV="demo", GM_FAILPOINTS="/somewhere", STRIPE_SECRET_KEY="sk_live_x")
        assert live.startswith(stops)
        assert start(GM_ENV="demo", GM_FAILPOINTS="/somewhere") == ""


class TestPayPagePolicy:
    def test_lets_stripes_own_frames_in_with_test_keys_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        policy = read_policy(monkeypatch)

        assert policy["script-src"] == ["https://js.stripe.com", "https://*.js.stripe.com"]
        assert policy["frame-src"] == [*policy["script-src"], "https://hooks.stripe.com"]

    def test_names_the_sandbox_alone_where_that_plays_stripe(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        policy = read_policy(monkeypatch, STRIPE_JS_URL="http://127.0.0.1:8010/v3/stripe.js")

        assert policy["script-src"] == policy["frame-src"] == ["http://127.0.0.1:8010"]


class TestManagePy:
    def test_starts_with_good_settings(self) -> None:
        done = check(**GOOD)
        assert done.returncode == 0, done.stderr

    def test_stops_with_the_sentence(self) -> None:
        done = check(**{name: value for name, value in GOOD.items() if name != "LINK_KEY"})
        assert done.returncode != 0
        assert "The setting LINK_KEY is missing: set 32 or more random" in done.stderr
