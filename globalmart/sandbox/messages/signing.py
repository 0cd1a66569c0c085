"""Sign mail events as SendGrid does: ECDSA on P-256 over timestamp and body.

Written out because the sandbox installs no cryptography package. It is slow and not hardened
against watchers of its timing: good enough for a key that guards nothing.
"""

import base64
import hashlib
import secrets
import time

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = -3
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# The fixed beginning of a P-256 public key in DER; the point follows.
DER_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
Point = tuple[int, int] | None


class Signer:
    """Signs with a private key that is derived from any text."""

    def __init__(self, seed: str) -> None:
        self._secret = int.from_bytes(hashlib.sha512(seed.encode()).digest()) % (N - 1) + 1

    @property
    def public_key(self) -> str:
        """The verification key, as SendGrid's settings page shows it (base64 of DER)."""
        point = _times(self._secret, G)
        if point is None:
            raise ArithmeticError("A private key below the order has a public one.")
        return base64.b64encode(DER_HEAD + b"\x04" + _bytes(point[0]) + _bytes(point[1])).decode()

    def headers(self, body: bytes) -> dict[str, str]:
        """Return the two headers that sign a body now."""
        stamp = str(int(time.time()))
        signature = base64.b64encode(self.sign(stamp.encode() + body)).decode()
        return {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature of a message's SHA-256."""
        digest = int.from_bytes(hashlib.sha256(message).digest())
        while True:
            nonce = secrets.randbelow(N - 1) + 1
            point = _times(nonce, G)
            r = point[0] % N if point else 0
            s = pow(nonce, -1, N) * (digest + r * self._secret) % N
            if r and s:
                numbers = _integer(r) + _integer(s)
                return b"\x30" + bytes([len(numbers)]) + numbers


def _times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _plus(result, point)
        point = _plus(point, point)
        factor >>= 1
    return result


def _plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if one == other:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def _bytes(number: int) -> bytes:
    return number.to_bytes(32)


def _integer(number: int) -> bytes:
    # One bit more than the number needs, so that it never reads as negative.
    body = number.to_bytes(number.bit_length() // 8 + 1)
    return b"\x02" + bytes([len(body)]) + body
