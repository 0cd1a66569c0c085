"""Shared parts of the OpenAPI document: the key, the problem document, errors, headers."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers

from globalmart.core.problems import CONTENT_TYPE, KINDS


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes ApiKeyAuthentication."""

    target_class = "globalmart.core.access.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, as `gm_test_…` or `gm_live_…`.",
        }


class ProblemError(serializers.Serializer[Any]):
    """One thing to correct; other members may stand beside."""

    pointer = serializers.CharField(required=False, help_text="JSON pointer into the body.")
    parameter = serializers.CharField(required=False, help_text="Name of a query parameter.")
    detail = serializers.CharField()
    available = serializers.IntegerField(
        required=False, help_text="With `out_of_stock`: units that can be ordered now."
    )


class ProblemDocument(serializers.Serializer[Any]):
    """RFC 9457: what went wrong, and what to do about it at `type`."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField(help_text="For programs: stable, unlike title and detail.")
    request_id = serializers.CharField(help_text="Tell us this when you ask for help.")
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]
    existing_id = serializers.CharField(
        required=False, help_text="With `external_ref_exists`: the order that has it."
    )


def errors(*statuses: int) -> dict[tuple[int, str], type[ProblemDocument]]:
    """Return the error answers of an operation for `extend_schema`."""
    return {(status, CONTENT_TYPE): ProblemDocument for status in statuses}


REQUEST_ID = {"schema": {"type": "string"}, "description": "The id of this request in our logs."}
RETRY_AFTER = {
    "schema": {"type": "integer"},
    "description": "Seconds after which the same request may be sent again.",
}


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Complete the document (a hook): headers and meaning of every answer, addresses as served."""
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                headers = response.setdefault("headers", {})
                headers["X-Request-ID"] = REQUEST_ID
                if status in {"409", "429", "503"}:
                    headers["Retry-After"] = RETRY_AFTER
                codes = [code for code, kind in KINDS.items() if str(kind.status) == status]
                meaning = f"{HTTPStatus(int(status)).phrase}."
                response["description"] = (
                    f"{meaning} `code`: {', '.join(codes)}." if codes else meaning
                )
    result["paths"] = {
        address.rstrip("/"): operations for address, operations in result["paths"].items()
    }
    return result
