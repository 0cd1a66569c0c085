"""Stripe through its SDK: one try, ten seconds by the wall clock, one answer."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import stripe
from django.conf import settings

from globalmart.core.db import forbid_transaction
from payments.gateways.classification import classify_error, classify_status
from payments.gateways.intents import Answer, BadSignature, Intent, Notice, Outcome

CONNECT_SECONDS, READ_SECONDS = 2, 8
MOST_BYTES = 1_048_576
# Whoever asks for a longer pause than this is asked again sooner.
MOST_RETRY_AFTER = 3600
# The SDK refuses signatures older than this but takes any from the future: we do not.
PAST_SECONDS, FUTURE_SECONDS = 300, 60


class DeadlineClient(stripe.RequestsClient):
    """The SDK's HTTP client with a deadline over the whole answer and a cap on its size."""

    def request(  # type: ignore[override]  # the SDK's own clients return bytes too
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        deadline = time.monotonic() + settings.STRIPE_TIMEOUT_SECONDS
        stream, status, answer_headers = self.request_stream(method, url, headers, post_data)
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
        return b"".join(chunks), status, answer_headers


def _broken(what: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(f"Stripe's answer was {what}")  # type: ignore[no-untyped-call]


class StripeGateway:
    """Payments' side of Stripe. See PaymentGateway for the contract."""

    def __init__(self, *, secret_key: str, api_base: str) -> None:
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            max_network_retries=0,
            http_client=DeadlineClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer:
        intents = self._client.v1.payment_intents
        return _ask(lambda: intents.create(_params(request), _options(key)))

    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        intents = self._client.v1.payment_intents
        return _ask(lambda: intents.confirm(intent_id, _params(request), _options(key)))

    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        intents = self._client.v1.payment_intents
        return _ask(lambda: intents.capture(intent_id, _params(request), _options(key)))

    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        intents = self._client.v1.payment_intents
        return _ask(lambda: intents.cancel(intent_id, _params(request), _options(key)))

    def retrieve(self, *, intent_id: str) -> Answer:
        intents = self._client.v1.payment_intents
        return _ask(lambda: intents.retrieve(intent_id, {"expand": ["latest_charge"]}))


def _params(request: Mapping[str, Any]) -> Any:
    """The stored request as the SDK wants it: it types each call's parameters one by one."""
    return dict(request)


def _options(key: str) -> Any:
    return {"idempotency_key": key}


def _ask(call: Callable[[], stripe.PaymentIntent]) -> Answer:
    forbid_transaction()
    try:
        intent = read_intent(call().to_dict())
    except stripe.StripeError as error:
        return _answer_of_error(error)
    except Exception:
        # Whatever broke after bytes may have left is silence, not a no.
        return Answer(Outcome.UNKNOWN, code="client_error")
    return answer_of_intent(intent)


def answer_of_intent(intent: Intent) -> Answer:
    """Return the answer that an intent is."""
    outcome = classify_status(
        status=intent.status, received_minor=intent.received_minor, error_code=intent.error_code
    )
    return Answer(outcome, intent, intent.error_code)


def _answer_of_error(error: stripe.StripeError) -> Answer:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    found = body.get("error")
    detail: Mapping[str, Any] = found if isinstance(found, dict) else {}
    code = str(detail.get("decline_code") or detail.get("code") or detail.get("type") or "")
    outcome = classify_error(
        http_status=error.http_status, error_type=str(detail.get("type") or "")
    )
    intent = _intent_beside(detail)
    if outcome == Outcome.REFUSED and intent is not None:
        # "Already captured", "cannot be cancelled": the state of the intent is the answer.
        return answer_of_intent(intent)
    return Answer(outcome, intent, code, _retry_after(error))


def _intent_beside(detail: Mapping[str, Any]) -> Intent | None:
    raw = detail.get("payment_intent")
    try:
        return read_intent(raw) if isinstance(raw, dict) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        # A refusal stands, however badly the intent beside it is written.
        return None


def _retry_after(error: stripe.StripeError) -> float | None:
    try:
        seconds = float((error.headers or {}).get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MOST_RETRY_AFTER else None


def read_intent(raw: Mapping[str, Any]) -> Intent:
    """Return an Intent from Stripe's JSON. Raises KeyError where Stripe left out what it owes."""
    error = raw.get("last_payment_error") or {}
    charge = raw.get("latest_charge")
    details = charge.get("payment_method_details") if isinstance(charge, dict) else None
    before = ((details or {}).get("card") or {}).get("capture_before")
    return Intent(
        id=raw["id"],
        status=raw["status"],
        amount_minor=int(raw["amount"]),
        received_minor=int(raw.get("amount_received") or 0),
        currency=str(raw["currency"]).upper(),
        client_secret=raw.get("client_secret") or "",
        error_code=str(error.get("decline_code") or error.get("code") or ""),
        capture_before=datetime.fromtimestamp(before, UTC) if before else None,
        metadata=raw.get("metadata") or {},
    )


def read_notice(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook's signature and age, and return what it tells. Raises BadSignature."""
    try:
        event = stripe.Webhook.construct_event(
            payload, signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=PAST_SECONDS
        ).to_dict()
        stamp = next(part[2:] for part in signature.split(",") if part.startswith("t="))
        if int(stamp) > time.time() + FUTURE_SECONDS:
            raise BadSignature("signed in the future")
        thing = event["data"]["object"]
        is_intent = thing.get("object") == "payment_intent"
        intent = thing["id"] if is_intent else thing.get("payment_intent")
        return Notice(
            event_id=event["id"],
            type=event["type"],
            intent_id=intent if isinstance(intent, str) else "",
            is_live=bool(event["livemode"]),
            created=datetime.fromtimestamp(event["created"], UTC),
        )
    except (ValueError, KeyError, StopIteration, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error
