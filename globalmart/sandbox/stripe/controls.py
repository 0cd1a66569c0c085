"""What happens outside the API: holds that run out, and what somebody does in the dashboard."""

from globalmart.sandbox.stripe import (
    disputes,
    errors,
    forcing,
    fraud_warnings,
    intents,
    payouts,
    refunds,
)
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown
from globalmart.sandbox.web import Request


def expire_hold(call: Call, request: Request) -> Json:
    """POST /_control/expire {"payment_intent": id}: the hold runs out, as after seven days."""
    intent = call.store.load(str(request.json.get("payment_intent")))
    if intent is None or intent.get("status") != "requires_capture":
        raise errors.refused("Only an intent in requires_capture has a hold that can expire.")
    intents.end_hold(call, intent, reason="automatic", event="expired")
    return {"id": intent["id"], "status": intent["status"]}


def force_intent(call: Call, request: Request) -> Json:
    """POST /_control/intents {"payment_intent", "status", "amount_received"}: a status by force."""
    params = asked(request)
    params.only("payment_intent", "status", "amount_received")
    intent = intents.fetch(call, params.required("payment_intent"))
    params.required("status")
    status = params.choice("status", tuple(forcing.EVENTS)) or ""
    forcing.force(call, intent, status=status, received=params.integer("amount_received"))
    return shown(intent)


def pay_out(call: Call, _: Request) -> Json:
    """POST /_control/payout: all of the balance goes to the bank, a payout for each currency."""
    return {"payouts": [shown(payout) for payout in payouts.create(call)]}


def refund(call: Call, request: Request) -> Json:
    """POST /_control/refunds: a refund by hand, without metadata, or the end of a given one.

    {"payment_intent": id, "amount": minor units} starts one; {"refund": id, "status": "succeeded",
    "failed" or "canceled", "failure_reason": word} decides one that is not yet final.
    """
    params = asked(request)
    if not params.has("refund"):
        params.only("payment_intent", "charge", "amount", "reason")
        return shown(refunds.create(call, params))
    params.only("refund", "status", "failure_reason")
    found = call.store.load(params.required("refund"))
    if found is None or found["object"] != "refund":
        raise errors.missing("refund", params.required("refund"), param="refund")
    params.required("status")
    status = params.choice("status", ("succeeded", "failed", "canceled")) or ""
    reason = params.text("failure_reason")
    if not refunds.settle(call, found, status=status, failure_reason=reason):
        raise errors.refused(f"This refund is {found['status']} and cannot become {status}.")
    return shown(found)


def dispute(call: Call, request: Request) -> Json:
    """POST /_control/disputes: the bank opens a dispute, or decides a given one.

    {"payment_intent" or "charge": id, "reason": word, "amount": minor units, "inquiry": true} opens
    one; {"dispute": id, "status": "won" or "lost"} decides (an inquiry closes either way).
    """
    params = asked(request)
    if params.has("dispute"):
        params.only("dispute", "status")
        found = call.store.load(params.required("dispute"))
        if found is None or found["object"] != "dispute" or found["status"] in disputes.FINAL:
            raise errors.refused("Only an open dispute can be decided.")
        params.required("status")
        disputes.decide(call, found, verdict=params.choice("status", ("won", "lost")) or "")
        return shown(found)
    params.only("payment_intent", "charge", "reason", "amount", "inquiry")
    made = disputes.create(
        call,
        _charge(call, params),
        reason=params.text("reason") or "fraudulent",
        is_inquiry=params.boolean("inquiry"),
        amount=params.integer("amount"),
    )
    if made is None:
        raise errors.refused("Nothing of this charge is left to dispute, or it is disputed.")
    return shown(made)


def warn(call: Call, request: Request) -> Json:
    """POST /_control/fraud_warnings {"payment_intent" or "charge": id}: the issuer warns."""
    params = asked(request)
    params.only("payment_intent", "charge")
    return shown(fraud_warnings.issue(call, _charge(call, params)))


def _charge(call: Call, params: Parameters) -> Json:
    if params.has("payment_intent"):
        intent = intents.fetch(call, params.required("payment_intent"))
        found = call.store.load(intent["latest_charge"] or "")
    else:
        found = call.store.load(params.required("charge"))
    if found is None or found["object"] != "charge" or not found["captured"]:
        raise errors.refused("There is no captured charge.")
    return found


def asked(request: Request) -> Parameters:
    """Return a control call's JSON as parameters, to be read as strictly as a form."""
    values = request.json
    if not isinstance(values, dict):
        raise errors.invalid("Send a JSON object.")
    return Parameters({name: _text(value) for name, value in values.items()})


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value
