"""Refunds: captured money that goes back, never more of it than was captured.

A refund takes its money from the charge at once, also while it is pending; one that fails or is
canceled gives it back.
"""

from globalmart.sandbox.stripe import (
    balance,
    cards,
    charges,
    disputes,
    errors,
    fraud_warnings,
    intents,
    releases,
)
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, Planned, new_id, now

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
ACTION_SECONDS = 45 * 24 * 3600
# How a card's refunds go: the status at first, what happens by itself, and after how long.
COURSES: dict[str, tuple[str, str | None, float | None]] = {
    "succeeds": ("succeeded", None, None),
    "pending": ("pending", "refund.succeed", None),
    "fails": ("succeeded", "refund.fail", None),
    "pending_fails": ("pending", "refund.fail", None),
    "requires_action": ("requires_action", "refund.fail", ACTION_SECONDS),
}
# Which status may come after which.
NEXT = {
    "pending": ("succeeded", "failed", "canceled"),
    "requires_action": ("succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
}


def create(call: Call, params: Parameters) -> Json:
    """Give money back for a charge or an intent and return the refund. Raises StripeError."""
    charge = _charge(call, params)
    refund = _build(charge, params)
    _, action, seconds = _course(charge)
    if action:
        call.planned.append(Planned(refund["id"], action, seconds))
    transaction = balance.enter(
        call,
        "refund",
        refund,
        amount_minor=-refund["amount"],
        intent_id=charge["payment_intent"],
        description="REFUND FOR CHARGE",
    )
    refund["balance_transaction"] = transaction["id"]
    call.store.add(refund, parent_id=charge["payment_intent"], type_=charge["id"])
    call.store.save_refund(refund)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    _move(call, charge, refund["amount"])
    emit(call, "refund.created", refund)
    emit(call, "charge.refunded", charge, previous=before)
    if charge["refunded"]:
        fraud_warnings.settle(call, charge)
    return refund


def succeed(call: Call, refund: Json) -> bool:
    """Bring a pending refund to its good end; False where it is no longer open."""
    return settle(call, refund, status="succeeded")


def fail(call: Call, refund: Json) -> bool:
    """Let the customer's bank send the money back; False where that cannot be any more."""
    return settle(call, refund, status="failed")


def cancel(call: Call, refund: Json) -> Json:
    """Cancel a refund that waits for the customer. Raises StripeError for any other."""
    if refund["status"] != "requires_action":
        raise errors.refused("Canceling this refund is unsupported.")
    settle(call, refund, status="canceled")
    return refund


def settle(call: Call, refund: Json, *, status: str, failure_reason: str | None = None) -> bool:
    """Give a refund its next status, with all that follows; False where it cannot have it."""
    before = {"status": refund["status"]}
    is_release = refund["balance_transaction"] is None
    if is_release or status not in NEXT.get(refund["status"], ()):
        return False
    refund |= {"status": status, "next_action": None, "pending_reason": None}
    if status != "succeeded":
        before |= {"failure_balance_transaction": None, "failure_reason": None}
        default = "merchant_request" if status == "canceled" else "expired_or_canceled_card"
        refund["failure_reason"] = failure_reason or default
        _give_back(call, refund)
    call.store.save(refund)
    call.store.save_refund(refund)
    emit(call, "refund.updated", refund, previous=before)
    emit(call, "charge.refund.updated", refund, previous=before)
    if status == "failed":
        emit(call, "refund.failed", refund)
    return True


def update(call: Call, refund: Json, params: Parameters) -> Json:
    """Change a refund's metadata and return it."""
    before = {"metadata": refund["metadata"]}
    refund["metadata"] = params.metadata(refund["metadata"])
    call.store.save(refund)
    emit(call, "refund.updated", refund, previous=before)
    return refund


def _build(charge: Json, params: Parameters) -> Json:
    status, _, _ = _course(charge)
    return {
        **dict.fromkeys(releases.BLANK),
        "id": new_id("re_3"),
        "object": "refund",
        "amount": _amount(charge, params),
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": params.metadata(),
        "next_action": _next_action() if status == "requires_action" else None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if status == "pending" else None,
        "reason": params.choice("reason", REASONS),
        "status": status,
    }


def _course(charge: Json) -> tuple[str, str | None, float | None]:
    return COURSES[cards.BY_NAME[charge[PRIVATE]["card"]].refund]


def _next_action() -> Json:
    sent = {"email_sent_at": now(), "email_sent_to": "buyer@example.com"}
    details = {"email_sent": sent, "expires_at": now() + ACTION_SECONDS}
    return {"display_details": details, "type": "display_details"}


def _give_back(call: Call, refund: Json) -> None:
    transaction = balance.enter(
        call,
        "refund_failure",
        refund,
        amount_minor=refund["amount"],
        intent_id=refund["payment_intent"],
        description="REFUND FAILURE",
    )
    refund["failure_balance_transaction"] = transaction["id"]
    _move(call, call.store.must(refund["charge"]), -refund["amount"])


def _move(call: Call, charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    call.store.save(charge)
    intents.save(call, call.store.must(charge["payment_intent"]), charge)


def _charge(call: Call, params: Parameters) -> Json:
    named = params.text("payment_intent")
    if named:
        intent = intents.fetch(call, named)
        charge = call.store.load(intent["latest_charge"] or "")
        if charge is None or charge["status"] != "succeeded":
            raise errors.refused(
                f"This PaymentIntent ({named}) does not have a successful charge to refund.",
                param="payment_intent",
            )
    else:
        if not params.has("charge"):
            raise errors.invalid(
                "One of the following params should be provided for this request: "
                "payment_intent or charge."
            )
        identifier = params.required("charge")
        charge = call.store.load(identifier) if identifier.startswith("ch_") else None
        if charge is None:
            raise errors.missing("charge", identifier, param="charge")
    if not charge["captured"]:
        raise errors.refused(
            f"Charge {charge['id']} has not been captured: cancel its PaymentIntent to release it.",
            code="charge_not_refundable",
        )
    if disputes.forbids_refund(call, charge):
        raise errors.refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    return charge


def _amount(charge: Json, params: Parameters) -> int:
    left = charge["amount_captured"] - charges.refunded_minor(charge)
    if left < 1:
        raise errors.refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    asked = params.integer("amount")
    amount = left if asked is None else asked
    if amount < 1:
        raise errors.invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        raise errors.refused(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
        )
    return amount
