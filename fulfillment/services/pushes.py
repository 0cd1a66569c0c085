"""A warehouse's push: "I have news". Whoever signs it may make us poll, and nothing else."""

import hashlib
import hmac
import json
from datetime import datetime

from django.conf import settings

TOLERANCE_SECONDS = 300
# A signature header names a time and a few signatures; anything longer is not one.
MOST_PARTS = 8


class BadSignature(Exception):
    """Not signed by the warehouse, or not within five minutes of now."""


class BadPush(Exception):
    """The body is not {"location": code}."""


def is_open() -> bool:
    """Tell whether pushes are taken at all."""
    return bool(settings.WMS_PUSH_SECRET)


def read(*, payload: bytes, signature: str, now: datetime) -> str:
    """Return the location that has news, of a signed body.

    `signature` is "t=<Unix seconds>,v1=<hex>", the HMAC-SHA256 of "{t}.{body}"; several v1 are
    allowed while a secret is being changed. Raises BadSignature, BadPush.
    """
    _require_signature(payload, signature, now)
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadPush("not JSON") from error
    location = body.get("location") if isinstance(body, dict) else None
    if not isinstance(location, str) or not location or "\0" in location:
        raise BadPush("no location")
    return location


def sign(*, payload: bytes, at: int) -> str:
    """Return the signature header of a body at a time (Unix seconds)."""
    return f"t={at},v1={_mac(payload, str(at))}"


def _mac(payload: bytes, at: str) -> str:
    signed = at.encode() + b"." + payload
    return hmac.new(settings.WMS_PUSH_SECRET.encode(), signed, hashlib.sha256).hexdigest()


def _require_signature(payload: bytes, signature: str, now: datetime) -> None:
    parts = [part.partition("=") for part in signature.split(",", MOST_PARTS)]
    times = [value for name, _, value in parts if name.strip() == "t"]
    # The digits are taken as they were signed; more than twelve are no time.
    if len(times) != 1 or not (times[0].isascii() and times[0].isdecimal() and len(times[0]) < 13):
        raise BadSignature
    if abs(now.timestamp() - int(times[0])) > TOLERANCE_SECONDS:
        raise BadSignature
    wanted = _mac(payload, times[0]).encode()
    told = [value.encode() for name, _, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(wanted, each) for each in told):
        raise BadSignature
