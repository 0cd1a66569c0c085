"""Who calls: a secret key from a server, or a publishable key from a browser."""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.web import Request

TEST_KEY = re.compile(r"(sk|rk|pk)_test_\w+\Z")


@dataclass(slots=True, frozen=True)
class ApiKeys:
    """The accepted keys; an empty one stands for any key of its kind in test mode."""

    secret: str = ""
    publishable: str = ""

    def is_browser(self, request: Request) -> bool:
        """Say whether a publishable key was sent. Raises StripeError (401) for no or a bad key."""
        key = _sent(request)
        if not key:
            raise errors.unauthorized(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY')."
            )
        is_publishable = key.startswith("pk_")
        wanted = self.publishable if is_publishable else self.secret
        if not TEST_KEY.match(key) or (wanted and not hmac.compare_digest(wanted, key)):
            raise errors.unauthorized(f"Invalid API Key provided: {_masked(key)}")
        return is_publishable


def refuse_browser() -> errors.StripeError:
    """Return the error for a publishable key where a secret one is needed."""
    return errors.unauthorized(
        "This API call cannot be made with a publishable API key. Please use a secret API key.",
        code="secret_key_required",
    )


def _sent(request: Request) -> str:
    scheme, _, value = request.header("Authorization").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    sent = request.query.get("key") or (request.form.get("key") if request.method == "POST" else "")
    return sent if isinstance(sent, str) else ""


def _masked(key: str) -> str:
    return key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
