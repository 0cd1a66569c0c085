"""Stripe's errors: the envelope, and the few shapes that occur again and again."""

from typing import Any

from globalmart.sandbox.web import Response, json_response


class StripeError(Exception):
    """An error answer. `kept` says whether an idempotency key remembers it."""

    def __init__(
        self,
        *,
        status: int,
        kind: str,
        message: str,
        kept: bool = True,
        should_retry: bool | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.should_retry = should_retry
        self.body: dict[str, Any] = {"type": kind, "message": message}
        self.body |= {name: value for name, value in details.items() if value is not None}

    def response(self) -> Response:
        """Return the answer as it goes over the wire."""
        headers = {}
        if self.should_retry is not None:
            headers["Stripe_Should_Retry"] = "true" if self.should_retry else "false"
        return json_response({"error": self.body}, status=self.status, **headers)


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> StripeError:
    """Return the error for a parameter that fails validation: nothing was executed."""
    return StripeError(
        status=400,
        kind="invalid_request_error",
        message=message,
        kept=False,
        code=code,
        param=param,
        doc_url=_doc_url(code),
    )


def refused(message: str, *, code: str | None = None, **details: Any) -> StripeError:
    """Return the error for a well-formed request that the object's state forbids."""
    return StripeError(
        status=400,
        kind="invalid_request_error",
        message=message,
        code=code,
        doc_url=_doc_url(code),
        **details,
    )


def missing(kind: str, identifier: str, *, param: str = "intent") -> StripeError:
    """Return the 404 for an object that does not exist."""
    return StripeError(
        status=404,
        kind="invalid_request_error",
        message=f"No such {kind}: '{identifier}'",
        code="resource_missing",
        param=param,
        doc_url=_doc_url("resource_missing"),
    )


def unauthorized(message: str, *, code: str | None = None) -> StripeError:
    """Return the 401 for a key that is absent or may not do this."""
    return StripeError(
        status=401, kind="invalid_request_error", message=message, code=code, kept=False
    )


def card_error(
    message: str, *, code: str, decline_code: str | None = None, **details: Any
) -> StripeError:
    """Return the 402 that tells of a declined card."""
    return StripeError(
        status=402,
        kind="card_error",
        message=message,
        code=code,
        decline_code=decline_code,
        doc_url=_doc_url(code),
        **details,
    )


def rate_limited() -> StripeError:
    """Return the 429 for an endpoint that is called too often."""
    return StripeError(
        status=429,
        kind="rate_limit_error",
        message="Request rate limit exceeded. Learn more about rate limits.",
        code="rate_limit",
        doc_url=_doc_url("rate_limit"),
        kept=False,
    )


def broken(status: int) -> StripeError:
    """Return the error for which nobody is to blame but the server."""
    if status == 429:
        return StripeError(
            status=429,
            kind="invalid_request_error",
            message="Request rate limit exceeded. Learn more about rate limits.",
            code="rate_limit",
            kept=False,
        )
    if status == 409:
        return StripeError(
            status=409,
            kind="invalid_request_error",
            message="This object cannot be accessed right now because another API request or "
            "Stripe process is currently accessing it.",
            code="lock_timeout",
            kept=False,
            should_retry=True,
        )
    return StripeError(
        status=status,
        kind="api_error",
        message="An unknown error occurred.",
        should_retry=False if status == 500 else None,
    )


def _doc_url(code: str | None) -> str | None:
    return None if code is None else f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
