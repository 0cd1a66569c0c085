"""Identifiers: time-ordered UUIDs, typed public ids, order numbers that survive the telephone."""

import secrets
import time
from base64 import b32encode
from uuid import UUID

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FROM_RFC = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD.encode())
# Order numbers leave out Z: 31 is a prime, and modulo a prime every digit must have its own rest.
NUMBER_DIGITS = CROCKFORD[:31]


def uuid7() -> UUID:
    """Return a UUID version 7 (RFC 9562): milliseconds of Unix time, their fraction in 4096ths
    (its section 6.2, method 3), then 62 random bits. So what one process makes is in order."""
    milliseconds, fraction = divmod(int(time.time() * 1000 * 4096), 4096)
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62
    return UUID(int=value | secrets.randbits(62))


def encode(number: int, length: int) -> str:
    """Return a non-negative integer in Crockford's base 32, padded with zeros to `length`."""
    # Eight digits are five bytes. What stands above `length` digits is cut off.
    groups = -(-max(length, number.bit_length() // 5 + 1) // 8)
    digits = b32encode(number.to_bytes(5 * groups, "big")).translate(_FROM_RFC)
    return digits[-length:].decode()


def public_id(prefix: str) -> str:
    """Return a typed, time-sortable id, as ord_01HZX3K8Q6M4T9V2B7C5D0E1F3."""
    return f"{prefix}_{encode(uuid7().int, 26)}"


def check_character(body: str) -> str:
    """Return the check character of an order number's nine characters.

    A weighted sum modulo 31 (a prime: it finds every single wrong character and every swap of
    two neighbours), written with the same 31 digits.
    """
    total = sum((place + 2) * NUMBER_DIGITS.index(char) for place, char in enumerate(body))
    return NUMBER_DIGITS[total % 31]


def order_number() -> str:
    """Return a random order number GM-XXXXX-XXXXX: nine random digits and a check character."""
    return _number("GM")


def return_number() -> str:
    """Return a random number of a return, RMA-XXXXX-XXXXX, made as an order's is."""
    return _number("RMA")


def _number(prefix: str) -> str:
    body = "".join(secrets.choice(NUMBER_DIGITS) for _ in range(9))
    digits = body + check_character(body)
    return f"{prefix}-{digits[:5]}-{digits[5:]}"


def parse_order_number(text: str) -> str | None:
    """Return the number as stored, from what a person typed, or None if it cannot be one.

    Lower case, missing dashes, spaces, and Crockford's look-alikes (O for 0, I and L for 1) pass.
    """
    return _parse(text, "GM")


def parse_return_number(text: str) -> str | None:
    """Return a return's number as stored, from what a person or a label says, or None."""
    return _parse(text, "RMA")


def _parse(text: str, prefix: str) -> str | None:
    digits = "".join(char for char in text.upper() if char.isalnum())
    # Ten digits may begin with the prefix themselves.
    digits = digits.removeprefix(prefix) if len(digits) > 10 else digits
    digits = digits.translate(str.maketrans("OIL", "011"))
    is_known = len(digits) == 10 and all(char in NUMBER_DIGITS for char in digits)
    if not is_known or check_character(digits[:9]) != digits[9]:
        return None
    return f"{prefix}-{digits[:5]}-{digits[5:]}"
