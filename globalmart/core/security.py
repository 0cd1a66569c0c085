"""The content security policy: strict for the shop, relaxed for admin and API pages alone."""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse

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
