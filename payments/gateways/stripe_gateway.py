"""PaymentIntents and webhooks at Stripe, translated into what payments knows."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import stripe
from django.conf import settings

from payments.gateways import stripe_client
from payments.gateways.classification import classify_status
from payments.gateways.intents import Answer, BadSignature, Intent, Notice, Outcome
from payments.gateways.stripe_client import Reply, ask, options, params

# The SDK refuses signatures older than this but takes any from the future: we do not.
PAST_SECONDS, FUTURE_SECONDS = 300, 60
# What reading raises where something is no event, or not as Stripe writes one.
NO_EVENT = (ValueError, KeyError, TypeError, AttributeError)


class StripeGateway:
    """Payments' side of Stripe. See PaymentGateway for the contract."""

    def __init__(self, *, secret_key: str, api_base: str) -> None:
        client = stripe_client.make_client(secret_key=secret_key, api_base=api_base)
        self._intents = client.v1.payment_intents

    def create(self, *, request: Mapping[str, Any], key: str) -> Answer:
        return answer_of_reply(ask(lambda: self._intents.create(_expanded(request), options(key))))

    def confirm(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return answer_of_reply(
            ask(lambda: self._intents.confirm(intent_id, _expanded(request), options(key)))
        )

    def capture(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return answer_of_reply(
            ask(lambda: self._intents.capture(intent_id, _expanded(request), options(key)))
        )

    def cancel(self, *, intent_id: str, request: Mapping[str, Any], key: str) -> Answer:
        return answer_of_reply(
            ask(lambda: self._intents.cancel(intent_id, params(request), options(key)))
        )

    def retrieve(self, *, intent_id: str) -> Answer:
        expanded: Any = {"expand": ["latest_charge"]}
        return answer_of_reply(ask(lambda: self._intents.retrieve(intent_id, expanded)))


def _expanded(request: Mapping[str, Any]) -> Any:
    """Ask for the charge too: it says when a hold ends, and in how many parts it is captured."""
    return params({**request, "expand": ["latest_charge"]})


def answer_of_reply(reply: Reply) -> Answer:
    """Return what a reply means for an intent."""
    if reply.error is None:
        intent = _read(reply.raw)
        if intent is None:
            # An answer that cannot be read is no answer.
            return Answer(Outcome.UNKNOWN, code="client_error")
        return answer_of_intent(intent)
    beside = _read(reply.beside)
    if reply.error == Outcome.REFUSED and beside is not None:
        # "Already captured", "cannot be cancelled": the state of the intent is the answer.
        return replace(answer_of_intent(beside), is_replayed=reply.is_replayed)
    return Answer(reply.error, beside, reply.code, reply.retry_after, reply.is_replayed)


def _read(raw: Mapping[str, Any] | None) -> Intent | None:
    """Return the intent, or None for one that is not there or badly written."""
    try:
        return read_intent(raw) if raw is not None else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def answer_of_intent(intent: Intent) -> Answer:
    """Return the answer that an intent is."""
    outcome = classify_status(
        status=intent.status, received_minor=intent.received_minor, error_code=intent.error_code
    )
    return Answer(outcome, intent, intent.error_code)


def read_intent(raw: Mapping[str, Any]) -> Intent:
    """Return an Intent from Stripe's JSON. Raises KeyError where Stripe left out what it owes."""
    error = raw.get("last_payment_error") or {}
    charge = raw.get("latest_charge")
    details = charge.get("payment_method_details") if isinstance(charge, dict) else None
    card = (details or {}).get("card") or {}
    before = card.get("capture_before")
    return Intent(
        id=raw["id"],
        charge_id=_charge_id(charge),
        status=raw["status"],
        amount_minor=int(raw["amount"]),
        received_minor=int(raw.get("amount_received") or 0),
        currency=str(raw["currency"]).upper(),
        client_secret=raw.get("client_secret") or "",
        error_code=str(error.get("decline_code") or error.get("code") or ""),
        decline_id=_decline_id(error),
        capture_before=datetime.fromtimestamp(before, UTC) if before else None,
        is_multicapture=(card.get("multicapture") or {}).get("status") == "available",
        metadata=raw.get("metadata") or {},
    )


def _charge_id(charge: Any) -> str:
    """Return the id of an intent's charge, whether Stripe sent it whole or by its id alone."""
    return str((charge.get("id") if isinstance(charge, dict) else charge) or "")


def _decline_id(error: Mapping[str, Any]) -> str:
    """Return what tells one decline from the next: its charge, or else the card that was tried."""
    method = error.get("payment_method") or {}
    return str(error.get("charge") or method.get("id") or "")


def read_notice(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook's signature and age, and return what it tells. Raises BadSignature."""
    try:
        event = stripe.Webhook.construct_event(
            payload, signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=PAST_SECONDS
        ).to_dict()
        stamp = next(part[2:] for part in signature.split(",") if part.startswith("t="))
        if int(stamp) > time.time() + FUTURE_SECONDS:
            raise BadSignature("signed in the future")
        return notice_of_event(event)
    except (*NO_EVENT, StopIteration, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error


def notice_of_event(event: Mapping[str, Any]) -> Notice:
    """Return what an event tells: ids only. Raises one of NO_EVENT for no event."""
    thing = event["data"]["object"]
    kind = str(thing.get("object") or "")
    intent = thing["id"] if kind == "payment_intent" else thing.get("payment_intent")
    return Notice(
        event_id=event["id"],
        type=event["type"],
        object_type=kind,
        object_id=str(thing.get("id") or ""),
        intent_id=intent if isinstance(intent, str) else "",
        is_live=bool(event["livemode"]),
        created=datetime.fromtimestamp(event["created"], UTC),
    )
