"""Whatever goes wrong below /api/ is told as a problem document."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions as rest

from globalmart.core import access, problems
from globalmart.core.models import ApiClient
from orders.api import views


def database_error(sqlstate: str) -> OperationalError:
    error = OperationalError("no")
    error.__cause__ = DriverError(sqlstate)
    return error


class DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def answer(error: Exception) -> Any:
    request = RequestFactory().get("/api/v1/orders", {"q": "secret"})
    return problems.exception_handler(error, {"request": request})


class TestHandler:
    @pytest.mark.parametrize(
        ("error", "status", "code", "retry_after"),
        [
            (problems.Busy(), 409, "busy", "1"),
            (database_error("55P03"), 409, "busy", "1"),
            (database_error("40P01"), 409, "busy", "1"),
            (database_error("57014"), 503, "unavailable", "2"),
            (OperationalError("connection refused"), 503, "unavailable", "2"),
            (InterfaceError("closed"), 503, "unavailable", "2"),
            (rest.Throttled(wait=7), 429, "throttled", "7"),
            (rest.ParseError(), 400, "invalid", None),
            (rest.MethodNotAllowed("PUT"), 405, "method_not_allowed", None),
            (rest.UnsupportedMediaType("a/b"), 415, "unsupported_media_type", None),
            (rest.NotAuthenticated(), 401, "unauthenticated", None),
            (RequestDataTooBig(), 413, "too_large", None),
            (PermissionDenied(), 403, "forbidden", None),
            (Http404(), 404, "not_found", None),
            (ZeroDivisionError("secret"), 500, "server_error", None),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_gives_each_error_its_status(
        self, error: Exception, status: int, code: str, retry_after: str | None
    ) -> None:
        response = answer(error)
        body = problems.json.loads(response.content)
        assert response["Content-Type"] == problems.CONTENT_TYPE
        assert (response.status_code, body["status"], body["code"]) == (status, status, code)
        assert response.headers.get("Retry-After") == retry_after
        assert body["instance"] == "/api/v1/orders"
        assert "secret" not in response.content.decode()
        assert set(body) >= {"type", "title", "detail", "request_id"}

    def test_points_into_nested_members(self) -> None:
        detail = {
            "lines": {1: {"quantity": ["Too few."]}},
            "a/b~c": ["No."],
            "non_field_errors": ["So."],
        }
        found = list(problems.list_errors(rest.ValidationError(detail).detail))
        assert [each["pointer"] for each in found] == ["/lines/1/quantity", "/a~1b~0c", ""]

    def test_tells_at_most_fifty_errors(self) -> None:
        many = [{"pointer": f"/{n}", "detail": "no"} for n in range(80)]
        assert len(problems.Problem(code="invalid", errors=many).errors) == 50


@pytest.mark.django_db
class TestOverHttp:
    @pytest.fixture
    def headers(self) -> dict[str, str]:
        client = ApiClient.objects.create(name="Ada's shop")
        key = access.issue_key(client=client, scopes=["orders:read", "products:read"])
        return {"Authorization": f"Bearer {key}", "X-Request-ID": "trace-12345"}

    def test_unknown_addresses_are_problems(self, headers: dict[str, str]) -> None:
        for path in ("/api/v1/nothing", "/api/v2/orders", "/api/v1/orders/x/y"):
            response = Client().get(path, headers=headers)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")
            assert response["Content-Type"] == problems.CONTENT_TYPE
            assert response.json()["request_id"] == response["X-Request-ID"] == "trace-12345"

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
    def test_other_methods_are_405_with_allow(self, headers: dict[str, str], method: str) -> None:
        response = getattr(Client(), method)("/api/v1/orders", headers=headers)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert "POST" in response["Allow"]

    def test_a_crash_is_told_without_its_words(
        self, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(**_: Any) -> None:
            raise RuntimeError("password=hunter2")

        monkeypatch.setattr(views.listing, "list_products", crash)
        response = Client().get("/api/v1/products", headers=headers)
        assert (response.status_code, response.json()["code"]) == (500, "server_error")
        assert b"hunter2" not in response.content

    def test_every_type_leads_to_its_explanation(self) -> None:
        page = Client().get("/api/docs/problems/").content.decode()
        for code in problems.KINDS:
            assert f'id="{code}"' in page
