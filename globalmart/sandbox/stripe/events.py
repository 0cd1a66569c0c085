"""Events: what happened, as a snapshot that webhooks carry and the events list keeps."""

import copy
from typing import Any

from globalmart.sandbox.stripe import endpoints
from globalmart.sandbox.stripe.store import Call, Json, new_id, now, shown

API_VERSION = "2026-10-28.endive"

# What is delivered as long as no endpoint was made by API; all else is in the list alone.
DELIVERED = frozenset({
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.processing",
    "charge.captured",
    "charge.expired",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "payout.created",
    "payout.paid",
    "payout.reconciliation_completed",
})  # fmt: skip


def emit(call: Call, type_: str, value: Json, *, previous: dict[str, Any] | None = None) -> None:
    """Enter an event about `value` and, if endpoints want its type, what has to be delivered."""
    data: Json = {"object": copy.deepcopy(shown(value))}
    if previous is not None:
        data["previous_attributes"] = previous
    is_delivered = _is_delivered(call, type_)
    event: Json = {
        "id": new_id("evt_"),
        "object": "event",
        "account": None,
        "api_version": API_VERSION,
        "context": None,
        "created": now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1 if is_delivered else 0,
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": type_,
    }
    call.store.add(event, parent_id=value["id"], type_=type_)
    if is_delivered:
        call.events.append(event["id"])


def _is_delivered(call: Call, type_: str) -> bool:
    known = endpoints.existing(call.store)
    if not known:
        return type_ in DELIVERED
    return any(endpoints.wants(endpoint, type_) for endpoint in known)
