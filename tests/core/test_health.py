"""The two addresses that load balancers ask."""

import pytest
from django.db import OperationalError, connection
from django.test import Client


class TestLivez:
    def test_answers_without_a_database(self) -> None:
        answer = Client().get("/livez")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
class TestReadyz:
    def test_is_ready_with_a_database(self) -> None:
        assert Client().get("/readyz").status_code == 200

    def test_is_not_ready_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(connection, "cursor", refuse)
        assert Client().get("/readyz").status_code == 503
