"""The one way to Stripe: past the guard, its SDK, one try, a wall-clock deadline, one reply."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings

from globalmart.core.budget import seconds_left
from globalmart.core.db import forbid_transaction
from globalmart.core.guard import Guard, NotSent
from payments.gateways.classification import classify_error
from payments.gateways.guarded import endpoint_of, guard
from payments.gateways.intents import Outcome

CONNECT_SECONDS, READ_SECONDS = 2, 8
MOST_BYTES = 1_048_576
# Whoever asks for a longer pause than this is asked again sooner.
MOST_RETRY_AFTER = 3600


class DeadlineClient(stripe.RequestsClient):
    """The SDK's HTTP client: past the guard, with a deadline over the whole answer and a cap on
    its size. A caller with a budget waits no longer than that."""

    def __init__(self, *, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    @property
    def _timeout(self) -> tuple[float, float]:
        """Seconds to connect and to read; the SDK asks for each call."""
        whole = whole_seconds()
        connect = min(CONNECT_SECONDS, whole / 2)
        return connect, min(READ_SECONDS, whole - connect)

    @_timeout.setter
    def _timeout(self, fixed: object) -> None:
        """The SDK's own, the same for all calls, is not used."""

    def request(  # type: ignore[override]  # the SDK's own clients return bytes too
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        with self._guard.passage(endpoint_of(method=method, url=url)) as passage:
            deadline = time.monotonic() + whole_seconds()
            stream, status, answer_headers = self.request_stream(method, url, headers, post_data)
            body = _read_all(stream, deadline)
            passage.answered(
                status=status,
                retry_after=answer_headers.get("Retry-After", ""),
                is_replayed=answer_headers.get("Idempotent-Replayed") == "true",
            )
        return body, status, answer_headers


def whole_seconds() -> float:
    """Return what one call may take in all."""
    left = seconds_left()
    most = float(settings.STRIPE_TIMEOUT_SECONDS)
    return most if left is None else min(most, left)


def _read_all(stream: Any, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := stream.read1(65_536, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > MOST_BYTES or time.monotonic() > deadline:
                stream.close()
                raise _broken("too long or too slow")
    except stripe.APIConnectionError:
        raise
    except Exception as error:
        raise _broken(f"broken off: {error}") from error
    stream.release_conn()
    return b"".join(chunks)


def _broken(what: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(f"Stripe's answer was {what}")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one call: Stripe's JSON, or what an error or a silence means.

    `error` is the outcome of an error (None: the call was answered with `raw`); `beside` is the
    object that Stripe shows beside an error, where it shows one. `is_replayed` says that this was
    the stored answer to an earlier call with the same key: that call has ended.
    """

    raw: Mapping[str, Any] | None = None
    error: Outcome | None = None
    code: str = ""
    retry_after: float | None = None
    beside: Mapping[str, Any] | None = None
    is_replayed: bool = False


@lru_cache
def make_client(*, secret_key: str, api_base: str) -> stripe.StripeClient:
    """Return the client for these settings; safe to share between threads."""
    return stripe.StripeClient(
        secret_key,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=DeadlineClient(guard=guard()),
    )


def client() -> stripe.StripeClient:
    """Return the client that the settings describe."""
    return make_client(secret_key=settings.STRIPE_SECRET_KEY, api_base=settings.STRIPE_API_BASE)


def params(request: Mapping[str, Any]) -> Any:
    """The stored request as the SDK wants it: it types each call's parameters one by one."""
    return dict(request)


def options(key: str) -> Any:
    """Send this idempotency key."""
    return {"idempotency_key": key}


def ask(call: Callable[[], stripe.StripeObject]) -> Reply:
    """Make one call; whatever breaks after bytes may have left is silence, not a no.

    What the guard holds back is NOT_YET: `rate_limited`, `busy`, `breaker_open` or `no_time`.

    Refuses to run in a transaction. Never raises for what Stripe answers or fails to answer.
    """
    forbid_transaction()
    try:
        return Reply(raw=call().to_dict())
    except NotSent as refusal:
        return Reply(error=Outcome.NOT_YET, code=refusal.code, retry_after=refusal.retry_after)
    except stripe.StripeError as error:
        return _reply_of_error(error)
    except Exception:
        return Reply(error=Outcome.UNKNOWN, code="client_error")


def _reply_of_error(error: stripe.StripeError) -> Reply:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    found = body.get("error")
    detail: Mapping[str, Any] = found if isinstance(found, dict) else {}
    beside = detail.get("payment_intent")
    return Reply(
        error=classify_error(
            http_status=error.http_status, error_type=str(detail.get("type") or "")
        ),
        code=str(detail.get("decline_code") or detail.get("code") or detail.get("type") or ""),
        retry_after=_retry_after(error),
        beside=beside if isinstance(beside, dict) else None,
        is_replayed=(error.headers or {}).get("Idempotent-Replayed") == "true",
    )


def _retry_after(error: stripe.StripeError) -> float | None:
    try:
        seconds = float((error.headers or {}).get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MOST_RETRY_AFTER else None
