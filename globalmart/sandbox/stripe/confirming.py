"""Confirming an intent: the card is asked, by way of 3-D Secure where it wants that."""

from globalmart.sandbox.stripe import balance, cards, charges, errors, intents
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, new_id, shown

CONFIRMABLE = intents.CHANGEABLE


def attach(call: Call, intent: Json, params: Parameters) -> None:
    """Put a payment method on the intent: a stored one or a published test one."""
    name = params.text("payment_method")
    if name is None and params.has("payment_method_data"):
        method = cards.from_details(params.mapping("payment_method_data"))
        call.store.add(method)
    elif name is None:
        return
    else:
        stored = cards.from_name(name)
        if stored is not None:
            call.store.add(stored)
        method = stored or _stored(call, name)
    intent["payment_method"] = intent[PRIVATE]["method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"


def confirm(call: Call, intent: Json, params: Parameters) -> None:
    """Carry out a confirmation; the intent is in its next status afterwards, and saved.

    Raises StripeError: 402 for a declined card (the intent is changed and saved all the same),
    400 where the status or a missing parameter forbids it.
    """
    if intent["status"] not in CONFIRMABLE:
        raise intents.unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has "
            + (
                "already succeeded after being previously confirmed."
                if intent["status"] in ("succeeded", "requires_capture")
                else f"a status of {intent['status']}. Only a PaymentIntent with one of the "
                f"following statuses may be confirmed: {', '.join(CONFIRMABLE[:2])}."
            ),
        )
    attach(call, intent, params)
    if intent["payment_method"] is None:
        raise intents.unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
        )
    _check_return_url(call, intent, params)
    _add_options(intent, params)
    intent["last_payment_error"] = None
    intent["next_action"] = None
    method = call.store.must(intent["payment_method"])
    if not cards.behaviour(method).needs_authentication:
        _charge(call, intent, method, is_authenticated=False)
    elif params.boolean("off_session") or params.boolean("error_on_requires_action"):
        _decline(call, intent, method, charge=None, decline="authentication_required")
    else:
        _ask_for_authentication(call, intent, params)


def authenticate(call: Call, intent: Json, *, is_passed: bool) -> None:
    """Take the outcome of a 3-D Secure challenge. Raises StripeError as `confirm` does."""
    if intent["status"] != "requires_action":
        raise intents.unexpected(intent, f"Nothing to authenticate: it is {intent['status']}.")
    intent["next_action"] = None
    method = call.store.must(intent["payment_method"])
    if is_passed:
        _charge(call, intent, method, is_authenticated=True)
        return
    error = errors.refused(
        "The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
        "again.",
        code="payment_intent_authentication_failure",
    )
    _fail(call, intent, method, error)


def _stored(call: Call, name: str) -> Json:
    method = call.store.load(name) if name.startswith("pm_") else None
    if method is None:
        raise errors.missing("PaymentMethod", name, param="payment_method")
    return method


def _check_return_url(call: Call, intent: Json, params: Parameters) -> None:
    automatic = intent["automatic_payment_methods"]
    if not automatic or automatic["allow_redirects"] == "never" or call.is_browser:
        return
    if params.has("return_url") or params.boolean("use_stripe_sdk"):
        return
    raise errors.refused(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
        "Because some of these payment methods might redirect your customer off of your page, you "
        "must provide a `return_url`. If you don't want to accept redirect-based payment methods, "
        "set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
        "Payment Intents."
    )


def _add_options(intent: Json, params: Parameters) -> None:
    card = params.mapping("payment_method_options").mapping("card")
    asked = card.choice("request_multicapture", ("if_available", "never"))
    if asked:
        intent["payment_method_options"]["card"]["request_multicapture"] = asked
    method = params.choice("capture_method", intents.CAPTURE_METHODS)
    intent["capture_method"] = method or intent["capture_method"]
    intent["receipt_email"] = params.text("receipt_email", intent["receipt_email"])


def _ask_for_authentication(call: Call, intent: Json, params: Parameters) -> None:
    return_url = params.text("return_url")
    if return_url and not params.boolean("use_stripe_sdk"):
        secret = intent["client_secret"]
        url = f"{call.base_url}/v3/challenge/{intent['id']}?client_secret={secret}&flow=redirect"
        intent["next_action"] = {
            "redirect_to_url": {"return_url": return_url, "url": url},
            "type": "redirect_to_url",
        }
    else:
        intent["next_action"] = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": new_id("src_"),
                "stripe_js": f"{call.base_url}/v3/challenge/{intent['id']}",
                "type": "three_d_secure_redirect",
            },
        }
    intent["status"] = "requires_action"
    intents.save(call, intent)
    emit(call, "payment_intent.requires_action", intent)


def _charge(call: Call, intent: Json, method: Json, *, is_authenticated: bool) -> None:
    is_held = intent["capture_method"] == "manual"
    charge = charges.build(intent, method, is_held=is_held, is_authenticated=is_authenticated)
    if charge["captured"]:
        balance.enter_capture(call, charge, amount_minor=charge["amount_captured"])
        charges.plan_aftermath(call, charge)
    call.store.add(charge, parent_id=intent["id"])
    intent["latest_charge"] = charge["id"]
    decline = cards.behaviour(method).decline
    if decline:
        emit(call, "charge.failed", charge)
        _decline(call, intent, method, charge=charge["id"], decline=decline)
    emit(call, "charge.succeeded", charge)
    if is_held:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
    else:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    intents.save(call, intent, charge)
    name = "amount_capturable_updated" if is_held else "succeeded"
    emit(call, f"payment_intent.{name}", intent)


def _decline(call: Call, intent: Json, method: Json, *, charge: str | None, decline: str) -> None:
    _fail(call, intent, method, cards.decline_error(decline, charge=charge))


def _fail(call: Call, intent: Json, method: Json, error: errors.StripeError) -> None:
    # Stripe takes the failed method off the intent; the buyer may try another one.
    intent["payment_method"] = intent[PRIVATE]["method"] = None
    intent["status"] = "requires_payment_method"
    error.body["payment_method"] = shown(method)
    intent["last_payment_error"] = dict(error.body)
    intents.save(call, intent)
    emit(call, "payment_intent.payment_failed", intent)
    error.body["payment_intent"] = shown(intent)
    raise error
