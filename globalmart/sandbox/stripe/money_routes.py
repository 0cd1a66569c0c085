"""What the endpoints of charges, refunds and all that follows them do with their parameters."""

from globalmart.sandbox.stripe import refunds
from globalmart.sandbox.stripe.listing import (
    PAGING,
    Operate,
    expand,
    find,
    named,
    page,
    retrieve,
)
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown
from globalmart.sandbox.web import Request


def create_refund(call: Call, request: Request) -> Json:
    """POST /v1/refunds."""
    params = Parameters(request.form)
    params.only("amount", "charge", "metadata", "payment_intent", "reason", "expand")
    return expand(call, shown(refunds.create(call, params)), params)


def update_refund(call: Call, request: Request) -> Json:
    """POST /v1/refunds/{id}."""
    params = Parameters(request.form)
    params.only("metadata", "expand")
    refund = find(call, request, "re_", "refund")
    return expand(call, shown(refunds.update(call, refund, params)), params)


def cancel_refund(call: Call, request: Request) -> Json:
    """POST /v1/refunds/{id}/cancel."""
    params = Parameters(request.form)
    params.only("expand")
    refund = find(call, request, "re_", "refund")
    return expand(call, shown(refunds.cancel(call, refund)), params)


def list_refunds(call: Call, request: Request) -> Json:
    """GET /v1/refunds."""
    params = Parameters(request.query)
    params.only(*PAGING, "payment_intent", "charge")
    wheres = named(call, params, payment_intent="parent_id = ?", charge="type = ?")
    return page(call, "refund", params, url=request.path, wheres=wheres)


def list_charges(call: Call, request: Request) -> Json:
    """GET /v1/charges."""
    params = Parameters(request.query)
    params.only(*PAGING, "payment_intent")
    wheres = named(call, params, payment_intent="parent_id = ?")
    return page(call, "charge", params, url=request.path, wheres=wheres)


OPERATIONS: tuple[tuple[str, str, str, Operate], ...] = (
    ("POST", "/v1/refunds", "refunds.create", create_refund),
    ("GET", "/v1/refunds", "refunds.list", list_refunds),
    ("GET", "/v1/refunds/{id}", "refunds.retrieve", retrieve("re_", "refund")),
    ("POST", "/v1/refunds/{id}", "refunds.update", update_refund),
    ("POST", "/v1/refunds/{id}/cancel", "refunds.cancel", cancel_refund),
    ("GET", "/v1/charges", "charges.list", list_charges),
    ("GET", "/v1/charges/{id}", "charges.retrieve", retrieve("ch_", "charge")),
)
