"""The pages of last resort."""

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from globalmart.core import error_pages
from globalmart.core.requests import correlated


class TestServerError:
    def test_is_a_503_that_says_when_to_come_back_while_the_database_is_away(self) -> None:
        request = RequestFactory().get("/basket/")
        try:
            raise OperationalError("connection refused")
        except OperationalError:
            response = error_pages.server_error(request)

        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert b"try again" in response.content

    def test_is_a_500_with_a_reference_otherwise(self) -> None:
        with correlated("reference-of-ada"):
            response = error_pages.server_error(RequestFactory().get("/basket/"))

        assert response.status_code == 500
        assert b"reference-of-ada" in response.content


@pytest.mark.django_db
class TestPage:
    def test_is_503_when_a_view_meets_a_database_that_is_away(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(**_anything: object) -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr("orders.queries.catalogue.list_offers", away)
        client = Client(raise_request_exception=False)

        response = client.get("/search", {"q": "mug"})

        assert response.status_code == 503
