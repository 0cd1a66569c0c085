"""What Django shows when no view answers: a problem document below /api/, a page elsewhere."""

import sys

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist, loader

from globalmart.core import problems
from globalmart.core.requests import correlation_id


def _answer(request: HttpRequest, status: int, problem: problems.Problem) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.answer(problem, request=request)
    reference = correlation_id.get()
    try:
        text = loader.render_to_string(f"{status}.html", {"request_id": reference}, request)
    except TemplateDoesNotExist:
        plain = f"{problem.title}. Reference: {reference}\n"
        return HttpResponse(plain, status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400: the request could not be understood."""
    return _answer(request, 400, problems.from_exception(exception or SuspiciousOperation()))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    return _answer(request, 403, problems.Problem(code="forbidden"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 in the same words for what never was and what is not yours."""
    return _answer(request, 404, problems.from_exception(Http404()))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer with the reference under which Django has logged the error: 500, or 503 with
    Retry-After where the database was away or too busy to answer in time."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError):
        return _answer(request, 500, problems.Problem(code="server_error"))
    response = _answer(request, 503, problems.from_exception(error))
    response.headers.setdefault("Retry-After", "5")
    return response
