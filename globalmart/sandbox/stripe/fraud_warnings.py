"""Early fraud warnings: the card's issuer suspects a payment, before anybody disputes it."""

from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, new_id, now


def issue(call: Call, charge: Json) -> Json:
    """Enter a warning about a charge, save the charge and return the warning."""
    is_settled = charge["refunded"] or charge["disputed"]
    warning: Json = {
        "id": new_id("issfr_"),
        "object": "radar.early_fraud_warning",
        "actionable": not is_settled,
        "charge": charge["id"],
        "created": now(),
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    call.store.add(warning, parent_id=charge["payment_intent"], type_=charge["id"])
    charge[PRIVATE]["warning"] = warning["id"]
    call.store.save(charge)
    emit(call, "radar.early_fraud_warning.created", warning)
    return warning


def settle(call: Call, charge: Json) -> None:
    """Close the charge's warning, if it has an open one: it is refunded in full, or disputed."""
    warning = call.store.load(charge[PRIVATE].get("warning", ""))
    if warning is None or not warning["actionable"]:
        return
    warning["actionable"] = False
    call.store.save(warning)
    emit(call, "radar.early_fraud_warning.updated", warning, previous={"actionable": True})
