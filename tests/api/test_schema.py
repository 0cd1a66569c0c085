"""The OpenAPI document: valid, complete, and the same as the one in docs/reference."""

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from globalmart.core.problems import CONTENT_TYPE, KINDS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return path.read_text()


class TestDocument:
    def test_is_the_one_that_is_kept(self, generated: str) -> None:
        kept = yaml.safe_load((REFERENCE / "openapi.yaml").read_text())
        made = yaml.safe_load(generated)
        # The server's address is this installation's.
        kept.pop("servers"), made.pop("servers")
        assert made == kept, "run: manage.py spectacular --file docs/reference/openapi.yaml"

    def test_speaks_version_3_1_without_words_of_3_0(self, generated: str) -> None:
        assert yaml.safe_load(generated)["openapi"] == "3.1.0"
        assert "nullable" not in generated

    def test_documents_every_operation_with_errors_as_problems(self, generated: str) -> None:
        document = yaml.safe_load(generated)
        operations = {
            (method, path): operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert set(operations) == {
            ("get", "/api/v1/orders"),
            ("post", "/api/v1/orders"),
            ("get", "/api/v1/orders/{public_id}"),
            ("post", "/api/v1/orders/{public_id}/cancel"),
            ("get", "/api/v1/orders/{public_id}/documents"),
            ("get", "/api/v1/orders/{public_id}/documents/{number}.pdf"),
            ("get", "/api/v1/products"),
            ("get", "/api/v1/products/{sku}"),
        }
        for operation in operations.values():
            assert operation["security"] == [{"key": []}]
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert set(response["content"]) == {CONTENT_TYPE}

    def test_is_described_in_the_reference(self) -> None:
        text = (REFERENCE / "api.md").read_text()
        assert [code for code in KINDS if f"`{code}`" not in text] == []


class TestPages:
    @pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/", "/api/docs/problems/"])
    def test_are_served_without_a_key(self, path: str) -> None:
        assert Client().get(path).status_code == 200

    def test_of_swagger_load_nothing_from_elsewhere(self) -> None:
        page = Client().get("/api/docs/").content.decode()
        assert "swagger-ui" in page
        assert "https://" not in page
