"""A setting that is missing or malformed stops the start with one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    "PAYMENT_DEADLINE_MINUTES": "half an hour",
}


def start(**changes: str | None) -> str:
    """Load the settings alone, with GOOD as changed, and return the last line of what was said.

    Importing the settings is the first thing that any process does, `manage.py check` included.
    """
    values = {name: value for name, value in (GOOD | changes).items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", "import globalmart.settings"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **values},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


class TestStart:
    def test_goes_on_with_all_that_is_required(self) -> None:
        assert start() == ""

    @pytest.mark.parametrize("name", [name for name in GOOD if name != "GM_ENV"])
    def test_stops_at_what_is_missing(self, name: str) -> None:
        said = start(**{name: None})
        assert f"The setting {name} is missing: " in said

    @pytest.mark.parametrize("name", ["SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "WMS_PASSWORD"])
    def test_takes_an_empty_secret_for_a_missing_one(self, name: str) -> None:
        assert f"The setting {name} is missing: " in start(**{name: ""})

    @pytest.mark.parametrize("name", MALFORMED)
    def test_stops_at_what_is_malformed(self, name: str) -> None:
        said = start(**{name: MALFORMED[name]})
        assert f"The setting {name} is malformed: " in said

    def test_says_the_same_through_manage_py(self) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert "The setting SECRET_KEY is missing: " in done.stderr
