"""PaymentIntents: building, reading, updating and cancelling them."""

from typing import Any

from globalmart.sandbox.stripe import charges, errors, releases
from globalmart.sandbox.stripe.currencies import CURRENCIES, MINIMUMS
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, new_id, now

MAX_AMOUNT = 99_999_999
CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_reauthorization",
    "requires_confirmation",
    "requires_action",
    "processing",
)
BLANK = (
    "allowed_payment_method_types",
    "application",
    "application_fee_amount",
    "canceled_at",
    "cancellation_reason",
    "customer",
    "customer_account",
    "excluded_payment_method_types",
    "hooks",
    "last_payment_error",
    "latest_charge",
    "managed_payments",
    "next_action",
    "on_behalf_of",
    "payment_details",
    "payment_method",
    "payment_method_configuration_details",
    "payment_record",
    "presentment_details",
    "processing",
    "review",
    "source",
    "transfer_data",
)
# What Stripe lets a browser see that holds a publishable key and the client secret.
PUBLIC = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at",
    "cancellation_reason", "capture_method", "client_secret", "confirmation_method", "created",
    "currency", "description", "last_payment_error", "livemode", "next_action", "payment_method",
    "payment_method_configuration_details", "payment_method_types", "processing", "receipt_email",
    "setup_future_usage", "shipping", "source", "status",
)  # fmt: skip


def build(call: Call, params: Parameters) -> Json:
    """Enter a new intent without a payment method and return it."""
    identifier = new_id("pi_3")
    automatic, types = _payment_method_choice(params)
    card_options = params.mapping("payment_method_options").mapping("card")
    asked = card_options.choice("request_multicapture", ("if_available", "never"))
    intent: Json = {
        **dict.fromkeys(BLANK),
        "id": identifier,
        "object": "payment_intent",
        "amount": _amount(params),
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": automatic,
        "capture_method": params.choice("capture_method", CAPTURE_METHODS, "automatic_async"),
        "client_secret": f"{identifier}_secret_{new_id('', 25)}",
        "confirmation_method": params.choice(
            "confirmation_method", ("automatic", "manual"), "automatic"
        ),
        "created": now(),
        "currency": _currency(params),
        "description": params.text("description"),
        "livemode": False,
        "metadata": params.metadata(),
        "payment_method_options": _options(asked),
        "payment_method_types": types,
        "receipt_email": params.text("receipt_email"),
        "setup_future_usage": params.choice("setup_future_usage", ("on_session", "off_session")),
        "shipping": params.mapping("shipping").values or None,
        "statement_descriptor": params.text("statement_descriptor"),
        "statement_descriptor_suffix": params.text("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_group": params.text("transfer_group"),
        PRIVATE: {"method": None},
    }
    _check_amount(intent["amount"], intent["currency"])
    call.store.add(intent)
    return intent


def fetch(call: Call, identifier: str, *, client_secret: str | None = None) -> Json:
    """Return an intent. Raises StripeError (404); a browser must show the right secret."""
    intent = call.store.load(identifier) if identifier.startswith("pi_") else None
    if intent is None:
        raise errors.missing("payment_intent", identifier)
    if client_secret != intent["client_secret"] and (call.is_browser or client_secret is not None):
        raise errors.invalid(
            "The client_secret provided does not match any associated PaymentIntent on this "
            "account. Ensure the publishable key used belongs to the same account that created "
            "the PaymentIntent.",
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )
    return intent


def save(call: Call, intent: Json, charge: Json | None = None) -> None:
    """Enter the intent's new state, and its line for the audit."""
    call.store.save(intent)
    charge = charge or (
        call.store.load(intent["latest_charge"]) if intent["latest_charge"] else None
    )
    call.store.save_figures(intent, refunded_minor=charges.refunded_minor(charge))


def update(call: Call, intent: Json, params: Parameters) -> None:
    """Change what may still be changed. Raises StripeError."""
    if params.has("amount") or params.has("currency"):
        if intent["status"] not in CHANGEABLE:
            raise unexpected(
                intent, "This PaymentIntent's amount could not be updated because it has a "
                f"status of {intent['status']}.",
            )  # fmt: skip
        amount = params.integer("amount")
        intent["amount"] = intent["amount"] if amount is None else amount
        intent["currency"] = _currency(params) if params.has("currency") else intent["currency"]
        _check_amount(intent["amount"], intent["currency"])
    for name in ("description", "receipt_email", "statement_descriptor_suffix"):
        if name in params.values:
            intent[name] = params.text(name)
    if "shipping" in params.values:
        intent["shipping"] = params.mapping("shipping").values or None
    intent["metadata"] = params.metadata(intent["metadata"])
    save(call, intent)


def cancel(call: Call, intent: Json, params: Parameters) -> None:
    """Cancel an intent and let go of what it holds. Raises StripeError for a final one."""
    reason = params.choice("cancellation_reason", CANCEL_REASONS)
    if intent["status"] not in CANCELABLE:
        raise unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(CANCELABLE)}.",
        )
    end_hold(call, intent, reason=reason)


def end_hold(call: Call, intent: Json, *, reason: str | None, event: str = "refunded") -> None:
    """Make an intent final: what it holds is released; parts that were captured stay captured."""
    charge = None
    if intent["status"] == "requires_capture":
        charge = call.store.must(intent["latest_charge"])
        releases.release(call, charge)
        emit(call, f"charge.{event}", charge)
    intent["amount_capturable"] = 0
    intent["next_action"] = None
    if intent["amount_received"]:
        intent["status"] = "succeeded"
    else:
        intent |= {"status": "canceled", "canceled_at": now(), "cancellation_reason": reason}
    save(call, intent, charge)
    emit(call, f"payment_intent.{intent['status']}", intent)


def unexpected(intent: Json, message: str) -> errors.StripeError:
    """Return the error for an intent whose status does not allow the request."""
    public = {name: value for name, value in intent.items() if name != PRIVATE}
    return errors.refused(message, code="payment_intent_unexpected_state", payment_intent=public)


def _payment_method_choice(params: Parameters) -> tuple[Json | None, list[str]]:
    types = params.listed("payment_method_types")
    asked = params.mapping("automatic_payment_methods")
    if types:
        if asked.values:
            raise errors.invalid(
                "You may only specify one of these parameters: automatic_payment_methods, "
                "payment_method_types."
            )
        for place, type_ in enumerate(types):
            if type_ != "card":
                raise errors.invalid(
                    f'The payment method type "{type_}" is invalid: the sandbox takes cards.',
                    param=f"payment_method_types[{place}]",
                )
        return None, types
    if asked.values and not asked.boolean("enabled"):
        return None, ["card"]
    redirects = asked.choice("allow_redirects", ("always", "never"), "always")
    return {"allow_redirects": redirects, "enabled": True}, ["card"]


def _options(multicapture: str | None) -> Json:
    card: dict[str, Any] = {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
    if multicapture:
        card["request_multicapture"] = multicapture
    return {"card": card}


def _amount(params: Parameters) -> int:
    params.required("amount")
    return params.integer("amount") or 0


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise errors.invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount < MINIMUMS.get(currency, 1):
        raise errors.invalid(
            "Amount must be at least the minimum charge amount of the currency.",
            code="amount_too_small",
            param="amount",
        )
    if amount > MAX_AMOUNT:
        raise errors.invalid(
            f"Amount must be no more than {MAX_AMOUNT} in the minor unit.",
            code="amount_too_large",
            param="amount",
        )


def _currency(params: Parameters) -> str:
    currency = params.required("currency").lower()
    if currency not in CURRENCIES:
        raise errors.invalid(f"Invalid currency: {currency}.", param="currency")
    return currency
