"""Charges: one try to take or hold money with a card."""

from typing import Any

from globalmart.sandbox.stripe import cards
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, Planned, new_id, now

HOLD_SECONDS = 7 * 24 * 3600
BLANK = (
    "application",
    "application_fee",
    "application_fee_amount",
    "authorization_code",
    "balance_transaction",
    "customer",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "level3",
    "on_behalf_of",
    "presentment_details",
    "receipt_number",
    "receipt_url",
    "refunds",
    "review",
    "source",
    "source_transfer",
    "transfer",
    "transfer_data",
    "transfer_group",
)


def build(intent: Json, method: Json, *, is_held: bool, is_authenticated: bool) -> Json:
    """Return the charge of an intent as the card's issuer answers it; a decline is a failed one."""
    card = cards.behaviour(method)
    declined = card.decline
    charge = {
        **dict.fromkeys(BLANK),
        "id": new_id("ch_"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if is_held or declined else intent["amount"],
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "GLOBALMART",
        "captured": not is_held and not declined,
        "created": now(),
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(declined),
        "paid": not declined,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": _card_details(intent, method, is_held=is_held, is_3ds=is_authenticated),
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if declined else "succeeded",
        PRIVATE: {"card": method[PRIVATE]["card"], "released_minor": 0},
    }
    return charge | _failure(declined)


def _failure(declined: str | None) -> Json:
    if declined is None:
        return {}
    code = declined if declined in cards.OWN_CODES else "card_declined"
    return {"failure_code": code, "failure_message": cards.MESSAGES[declined]}


def release(charge: Json) -> int:
    """Give back what is held and not captured, and return how much; Stripe shows it as refunded."""
    rest: int = max(0, charge["amount"] - charge["amount_captured"])
    charge[PRIVATE]["released_minor"] = rest
    charge["amount_refunded"] += rest
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    return rest


def plan_aftermath(call: Call, charge: Json) -> None:
    """Set in motion what the card brings about once its money is captured, at the first capture."""
    aftermath = cards.BY_NAME[charge[PRIVATE]["card"]].aftermath
    if aftermath and not charge[PRIVATE].get("is_followed"):
        charge[PRIVATE]["is_followed"] = True
        call.planned.append(Planned(charge["id"], aftermath))


def refunded_minor(charge: Json | None) -> int:
    """Return what went back to the customer, the release of a mere hold not counted."""
    if charge is None:
        return 0
    given: int = charge["amount_refunded"] - charge[PRIVATE]["released_minor"]
    return given


def can_multicapture(charge: Json) -> bool:
    """Say whether the hold may be captured in more than one part."""
    details: dict[str, Any] = charge["payment_method_details"]["card"]
    return bool(details["multicapture"]["status"] == "available")


def _outcome(declined: str | None) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if declined else "approved_by_network",
        "reason": declined,
        "risk_level": "normal",
        "risk_score": 21,
        "rule": None,
        "seller_message": (
            "The bank did not return any further details with this decline."
            if declined
            else "Payment complete."
        ),
        "type": "issuer_declined" if declined else "authorized",
    }


def _card_details(intent: Json, method: Json, *, is_held: bool, is_3ds: bool) -> Json:
    card = method["card"]
    asked = ((intent["payment_method_options"] or {}).get("card") or {}).get("request_multicapture")
    allowed = cards.behaviour(method).allows_multicapture
    multicapture = is_held and asked == "if_available" and allowed
    same = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        **{name: card[name] for name in same},
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "capture_before": now() + HOLD_SECONDS if is_held else None,
        "checks": {**card["checks"], "cvc_check": "pass"},
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "available" if multicapture else "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": new_id("", 15),
        "overcapture": {
            "maximum_amount_capturable": intent["amount"],
            "status": "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure() if is_3ds else None,
        "wallet": None,
    }


def _three_d_secure() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "exemption_indicator_applied": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": new_id("", 28),
        "version": "2.2.0",
    }
