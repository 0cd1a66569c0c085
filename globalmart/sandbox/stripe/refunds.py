"""Refunds: captured money that goes back, never more of it than was captured."""

from globalmart.sandbox.stripe import charges, errors, intents
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, new_id, now

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
BLANK = (
    "balance_transaction",
    "customer",
    "customer_account",
    "description",
    "failure_balance_transaction",
    "failure_reason",
    "instructions_email",
    "next_action",
    "payment_method",
    "pending_reason",
    "presentment_details",
    "receipt_number",
    "source_transfer_reversal",
    "transfer_reversal",
)


def create(call: Call, params: Parameters) -> Json:
    """Give money back for a charge or an intent and return the refund. Raises StripeError."""
    charge = _charge(call, params)
    amount = _amount(charge, params)
    refund: Json = {
        **dict.fromkeys(BLANK),
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount,
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
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.choice("reason", REASONS),
        "status": "succeeded",
    }
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    call.store.add(refund, parent_id=charge["payment_intent"], type_=charge["id"])
    call.store.save(charge)
    intent = call.store.must(charge["payment_intent"])
    intents.save(call, intent, charge)
    emit(call, "refund.created", refund)
    emit(call, "charge.refunded", charge, previous=before)
    return refund


def update(call: Call, refund: Json, params: Parameters) -> Json:
    """Change a refund's metadata and return it."""
    before = {"metadata": refund["metadata"]}
    refund["metadata"] = params.metadata(refund["metadata"])
    call.store.save(refund)
    emit(call, "refund.updated", refund, previous=before)
    return refund


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
