"""The environment of a demo: secrets made once and kept in `.env`, never beside live keys."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

LIVE_KEY = re.compile(r"\b(?:sk|rk|pk)_live_\w+|\bgm_live_\w+")
HEADER = (
    "# Made by `make demo`; secrets of this demo alone. What the environment says wins over it.\n"
)


class LiveKeys(Exception):
    """A live key is at hand; a demo does not start beside it."""


def new_secrets() -> dict[str, str]:
    """Return fresh values for everything that a demo must keep secret."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "LINK_KEY": secrets.token_urlsafe(32),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(24)}",
        "STRIPE_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(24)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
        "WMS_USERNAME": "oms",
        "WMS_PASSWORD": secrets.token_urlsafe(18),
        "WMS_PUSH_SECRET": secrets.token_hex(24),
        "SENDGRID_API_KEY": f"SG.{secrets.token_urlsafe(16)}",
        "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_FROM": "+441134960000",
        "GM_DEMO_API_KEY": f"gm_test_{secrets.token_urlsafe(32)}",
        "GM_DEMO_STAFF_PASSWORD": secrets.token_urlsafe(9),
    }


def read_or_make(path: Path) -> dict[str, str]:
    """Return the values in an `.env` file; make it, or what it lacks, for the owner's eyes only."""
    values = _parse(path.read_text()) if path.exists() else {}
    lacking = {name: value for name, value in new_secrets().items() if not values.get(name)}
    if lacking:
        values |= lacking
        # Written beside and renamed: an interrupted start leaves a whole file or none.
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))
        fresh.replace(path)
    return values


def refuse_live_keys(*sources: Mapping[str, str]) -> None:
    """Raise LiveKeys if any value is, or contains, a live key; the message does not repeat it."""
    for source in sources:
        for name, value in source.items():
            if LIVE_KEY.search(value):
                raise LiveKeys(
                    f"{name} holds a live key. A demo has known logins and pretended payments and "
                    f"does not start beside one: unset {name}, or take it out of .env."
                )


def inherited() -> dict[str, str]:
    """Return our own environment, less what would bend Django or an embedded PostgreSQL."""
    is_embedded = not os.environ.get("DATABASE_URL")
    return {
        name: value
        for name, value in os.environ.items()
        if name != "DJANGO_SETTINGS_MODULE" and not (is_embedded and name.startswith("PG"))
    }


def _parse(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    return {name: value.strip().strip("'\"") for name, value in pairs}
