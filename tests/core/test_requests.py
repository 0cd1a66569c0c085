"""The correlation id: the caller's where it can hold no personal number, else one of ours."""

import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from globalmart.core.requests import CorrelationMiddleware, client_address, correlation_id


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


class TestClientAddress:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (0, None, "10.0.0.1"),
            # Without a proxy of ours the header is the client's own claim.
            (0, "192.0.2.7", "10.0.0.1"),
            (1, "192.0.2.7", "192.0.2.7"),
            (1, "203.0.113.9, 192.0.2.7", "192.0.2.7"),
            (2, "203.0.113.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
            # Fewer hops than proxies: nobody else can have sent it.
            (2, "192.0.2.7", "192.0.2.7"),
            (1, None, "10.0.0.1"),
            (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            (1, "::ffff:192.0.2.7", "192.0.2.7"),
            (1, "unknown", "unknown"),
        ],
    )
    def test_is_what_our_outermost_proxy_saw(
        self, settings: Any, proxies: int, forwarded: str | None, address: str
    ) -> None:
        settings.PROXIES = proxies
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
        assert client_address(request) == address
