"""What the endpoints of events do with their parameters."""

import json
from typing import Any

from globalmart.sandbox.stripe.listing import PAGING, Operate, page, retrieve
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json
from globalmart.sandbox.web import Request


def list_events(call: Call, request: Request) -> Json:
    """GET /v1/events; `delivery_success=false` gives those that no endpoint has taken yet."""
    params = Parameters(request.query)
    params.only(*PAGING, "type", "types", "delivery_success")
    wheres: list[tuple[str, Any]] = []
    types = [str(name) for name in params.listed("types")]
    types = [params.required("type")] if params.has("type") else types
    if types:
        wheres.append(("type IN (SELECT value FROM json_each(?))", json.dumps(types)))
    if params.has("delivery_success"):
        is_in = "IN" if params.boolean("delivery_success") else "NOT IN"
        delivered = "SELECT event_id FROM delivery WHERE state = ?"
        wheres.append((f"object_id {is_in} ({delivered})", "delivered"))
    return page(call, "event", params, url=request.path, wheres=wheres)


OPERATIONS: tuple[tuple[str, str, str, Operate], ...] = (
    ("GET", "/v1/events", "events.list", list_events),
    ("GET", "/v1/events/{id}", "events.retrieve", retrieve("evt_", "event")),
)
