"""What every view of the API shares: strict parsing, known parameters, plain JSON, cursors."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from globalmart.core.problems import Problem
from globalmart.core.strict_json import StrictJSONParser

DEFAULT_LIMIT, MAX_LIMIT = 25, 100
MAX_PARAMETER_LENGTH = 200


class JsonAlways(BaseContentNegotiation):
    """The API speaks JSON whatever Accept says: a browser must see the answer too."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((each for each in parsers if each.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """Base of the API's views.

    `scopes` names the scope of each method, `parameters` the query parameters of GET; any other
    parameter is refused, so that a misspelt filter never returns everything.
    """

    scopes: Mapping[str, str] = {}
    parameters: frozenset[str] = frozenset()
    parser_classes = (StrictJSONParser,)
    content_negotiation_class = JsonAlways
    metadata_class = None
    http_method_names = ["get", "head", "post"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        allowed = self.parameters if request.method in {"GET", "HEAD"} else frozenset()
        for name, values in request.GET.lists():
            if name not in allowed:
                known = ", ".join(sorted(allowed)) or "none"
                raise bad_parameter(name, f"Unknown parameter; known here: {known}.")
            if len(values) > 1:
                raise bad_parameter(name, "Send this parameter once.")
            if "\x00" in values[0] or len(values[0]) > MAX_PARAMETER_LENGTH:
                raise bad_parameter(name, "Not a usable value.")


def bad_parameter(name: str, detail: str) -> Problem:
    """Return the problem that names a query parameter."""
    name = name[:60]
    return Problem(
        code="invalid",
        detail=f"Not valid: the query parameter {name}.",
        errors=[{"parameter": name, "detail": detail}],
    )


def reply(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a JSON answer that no cache keeps."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = HttpResponse(text, status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def read_limit(request: Request) -> int:
    """Return the page size asked for, 1 to 100, 25 by default. Raises Problem."""
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise bad_parameter("limit", f"Send a whole number from 1 to {MAX_LIMIT}.")
    if not 1 <= int(text) <= MAX_LIMIT:
        raise bad_parameter("limit", f"Send a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def write_cursor(last: str) -> str:
    """Return an opaque cursor that stands after the object of this public id."""
    return base64.urlsafe_b64encode(f"1:{last}".encode()).decode().rstrip("=")


def read_cursor(request: Request) -> str | None:
    """Return the public id in the cursor, or None without one. Raises Problem."""
    text = request.GET.get("cursor")
    if text is None:
        return None
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, _, last = plain.decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise bad_parameter("cursor", "Send `next_cursor` of an earlier page.") from error
    if version != "1" or not last or not last.isprintable():
        raise bad_parameter("cursor", "Send `next_cursor` of an earlier page.")
    return last


def page_of(
    request: Request, data: list[dict[str, Any]], *, next_after: str | None
) -> HttpResponse:
    """Return one page; `next_after` is the public id of its last object where more follow."""
    cursor = write_cursor(next_after) if next_after else None
    headers = {}
    if cursor:
        query = {name: value for name, value in request.GET.items() if name != "cursor"}
        address = f"{settings.BASE_URL}{request.path}?{urlencode({**query, 'cursor': cursor})}"
        headers["Link"] = f'<{address}>; rel="next"'
    return reply(
        {"data": data, "has_more": cursor is not None, "next_cursor": cursor}, headers=headers
    )
