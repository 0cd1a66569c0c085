"""What the endpoints of charges, refunds and all that follows them do with their parameters."""

from typing import Any

from globalmart.sandbox.stripe import disputes, refunds
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


def list_charges(call: Call, request: Request) -> Json:
    """GET /v1/charges."""
    params = Parameters(request.query)
    params.only(*PAGING, "payment_intent")
    wheres = named(call, params, payment_intent="parent_id = ?")
    return page(call, "charge", params, url=request.path, wheres=wheres)


def update_dispute(call: Call, request: Request) -> Json:
    """POST /v1/disputes/{id}."""
    params = Parameters(request.form)
    params.only("evidence", "metadata", "submit", "expand")
    dispute = find(call, request, "du_", "dispute")
    disputes.update(call, dispute, params)
    return expand(call, shown(dispute), params)


def close_dispute(call: Call, request: Request) -> Json:
    """POST /v1/disputes/{id}/close."""
    params = Parameters(request.form)
    params.only("expand")
    dispute = find(call, request, "du_", "dispute")
    disputes.close(call, dispute)
    return expand(call, shown(dispute), params)


def list_of(kind: str) -> Operate:
    """Return the operation that lists what is about one charge or intent."""

    def operate(call: Call, request: Request) -> Json:
        params = Parameters(request.query)
        params.only(*PAGING, "charge", "payment_intent")
        wheres = named(call, params, payment_intent="parent_id = ?", charge="type = ?")
        return page(call, kind, params, url=request.path, wheres=wheres)

    return operate


def list_transactions(call: Call, request: Request) -> Json:
    """GET /v1/balance_transactions; `payout` gives what a payout consists of, and itself."""
    params = Parameters(request.query)
    params.only(*PAGING, "currency", "payout", "source", "type")
    of_payout = "object_id IN (SELECT txn_id FROM paid_out WHERE payout = ?)"
    wheres = named(call, params, payout=of_payout, source="parent_id = ?")
    if params.has("type"):
        wheres.append(("type = ?", params.text("type")))
    if params.has("currency"):
        of_currency = "object_id IN (SELECT txn_id FROM balance WHERE currency = ?)"
        wheres.append((of_currency, params.text("currency")))
    return page(call, "balance_transaction", params, url=request.path, wheres=wheres)


def list_payouts(call: Call, request: Request) -> Json:
    """GET /v1/payouts."""
    params = Parameters(request.query)
    params.only(*PAGING, "arrival_date", "destination", "status")
    wheres: list[tuple[str, Any]] = []
    if params.has("status"):
        latest = "SELECT body FROM state WHERE state.object_id = object.object_id"
        status = f"json_extract(({latest} ORDER BY seq DESC LIMIT 1), '$.status')"
        wheres.append((f"{status} = ?", params.text("status")))
    return page(call, "payout", params, url=request.path, wheres=wheres)


OPERATIONS: tuple[tuple[str, str, str, Operate], ...] = (
    ("POST", "/v1/refunds", "refunds.create", create_refund),
    ("GET", "/v1/refunds", "refunds.list", list_of("refund")),
    ("GET", "/v1/refunds/{id}", "refunds.retrieve", retrieve("re_", "refund")),
    ("POST", "/v1/refunds/{id}", "refunds.update", update_refund),
    ("POST", "/v1/refunds/{id}/cancel", "refunds.cancel", cancel_refund),
    ("GET", "/v1/charges", "charges.list", list_charges),
    ("GET", "/v1/charges/{id}", "charges.retrieve", retrieve("ch_", "charge")),
    ("GET", "/v1/disputes", "disputes.list", list_of("dispute")),
    ("GET", "/v1/disputes/{id}", "disputes.retrieve", retrieve("du_", "dispute")),
    ("POST", "/v1/disputes/{id}", "disputes.update", update_dispute),
    ("POST", "/v1/disputes/{id}/close", "disputes.close", close_dispute),
    ("GET", "/v1/radar/early_fraud_warnings", "radar.early_fraud_warnings.list",
     list_of("radar.early_fraud_warning")),
    ("GET", "/v1/radar/early_fraud_warnings/{id}", "radar.early_fraud_warnings.retrieve",
     retrieve("issfr_", "radar.early_fraud_warning")),
    ("GET", "/v1/balance_transactions", "balance_transactions.list", list_transactions),
    ("GET", "/v1/balance_transactions/{id}", "balance_transactions.retrieve",
     retrieve("txn_", "balance_transaction")),
    ("GET", "/v1/payouts", "payouts.list", list_payouts),
    ("GET", "/v1/payouts/{id}", "payouts.retrieve", retrieve("po_", "payout")),
)  # fmt: skip
