"""Middleware of pages, which programs have no use for: their calls pass it by.

Who calls the API or a webhook has no session, language or form, and renders nothing.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django_htmx.middleware import HtmxMiddleware

from globalmart.core.security import ContentPolicyMiddleware

PROGRAMS = ("/api/v1/", "/webhooks/", "/hooks/")


class _PagesOnly:
    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PROGRAMS):
            passed: HttpResponseBase = self.get_response(request)
            return passed
        answer: HttpResponseBase = super().__call__(request)  # type: ignore[misc]
        return answer


class PageSession(_PagesOnly, SessionMiddleware):
    pass


class PageLocale(_PagesOnly, LocaleMiddleware):
    pass


class PageAuthentication(_PagesOnly, AuthenticationMiddleware):
    pass


class PageMessages(_PagesOnly, MessageMiddleware):
    pass


class PageHtmx(_PagesOnly, HtmxMiddleware):
    pass


class PageContentPolicy(_PagesOnly, ContentPolicyMiddleware):
    pass
