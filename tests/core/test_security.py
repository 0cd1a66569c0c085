"""What is refused before any view sees it."""

import pytest
from django.test import Client


@pytest.mark.django_db
class TestNul:
    @pytest.mark.parametrize(
        "path", ["/search?q=%00", "/search?q=mug%00", "/p/mug%00/", "/orders/%00/x/", "/admin/%00"]
    )
    def test_is_a_bad_request_in_a_page(self, path: str) -> None:
        answer = Client().get(path)

        assert answer.status_code == 400
        assert "text/html" in answer.headers["Content-Type"]
        assert "Content-Security-Policy" in answer.headers

    @pytest.mark.parametrize("path", ["/api/v1/orders/%00", "/api/v1/products?cursor=%00"])
    def test_is_a_problem_document_in_the_api(self, path: str) -> None:
        answer = Client().get(path)

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid"

    def test_written_out_is_what_it_says(self) -> None:
        assert Client().get("/search?q=%2500").status_code == 200
