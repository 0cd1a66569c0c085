"""API keys: who gets in, with which scope, and what is kept of a key."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from globalmart.core import access
from globalmart.core.models import ApiClient, ApiKey

PRODUCTS = "/api/v1/products"


@pytest.fixture
def key(db: None) -> str:
    client = ApiClient.objects.create(name="Ada's shop")
    return access.issue_key(client=client, scopes=["products:read"])


def status(key: str | None, path: str = PRODUCTS, scheme: str = "Bearer") -> int:
    headers = {} if key is None else {"Authorization": f"{scheme} {key}"}
    answer = Client().get(path, headers=headers)
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "unauthenticated"
    return int(answer.status_code)


class TestAKey:
    def test_opens_what_its_scopes_name(self, key: str) -> None:
        assert status(key) == 200

    def test_is_stored_as_digest_and_prefix_only(self, key: str) -> None:
        row = ApiKey.objects.get()
        assert row.digest == access.hash_key(key)
        assert row.prefix == key[:12]
        assert not any(str(value) == key for value in vars(row).values())

    def test_without_the_scope_gets_403_naming_it(self, key: str) -> None:
        answer = Client().get("/api/v1/orders", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "orders:read" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "wrong",
        [None, "", "gm_test_wrong", "x", "gm_test_" + "a" * 500, "gm_test_\u00e9", "gm_test_a b"],
    )
    def test_that_is_not_ours_gets_401(self, key: str, wrong: str | None) -> None:
        assert status(wrong) == 401

    def test_truncated_or_in_another_scheme_gets_401(self, key: str) -> None:
        assert status(key[:-1]) == 401
        assert status(key, scheme="Basic") == 401
        assert status(key, scheme="Token") == 401

    @pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
    def test_past_its_end_gets_401(self, key: str, field: str) -> None:
        ApiKey.objects.update(**{field: timezone.now() - timedelta(seconds=1)})
        assert status(key) == 401

    def test_before_its_expiry_works(self, key: str) -> None:
        ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
        assert status(key) == 200

    def test_of_a_client_that_is_switched_off_gets_401(self, key: str) -> None:
        ApiClient.objects.update(is_active=False)
        assert status(key) == 401

    def test_in_the_address_gets_401_even_beside_a_good_header(self, key: str) -> None:
        assert status(None, f"{PRODUCTS}?api_key={key}") == 401
        assert status(key, f"{PRODUCTS}?q={key}") == 401

    def test_for_tests_is_dead_beside_live_payment_keys(self, key: str, settings: Any) -> None:
        settings.IS_LIVE = True
        assert status(key) == 401


class TestUse:
    def test_is_written_at_most_once_a_minute(
        self, key: str, django_assert_num_queries: object
    ) -> None:
        row = ApiKey.objects.get()
        now = timezone.now()
        access.note_use(row=row, now=now)
        row.refresh_from_db()
        assert row.last_used_at == now
        with django_assert_num_queries(0):  # type: ignore[operator]
            access.note_use(row=row, now=now + timedelta(seconds=59))
        access.note_use(row=row, now=now + timedelta(seconds=60))
        row.refresh_from_db()
        assert row.last_used_at == now + timedelta(seconds=60)


@pytest.mark.django_db
class TestRegistering:
    def test_a_given_key_twice_keeps_one_row(self) -> None:
        for scopes in (["orders:read"], ["products:read"]):
            access.register_key(client_name="demo", key="gm_test_given", scopes=scopes)
        assert ApiKey.objects.get().scopes == ["products:read"]
        assert status("gm_test_given") == 200

    def test_refuses_a_test_key_beside_live_payment_keys(self, settings: Any) -> None:
        settings.IS_LIVE = True
        with pytest.raises(access.KeyOfWrongMode):
            access.register_key(client_name="demo", key="gm_test_given", scopes=[])
        assert not ApiKey.objects.exists()

    def test_refuses_a_live_key_beside_test_payment_keys(self) -> None:
        with pytest.raises(access.KeyOfWrongMode):
            access.register_key(client_name="demo", key="gm_live_x", scopes=[], is_live=True)
