"""Give an intent a status that it could not come to by itself: a late success, a lying cancel.

Shops must survive both. Money that such a success takes is real: it is in the balance and the book.
"""

from globalmart.sandbox.stripe import balance, cards, charges, intents
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, now

EVENTS = {
    "canceled": "canceled",
    "processing": "processing",
    "requires_action": "requires_action",
    "requires_capture": "amount_capturable_updated",
    "requires_payment_method": "payment_failed",
    "succeeded": "succeeded",
}


def force(call: Call, intent: Json, *, status: str, received: int | None) -> None:
    """Give an intent a status of `EVENTS`, save it and tell of it.

    `received` is what it says to have taken, in minor units; where None, all of the amount for
    succeeded, and what it was for any other status.
    """
    charge = None
    if received is None:
        received = intent["amount"] if status == "succeeded" else intent["amount_received"]
    is_held = status == "requires_capture"
    if status in ("requires_capture", "succeeded"):
        charge = _charge(call, intent)
        _take(call, charge, received)
        if not is_held:
            charges.release(charge)
        call.store.save(charge)
    intent |= {
        "status": status,
        "amount_received": received,
        "amount_capturable": max(0, intent["amount"] - received) if is_held else 0,
        "canceled_at": now() if status == "canceled" else None,
        "cancellation_reason": None,
        "next_action": None,
    }
    intents.save(call, intent, charge)
    emit(call, f"payment_intent.{EVENTS[status]}", intent)


def _charge(call: Call, intent: Json) -> Json:
    charge = call.store.load(intent["latest_charge"] or "")
    if charge and charge["status"] == "succeeded" and not charge[PRIVATE]["released_minor"]:
        return charge
    method = call.store.load(intent["payment_method"] or "")
    if method is None or cards.behaviour(method).decline:
        method = cards.must("pm_card_visa")
        call.store.add(method)
    intent["payment_method"] = intent[PRIVATE]["method"] = method["id"]
    charge = charges.build(intent, method, is_held=True, is_authenticated=False)
    call.store.add(charge, parent_id=intent["id"])
    intent["latest_charge"] = charge["id"]
    return charge


def _take(call: Call, charge: Json, received: int) -> None:
    taken = received - charge["amount_captured"]
    if taken > 0:
        balance.enter_capture(call, charge, amount_minor=taken)
    charge["amount_captured"] = received
    charge["captured"] = received > 0
