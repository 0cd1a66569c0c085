"""The published test cards, and some of our own, as payment methods.

A full card number lives only in this table and in the request that carries it: what is kept is
the brand, the last four digits and how the card behaves.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Json, new_id, now

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
OWN_CODES = ("expired_card", "incorrect_cvc", "processing_error", "authentication_required")


@dataclass(slots=True, frozen=True)
class Card:
    """How one test card behaves. `decline` and `capture_decline` are Stripe's decline codes.

    `refund` says how its refunds go: one of `refunds.COURSES`. `aftermath` is the action that
    follows a moment after its money was captured, of those that `app.ACTIONS` knows.
    """

    name: str
    number: str
    brand: str = "visa"
    decline: str | None = None
    needs_authentication: bool = False
    capture_decline: str | None = None
    allows_multicapture: bool = True
    refund: str = "succeeds"
    aftermath: str | None = None


CARDS = (
    Card("visa", "4242424242424242"),
    Card("visa_debit", "4000056655665556"),
    Card("mastercard", "5555555555554444", "mastercard"),
    Card("amex", "378282246310005", "amex"),
    Card("discover", "6011111111111117", "discover"),
    Card("diners", "3056930009020004", "diners", allows_multicapture=False),
    Card("jcb", "3566002020360505", "jcb", allows_multicapture=False),
    Card("unionpay", "6200000000000005", "unionpay", allows_multicapture=False),
    Card("gb", "4000008260000000"),
    Card("chargeDeclined", "4000000000000002", decline="generic_decline"),
    Card("visa_chargeDeclined", "4000000000000002", decline="generic_decline"),
    Card("chargeDeclinedInsufficientFunds", "4000000000009995", decline="insufficient_funds"),
    Card("visa_chargeDeclinedInsufficientFunds", "4000000000009995", decline="insufficient_funds"),
    Card("visa_chargeDeclinedLostCard", "4000000000009987", decline="lost_card"),
    Card("visa_chargeDeclinedStolenCard", "4000000000009979", decline="stolen_card"),
    Card("chargeDeclinedFraudulent", "4100000000000019", decline="fraudulent"),
    Card("chargeDeclinedExpiredCard", "4000000000000069", decline="expired_card"),
    Card("chargeDeclinedIncorrectCvc", "4000000000000127", decline="incorrect_cvc"),
    Card("chargeDeclinedProcessingError", "4000000000000119", decline="processing_error"),
    Card("authenticationRequired", "4000002500003155", needs_authentication=True),
    Card("authenticationRequiredOnSetup", "4000002500003155", needs_authentication=True),
    Card("authenticationRequiredAlways", "4000002760003184", needs_authentication=True),
    Card("threeDSecure2Required", "4000000000003220", needs_authentication=True),
    Card("threeDSecureRequired", "4000000000003063", needs_authentication=True),
    Card("threeDSecureRequiredChargeDeclined", "4000008400001629", decline="generic_decline",
         needs_authentication=True),
    Card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178",
         decline="insufficient_funds", needs_authentication=True),
    Card("pendingRefund", "4000000000007726", refund="pending"),
    Card("refundFail", "4000000000005126", refund="fails"),
    Card("createDispute", "4000000000000259", aftermath="charge.dispute"),
    Card("createDisputeProductNotReceived", "4000000000002685", aftermath="charge.not_received"),
    Card("createDisputeInquiry", "4000000000001976", aftermath="charge.inquire"),
    Card("createIssuerFraudRecord", "4000000000005423", aftermath="charge.warn"),
    # Stripe publishes no card for these: they are the sandbox's own.
    Card("sandbox_captureInsufficientFunds", "4000000000004467",
         capture_decline="insufficient_funds"),
    Card("sandbox_noMulticapture", "4000000000004475", allows_multicapture=False),
    Card("sandbox_refundPendingFails", "4000000000004483", refund="pending_fails"),
    Card("sandbox_refundRequiresAction", "4000000000004491", refund="requires_action"),
)  # fmt: skip
BY_NAME = {f"pm_card_{card.name}": card for card in CARDS}
BY_NUMBER = {card.number: card for card in reversed(CARDS)}


def behaviour(method: Json) -> Card:
    """Return how a stored payment method behaves."""
    return BY_NAME[method[PRIVATE]["card"]]


def from_name(name: str) -> Json | None:
    """Return a new payment method for a published name such as pm_card_visa, or None."""
    card = BY_NAME.get(name)
    if card is None:
        return None
    year = datetime.now(UTC).year + 1
    return _payment_method(card, card.number, exp_month=12, exp_year=year, billing=Parameters({}))


def must(name: str) -> Json:
    """Return a new payment method for a name that is known to be published."""
    method = from_name(name)
    if method is None:
        raise LookupError(name)
    return method


def from_details(params: Parameters) -> Json:
    """Return a new payment method for a typed-in card. Raises StripeError for an unusable one."""
    details = params.mapping("card")
    number = details.required("number").replace(" ", "").replace("-", "")
    if not (number.isdigit() and 12 <= len(number) <= 19 and is_plausible(number)):
        raise _refused_card("incorrect_number", "Your card number is incorrect.", "number")
    card = BY_NUMBER.get(number)
    if card is None:
        message = "Your card was declined. Your request was in test mode, but used a non test card."
        raise _refused_card("card_declined", message, "number", decline_code="test_mode_live_card")
    month, year = details.integer("exp_month") or 0, details.integer("exp_year") or 0
    year += 2000 if 0 <= year < 100 else 0
    today = datetime.now(UTC)
    if not 1 <= month <= 12:
        raise _refused_card(
            "invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month"
        )
    if (year, month) < (today.year, today.month) or year > today.year + 50:
        raise _refused_card(
            "invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"
        )
    cvc = details.text("cvc") or ""
    if cvc and (not cvc.isdigit() or len(cvc) != (4 if card.brand == "amex" else 3)):
        raise _refused_card("invalid_cvc", "Your card's security code is invalid.", "cvc")
    billing = params.mapping("billing_details")
    return _payment_method(card, number, exp_month=month, exp_year=year, billing=billing)


def is_plausible(number: str) -> bool:
    """Say whether the check digit (Luhn) is right."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def decline_error(decline: str, **details: Any) -> errors.StripeError:
    """Return the 402 for a decline code."""
    code = decline if decline in OWN_CODES else "card_declined"
    return errors.card_error(MESSAGES[decline], code=code, decline_code=decline, **details)


def _refused_card(
    code: str, message: str, param: str, decline_code: str | None = None
) -> errors.StripeError:
    return errors.card_error(message, code=code, param=param, decline_code=decline_code)


def _payment_method(
    card: Card, number: str, *, exp_month: int, exp_year: int, billing: Parameters
) -> Json:
    address = billing.mapping("address")
    places = ("city", "country", "line1", "line2", "postal_code", "state")
    people = ("email", "name", "phone", "tax_id")
    return {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": {name: address.text(name) for name in places},
            **{name: billing.text(name) for name in people},
        },
        "card": _card_details(card, number, exp_month=exp_month, exp_year=exp_year),
        "created": now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "radar_options": {},
        "type": "card",
        PRIVATE: {"card": f"pm_card_{card.name}"},
    }


def _card_details(card: Card, number: str, *, exp_month: int, exp_year: int) -> Json:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        "country": "GB" if card.name == "gb" else "US",
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": hashlib.sha256(f"sandbox{card.name}".encode()).hexdigest()[:16],
        "funding": "debit" if "debit" in card.name else "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
