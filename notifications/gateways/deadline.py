"""A requests adapter whose calls end: the body has a deadline by the clock and a size cap."""

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter

DEADLINE_SECONDS = 10.0
CONNECT_SECONDS = 3.0
# Shorter than the deadline, as the last silence may begin just before it.
SILENCE_SECONDS = 7.0
MAX_ANSWER_BYTES = 200_000
PIECE_BYTES = 16_384


class DeadlineAdapter(HTTPAdapter):
    """Never retries; reads the whole answer before it returns."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send one request. Raises requests.ReadTimeout for an answer that is too slow or long."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        options["stream"] = True
        options["timeout"] = (CONNECT_SECONDS, SILENCE_SECONDS)
        response = super().send(request, **options)
        try:
            body = _read(response, deadline)
        except BaseException:
            response.close()
            raise
        # The two attributes that requests itself sets when it has read a body.
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def guard(session: requests.Session) -> None:
    """Make every call of a session end, where it was sent: a redirect raises TooManyRedirects."""
    # Following one would turn a POST into a GET, whose 200 looks like a message sent.
    session.max_redirects = 0
    for scheme in ("http://", "https://"):
        session.mount(scheme, DeadlineAdapter())


def _read(response: requests.Response, deadline: float) -> bytes:
    pieces, size = [], 0
    try:
        while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                raise requests.ReadTimeout("The answer is too slow or too long.")
    except requests.RequestException:
        raise
    except Exception as error:
        raise requests.ConnectionError(type(error).__name__) from error
    return b"".join(pieces)
