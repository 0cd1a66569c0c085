"""What the endpoints of events, and of those who get them, do with their parameters."""

import json
from typing import Any

from globalmart.sandbox.stripe import endpoints, errors
from globalmart.sandbox.stripe.listing import PAGING, Operate, expand, find, page, retrieve
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown
from globalmart.sandbox.web import Request

MAX_TYPES = 20
# What was to be delivered and has not been, be it that it waits, was refused or got lost.
UNDELIVERED = (
    "EXISTS (SELECT 1 FROM delivery AS d WHERE d.event_id = object_id) AND NOT EXISTS "
    "(SELECT 1 FROM delivery AS d WHERE d.event_id = object_id AND d.state = ?)"
)
ENDPOINT = ("enabled_events", "url", "description", "metadata", "expand")


def list_events(call: Call, request: Request) -> Json:
    """GET /v1/events; `delivery_success=false` gives those that the endpoint has not taken."""
    params = Parameters(request.query)
    params.only(*PAGING, "type", "types", "delivery_success")
    wheres: list[tuple[str, Any]] = []
    types = [str(name) for name in params.listed("types")]
    if types and params.has("type"):
        raise errors.invalid("You may only specify one of these parameters: type, types.")
    if len(types) > MAX_TYPES:
        raise errors.invalid(f"You may pass up to {MAX_TYPES} types.", param="types")
    if types:
        wheres.append(("type IN (SELECT value FROM json_each(?))", json.dumps(types)))
    if params.has("type"):
        wheres.append(("type GLOB ?", params.required("type")))
    if params.has("delivery_success"):
        is_taken = params.boolean("delivery_success")
        wheres.append((f"NOT ({UNDELIVERED})" if is_taken else UNDELIVERED, "delivered"))
    return page(call, "event", params, url=request.path, wheres=wheres)


def create_endpoint(call: Call, request: Request) -> Json:
    """POST /v1/webhook_endpoints."""
    params = Parameters(request.form)
    params.only(*ENDPOINT, "api_version", "connect")
    return endpoints.create(call, params)


def retrieve_endpoint(call: Call, request: Request) -> Json:
    """GET /v1/webhook_endpoints/{id}."""
    params = Parameters(request.query)
    params.only("expand")
    return expand(call, shown(_endpoint(call, request)), params)


def update_endpoint(call: Call, request: Request) -> Json:
    """POST /v1/webhook_endpoints/{id}."""
    params = Parameters(request.form)
    params.only(*ENDPOINT, "disabled")
    endpoint = _endpoint(call, request)
    endpoints.update(call, endpoint, params)
    return shown(endpoint)


def delete_endpoint(call: Call, request: Request) -> Json:
    """DELETE /v1/webhook_endpoints/{id}."""
    return endpoints.delete(call, _endpoint(call, request))


def list_endpoints(call: Call, request: Request) -> Json:
    """GET /v1/webhook_endpoints."""
    params = Parameters(request.query)
    params.only("limit", "starting_after", "ending_before", "expand")
    wheres: list[tuple[str, Any]] = [(endpoints.THERE, 0)]
    return page(call, "webhook_endpoint", params, url=request.path, wheres=wheres)


def _endpoint(call: Call, request: Request) -> Json:
    found = find(call, request, "we_", "webhook endpoint")
    if endpoints.is_deleted(call.store, found):
        raise errors.missing("webhook endpoint", found["id"], param="id")
    return found


OPERATIONS: tuple[tuple[str, str, str, Operate], ...] = (
    ("GET", "/v1/events", "events.list", list_events),
    ("GET", "/v1/events/{id}", "events.retrieve", retrieve("evt_", "event")),
    ("POST", "/v1/webhook_endpoints", "webhook_endpoints.create", create_endpoint),
    ("GET", "/v1/webhook_endpoints", "webhook_endpoints.list", list_endpoints),
    ("GET", "/v1/webhook_endpoints/{id}", "webhook_endpoints.retrieve", retrieve_endpoint),
    ("POST", "/v1/webhook_endpoints/{id}", "webhook_endpoints.update", update_endpoint),
    ("DELETE", "/v1/webhook_endpoints/{id}", "webhook_endpoints.delete", delete_endpoint),
)
