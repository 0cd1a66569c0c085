"""Answers as bad as warehouses give them, after the request was carried out."""

import time
from collections.abc import Iterator

from globalmart.sandbox.faults import Plan
from globalmart.sandbox.warehouse.answers import HEAD, NAMESPACE, fault
from globalmart.sandbox.web import Response

HUGE_BYTES = 30 * 1024 * 1024
PIECE = b"<!-- " + b"x" * 65_528 + b"-->"
LAUGHS = '<!ENTITY l0 "ha">' + "".join(
    f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10)
)
DOCUMENT_TYPES = {
    "external_entity": (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', b"&e;"),
    "billion_laughs": (f"<!DOCTYPE x [{LAUGHS}]>".encode(), b"&l9;"),
}
DECLARATION, _, _ROOT = HEAD.encode().partition(b"\n")


def spoil(response: Response, plan: Plan) -> Response:
    """Return the answer with the faults that were drawn for it."""
    failed = plan.has("fault_after_apply")
    if failed:
        body = fault("Server", "internal", "ORA-01555: snapshot too old")
        return Response(body, failed.status or 500, response.content_type)
    if plan.has("wrong_namespace"):
        response.body = response.body.replace(NAMESPACE.encode(), b"urn:globalmart:wms:v9")
    if plan.has("malformed"):
        response.body = response.body[: len(response.body) * 2 // 3]
    for kind, (declaration, entity) in DOCUMENT_TYPES.items():
        if plan.has(kind):
            body = response.body.replace(DECLARATION, DECLARATION + b"\n" + declaration, 1)
            response.body = body.replace(b"</soap:Body>", entity + b"</soap:Body>", 1)
    if plan.has("huge"):
        response.length = HUGE_BYTES + len(response.body)
        response.pieces = _swollen(response.body)
    drip = plan.has("drip")
    if drip:
        response.length = len(response.body)
        response.pieces = _dripping(response.body, 1.0 if drip.seconds is None else drip.seconds)
    return response


def _swollen(body: bytes) -> Iterator[bytes]:
    head, name, rest = body.partition(b"<soap:Body>")
    yield head + name
    for _ in range(HUGE_BYTES // len(PIECE)):
        yield PIECE
    yield b" " * (HUGE_BYTES % len(PIECE)) + rest


def _dripping(body: bytes, seconds: float) -> Iterator[bytes]:
    for place in range(len(body)):
        if place:
            time.sleep(seconds)
        yield body[place : place + 1]
