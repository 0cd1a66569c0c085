"""Idempotency keys: the first answer of an executed call is kept and given again."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from globalmart.sandbox.book import Book
from globalmart.sandbox.stripe import errors
from globalmart.sandbox.web import Request, Response

MAX_KEY = 255


class Keys:
    """All keys of the account; an answer is forgotten after `lifetime` seconds, as Stripe may."""

    def __init__(self, book: Book, *, lifetime: float) -> None:
        self._book = book
        self._lifetime = lifetime
        self._running: set[str] = set()
        self._turn = threading.Lock()

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Hold a key while its call runs. Raises StripeError: 400 too long, 409 in use."""
        if len(key) > MAX_KEY:
            raise errors.invalid(f"Idempotency keys can have up to {MAX_KEY} characters.")
        with self._turn:
            is_running = key in self._running
            self._running.add(key)
        if is_running:
            raise errors.StripeError(
                status=409,
                kind="idempotency_error",
                message="There is currently another in-progress request using this Idempotent Key "
                "(that probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                code="idempotency_key_in_use",
                kept=False,
                should_retry=True,
            )
        try:
            yield
        finally:
            with self._turn:
                self._running.discard(key)

    def find(self, key: str, request: Request) -> Response | None:
        """Return the kept answer of this key. Raises StripeError (400) for another request."""
        row = self._book.one(
            "SELECT * FROM answer WHERE key = ? AND created > ? ORDER BY seq DESC LIMIT 1",
            (key, time.time() - self._lifetime),
        )
        if row is None:
            return None
        if row["path"] != request.path:
            raise self._misused(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{row['path']}' vs '{request.path}'). Try using a key other "
                f"than '{key}' if you meant to execute a different request."
            )
        if row["params_hash"] != _fingerprint(request):
            raise self._misused(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request."
            )
        headers = json.loads(row["headers"])
        headers |= {"Idempotent-Replayed": "true", "Original-Request": row["request_id"]}
        return Response(row["body"], row["status"], "application/json", headers)

    def keep(self, key: str, request: Request, response: Response, request_id: str) -> None:
        """Remember the answer; belongs into the transaction of what the call has done."""
        self._book.append(
            "answer",
            key=key,
            path=request.path,
            params_hash=_fingerprint(request),
            status=response.status,
            headers=json.dumps(response.headers),
            body=response.body,
            request_id=request_id,
            created=time.time(),
        )

    @staticmethod
    def _misused(message: str) -> errors.StripeError:
        return errors.StripeError(status=400, kind="idempotency_error", message=message, kept=False)


def _fingerprint(request: Request) -> str:
    ordered = json.dumps(request.form, sort_keys=True)
    return hashlib.sha256(ordered.encode()).hexdigest()
