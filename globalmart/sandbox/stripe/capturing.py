"""Capturing held money: whole, in part, or in several parts where the card allows it."""

from globalmart.sandbox.stripe import balance, cards, charges, errors, intents, releases
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, shown

MAX_CAPTURES = 50


def capture(call: Call, intent: Json, params: Parameters) -> None:
    """Capture from an intent in requires_capture and save it. Raises StripeError."""
    if intent["status"] != "requires_capture":
        raise _not_capturable(intent)
    charge = call.store.must(intent["latest_charge"])
    amount = _amount(intent, params)
    is_final = params.boolean("final_capture", True)
    if not is_final and not charges.can_multicapture(charge):
        raise errors.refused(
            "This PaymentIntent cannot be captured more than once: `final_capture` can only be "
            "false when multicapture is available for the charge.",
            code="payment_intent_invalid_parameter",
            param="final_capture",
        )
    if charge[PRIVATE].get("captures", 0) >= MAX_CAPTURES:
        raise intents.unexpected(
            intent, f"This PaymentIntent has been captured {MAX_CAPTURES} times, the most allowed."
        )
    card = cards.BY_NAME[charge[PRIVATE]["card"]]
    if card.capture_decline:
        _refuse(call, intent, charge, card.capture_decline)
    charge["amount_captured"] += amount
    charge["captured"] = True
    charge[PRIVATE]["captures"] = charge[PRIVATE].get("captures", 0) + 1
    balance.enter_capture(call, charge, amount_minor=amount)
    charges.plan_aftermath(call, charge)
    intent["amount_received"] += amount
    intent["amount_capturable"] -= amount
    intent["metadata"] = params.metadata(intent["metadata"])
    if is_final or not intent["amount_capturable"]:
        _finish(call, intent, charge)
    call.store.save(charge)
    intents.save(call, intent, charge)
    emit(call, "charge.captured", charge)
    name = "succeeded" if intent["status"] == "succeeded" else "amount_capturable_updated"
    emit(call, f"payment_intent.{name}", intent)


def _finish(call: Call, intent: Json, charge: Json) -> None:
    releases.release(call, charge)
    charge["payment_method_details"]["card"]["capture_before"] = None
    intent |= {"status": "succeeded", "amount_capturable": 0}


def _amount(intent: Json, params: Parameters) -> int:
    asked = params.integer("amount_to_capture")
    amount: int = intent["amount_capturable"] if asked is None else asked
    if amount < 1:
        raise errors.invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    if amount > intent["amount_capturable"]:
        raise errors.refused(
            f"The provided amount_to_capture ({amount}) is greater than the capturable amount of "
            f"this PaymentIntent ({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    return amount


def _not_capturable(intent: Json) -> errors.StripeError:
    if intent["status"] == "succeeded":
        message = "This PaymentIntent could not be captured because it has already been captured."
    else:
        message = (
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture."
        )
    return intents.unexpected(intent, message)


def _refuse(call: Call, intent: Json, charge: Json, decline: str) -> None:
    # The hold itself stays: what was promised by the bank may be tried again, or cancelled.
    error = cards.decline_error(decline, charge=charge["id"])
    error.body["payment_method"] = shown(call.store.must(charge["payment_method"]))
    intent["last_payment_error"] = dict(error.body)
    intents.save(call, intent, charge)
    error.body["payment_intent"] = shown(intent)
    raise error
