"""Programs pass by what only pages need; what protects them stays."""

import pytest
from django.test import Client

from globalmart.core.middleware import PROGRAMS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", [f"{prefix}nothing-here" for prefix in PROGRAMS])
def test_programs_get_no_session_language_or_policy(path: str) -> None:
    answer = Client().get(path, headers={"Accept-Language": "de"})

    assert not {"Content-Security-Policy", "Content-Language", "Set-Cookie"} & set(answer.headers)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Request-ID"]


def test_pages_get_them_all() -> None:
    answer = Client().get("/orders/find/")

    assert {"Content-Security-Policy", "Content-Language"} <= set(answer.headers)
