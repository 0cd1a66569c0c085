"""The content security policy: strict for the shop, relaxed for admin and API pages alone; and
the one character that no address may hold."""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse

from globalmart.core import error_pages

# Unfold ships Alpine, which evaluates strings, and inline styles.
ADMIN = {
    "script-src": ["'unsafe-eval'", "'unsafe-inline'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["blob:"],
}
# Swagger UI writes inline styles.
API_DOCS = {"style-src": ["'unsafe-inline'"], "worker-src": ["blob:"]}
RELAXED: tuple[tuple[str, dict[str, list[str]]], ...] = (
    ("/admin/", ADMIN),
    ("/api/docs/", API_DOCS),
)


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp's middleware, with what the two relaxed folders of pages need added by path."""

    get_response: Callable[[HttpRequest], HttpResponse]

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        for prefix, addition in RELAXED:
            if request.path_info.startswith(prefix):
                response._csp_update = addition
        return super().process_response(request, response)


class NulMiddleware:
    """Answer 400 to an address with a NUL: PostgreSQL stores none, so no view can look it up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return error_pages.bad_request(request)
        return self.get_response(request)
