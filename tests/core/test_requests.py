"""The correlation id: the caller's where it can hold no personal number, else one of ours."""

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from globalmart.core.requests import CorrelationMiddleware, correlation_id


def id_given_back(given: str | None) -> str:
    """The id with which a request was worked and answered."""
    seen: list[str] = []

    def view(_request: HttpRequest) -> HttpResponse:
        seen.append(correlation_id.get())
        return HttpResponse()

    headers = {} if given is None else {"X-Request-ID": given}
    response = CorrelationMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert seen == [response.headers["X-Request-ID"]]
    assert correlation_id.get() == ""
    return seen[0]


class TestRequestId:
    @pytest.mark.parametrize(
        "given",
        ["trace-12345", "A.b_c-99", "12345678", "12345678-12345678", "f" * 64],
    )
    def test_is_the_callers(self, given: str) -> None:
        assert id_given_back(given) == given

    @pytest.mark.parametrize(
        "given",
        [
            None,
            "",
            "seven77",
            "f" * 65,
            "trace 12345",
            "+442071234567",
            "trace;12345",
            "tr\u00e4ce-12345",
            # Nine digits in a row may be a phone number, sixteen a card.
            "123456789",
            "call-02071234567",
            "trace-4242424242424242-x",
        ],
    )
    def test_is_one_of_ours_where_the_callers_is_absent_malformed_or_personal(
        self, given: str | None
    ) -> None:
        assert re.fullmatch(r"[0-9a-f]{32}", id_given_back(given))

    def test_is_another_each_time(self) -> None:
        assert id_given_back(None) != id_given_back(None)
