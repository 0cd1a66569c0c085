"""Every refusal of the API as an RFC 9457 problem document.

A problem is raised anywhere below a view; `exception_handler` turns it, and everything else that
can go wrong, into `application/problem+json`. `KINDS` is the one list of problem codes: answers,
the page that `type` points to, and the OpenAPI document are made from it.
"""

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions as rest
from rest_framework.settings import api_settings

from globalmart.core.db import LOCK_NOT_AVAILABLE, sqlstate
from globalmart.core.requests import correlation_id

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
MAX_ERRORS = 50
# SQLSTATEs that mean "somebody was faster": a lock not had in time, a deadlock, a serialization
# failure. The same request may be sent again at once.
CONTENTION = frozenset({LOCK_NOT_AVAILABLE, "40P01", "40001"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its HTTP status, its title, and what the caller can do."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "invalid": Kind(400, "The request is not valid", "Correct the members named in `errors`."),
    "malformed_json": Kind(400, "The body is not valid JSON", "Send one JSON object in UTF-8."),
    "unauthenticated": Kind(
        401, "No valid API key", "Send `Authorization: Bearer <key>`; never in the address."
    ),
    "forbidden": Kind(403, "Not allowed", "Use a key that has the scope named in `detail`."),
    "not_found": Kind(404, "Not found", "Check the address and the id."),
    "method_not_allowed": Kind(405, "Method not allowed", "Use a method listed in `Allow`."),
    "busy": Kind(409, "Busy, try again", "Send the same request again after `Retry-After`."),
    "too_large": Kind(413, "The body is too large", "Send at most 1 MiB."),
    "unsupported_media_type": Kind(
        415, "Unsupported media type", "Send `Content-Type: application/json`."
    ),
    "throttled": Kind(429, "Too many requests", "Wait for `Retry-After` seconds."),
    "server_error": Kind(
        500,
        "Something went wrong on our side",
        "Send the same request again with the same Idempotency-Key; tell us the `request_id`.",
    ),
    "unavailable": Kind(
        503, "Temporarily unavailable", "Send the same request again after `Retry-After`."
    ),
}


class Problem(Exception):
    """A refusal with an HTTP status; `status` and `title` default to those of the code's kind.

    `errors` are mappings with `detail` and either `pointer` (JSON pointer into the body) or
    `parameter` (of the query string). `members` are further members of the document.
    """

    def __init__(
        self,
        *,
        code: str,
        detail: str = "",
        status: int | None = None,
        title: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or code)
        kind = KINDS.get(code)
        self.code, self.detail = code, detail
        self.status = status or (kind.status if kind else 400)
        self.title = title or (kind.title if kind else code)
        self.errors = [dict(error) for error in errors[:MAX_ERRORS]]
        self.headers = dict(headers or {})
        self.members = dict(members or {})


class Busy(Problem):
    """Somebody else holds what this request needs; the same request may be sent again."""

    def __init__(self, *, detail: str = "Another request holds this. Try again.") -> None:
        super().__init__(code="busy", detail=detail, headers={"Retry-After": "1"})


def type_url(code: str) -> str:
    """Return the address of the page that explains a problem code."""
    return f"{settings.BASE_URL}/api/docs/problems/#{code}"


def document(problem: Problem, *, instance: str) -> dict[str, Any]:
    """Return the members of the problem document."""
    body: dict[str, Any] = {
        "type": type_url(problem.code),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail or problem.title,
        "instance": instance,
        "code": problem.code,
        "request_id": correlation_id.get(),
    }
    if problem.errors:
        body["errors"] = problem.errors
    return body | problem.members


def answer(problem: Problem, *, request: HttpRequest) -> HttpResponse:
    """Return the problem as an HTTP answer that nobody caches."""
    body = json.dumps(document(problem, instance=request.path))
    response = HttpResponse(body, status=problem.status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def list_errors(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Yield the errors of a REST framework validation detail, each with its JSON pointer."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            own = key == api_settings.NON_FIELD_ERRORS_KEY
            token = str(key).replace("~", "~0").replace("/", "~1")
            yield from list_errors(value, pointer if own else f"{pointer}/{token}")
    elif isinstance(detail, list):
        for place, value in enumerate(detail):
            is_text = isinstance(value, str)
            yield from list_errors(value, pointer if is_text else f"{pointer}/{place}")
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def _of_rest(error: rest.APIException) -> Problem:
    """Return the problem behind one of REST framework's own exceptions."""
    if isinstance(error, rest.ValidationError):
        errors = list(list_errors(error.detail))
        named = ", ".join(dict.fromkeys(each["pointer"] or "the body" for each in errors[:5]))
        return Problem(code="invalid", detail=f"Not valid: {named}.", errors=errors)
    if isinstance(error, rest.NotAuthenticated | rest.AuthenticationFailed):
        headers = {"WWW-Authenticate": 'Bearer realm="api"'}
        return Problem(code="unauthenticated", detail=str(error.detail), headers=headers)
    if isinstance(error, rest.Throttled):
        headers = {"Retry-After": str(math.ceil(getattr(error, "wait", None) or 1))}
        return Problem(code="throttled", detail=str(error.detail), headers=headers)
    codes = {kind.status: code for code, kind in reversed(KINDS.items())}
    status = error.status_code
    return Problem(code=codes.get(status, "invalid"), status=status, detail=str(error.detail))


def _of_database(error: Exception) -> Problem:
    """Return the problem behind a database that is contended, too slow or not there."""
    if sqlstate(error) in CONTENTION:
        return Busy()
    logger.error("The database did not answer", exc_info=error)
    return Problem(
        code="unavailable", detail="The database did not answer.", headers={"Retry-After": "2"}
    )


def from_exception(error: Exception) -> Problem:
    """Return the problem that tells a caller about any exception; unexpected ones are logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, rest.APIException):
        return _of_rest(error)
    if isinstance(error, Http404):
        return Problem(code="not_found", detail="There is nothing here.")
    if isinstance(error, PermissionDenied):
        return Problem(code="forbidden")
    if isinstance(error, RequestDataTooBig):
        return Problem(code="too_large")
    if isinstance(error, UnreadablePostError | SuspiciousOperation):
        return Problem(code="invalid", detail="The request could not be read.")
    if isinstance(error, OperationalError | InterfaceError):
        return _of_database(error)
    logger.error("Unexpected error", exc_info=error)
    return Problem(code="server_error", detail="The error was recorded under the request_id.")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer any exception of an API view with a problem document (REST framework's hook)."""
    return answer(from_exception(error), request=context["request"])
