"""Webhook endpoints made by API: they say which events are sent, and sign them as well.

Everything still goes to the one address that the server was started with.
"""

import re
from urllib.parse import urlsplit

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, Store, new_id, now, shown

TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\Z")
# The first words of the event types that a shop could meet; anything else is a slip of the pen.
FAMILIES = frozenset({
    "account", "balance", "cash_balance", "charge", "checkout", "customer", "file",
    "payment_intent", "payment_link", "payment_method", "payout", "price", "product", "radar",
    "refund", "reporting", "review", "setup_intent", "topup", "transfer",
})  # fmt: skip
# Every condition of a list takes one value; here it is 0.
THERE = "object_id NOT IN (SELECT object_id FROM deleted WHERE seq > ?)"
MAX_ENDPOINTS = 16


def create(call: Call, params: Parameters) -> Json:
    """Enter an endpoint and return it with its secret, which is never shown again."""
    if len(existing(call.store)) >= MAX_ENDPOINTS:
        raise errors.refused(f"You have reached the maximum of {MAX_ENDPOINTS} webhook endpoints.")
    endpoint: Json = {
        "id": new_id("we_1"),
        "object": "webhook_endpoint",
        "api_version": params.text("api_version"),
        "application": None,
        "created": now(),
        "description": params.text("description"),
        "enabled_events": _types(params),
        "livemode": False,
        "metadata": params.metadata(),
        "status": "enabled",
        "url": _url(params),
        PRIVATE: {"secret": new_id("whsec_", 32)},
    }
    call.store.add(endpoint)
    return {**shown(endpoint), "secret": endpoint[PRIVATE]["secret"]}


def update(call: Call, endpoint: Json, params: Parameters) -> None:
    """Change an endpoint and save it. Raises StripeError (400)."""
    if "enabled_events" in params.values:
        endpoint["enabled_events"] = _types(params)
    if "url" in params.values:
        endpoint["url"] = _url(params)
    if "description" in params.values:
        endpoint["description"] = params.text("description")
    if params.has("disabled"):
        endpoint["status"] = "disabled" if params.boolean("disabled") else "enabled"
    endpoint["metadata"] = params.metadata(endpoint["metadata"])
    call.store.save(endpoint)


def delete(call: Call, endpoint: Json) -> Json:
    """Take an endpoint away and return what Stripe says of it then."""
    call.store.book.append("deleted", object_id=endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def existing(store: Store) -> list[Json]:
    """Return all endpoints, the newest first."""
    return store.page("webhook_endpoint", wheres=[(THERE, 0)], limit=MAX_ENDPOINTS)


def is_deleted(store: Store, endpoint: Json) -> bool:
    """Say whether an endpoint was taken away."""
    sql = "SELECT 1 FROM deleted WHERE object_id = ?"
    return store.book.one(sql, (endpoint["id"],)) is not None


def wants(endpoint: Json, type_: str) -> bool:
    """Say whether an endpoint is to get events of this type."""
    names = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in names or type_ in names)


def _types(params: Parameters) -> list[str]:
    names = params.listed("enabled_events")
    if not names:
        raise errors.invalid(
            "Missing required param: enabled_events.",
            code="parameter_missing",
            param="enabled_events",
        )
    for place, name in enumerate(names):
        is_known = isinstance(name, str) and TYPE.match(name) and name.split(".")[0] in FAMILIES
        if name != "*" and not is_known:
            raise errors.invalid(
                f"Invalid enabled_events[{place}]: {name} is no event type.",
                param=f"enabled_events[{place}]",
            )
    return names


def _url(params: Parameters) -> str:
    url = params.required("url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise errors.invalid("Invalid URL: An explicit scheme (such as https) must be provided.",
                             code="url_invalid", param="url")  # fmt: skip
    return url
