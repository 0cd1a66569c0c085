"""What is held and not captured goes back to the customer; Stripe shows that as a refund.

No money of ours moves, so it has no balance transaction, and the book does not count it.
"""

from globalmart.sandbox.stripe import charges
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.store import Call, Json, new_id, now

BLANK = (
    "balance_transaction",
    "customer",
    "customer_account",
    "description",
    "failure_balance_transaction",
    "failure_reason",
    "instructions_email",
    "payment_method",
    "presentment_details",
    "receipt_number",
    "source_transfer_reversal",
    "transfer_reversal",
)


def release(call: Call, charge: Json) -> None:
    """Let go of what the charge still holds, and save it."""
    amount = charges.release(charge)
    call.store.save(charge)
    if not amount:
        return
    refund = {
        **dict.fromkeys(BLANK),
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "reversal"}, "type": "card"},
        "metadata": {},
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": None,
        "reason": None,
        "status": "succeeded",
    }
    call.store.add(refund, parent_id=charge["payment_intent"], type_=charge["id"])
    emit(call, "refund.created", refund)
