"""The account's balance: one transaction for each movement of money, with Stripe's fee and the net.

What moves is available at once: a sandbox has no settlement days.
"""

from globalmart.sandbox.stripe.store import Call, Json, new_id, now

FEE_PER_MILLE = 15
FEE_FIXED_MINOR = 20
DISPUTE_FEE_MINOR = 1500
CATEGORIES = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
}


def capture_fee(amount_minor: int) -> int:
    """Return the fee for a captured amount in minor units: 1.5 % rounded half up, and 20."""
    return (amount_minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR


def enter(
    call: Call,
    type_: str,
    source: Json,
    *,
    amount_minor: int,
    intent_id: str | None,
    fee_minor: int = 0,
    category: str | None = None,
    description: str | None = None,
) -> Json:
    """Enter a movement of `amount_minor` (negative: away from us) and return its transaction.

    `source` is the charge, refund, dispute or payout behind it, `intent_id` the payment's. A
    negative fee is one that is given back.
    """
    currency = source["currency"]
    transaction: Json = {
        "id": new_id("txn_3"),
        "object": "balance_transaction",
        "amount": amount_minor,
        "available_on": now(),
        "balance_type": "payments",
        "created": now(),
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee_minor,
        "fee_details": _fee_details(fee_minor, currency, category or type_),
        "net": amount_minor - fee_minor,
        "reporting_category": category or CATEGORIES[type_],
        "source": source["id"],
        "status": "available",
        "type": type_,
    }
    call.store.add(transaction, parent_id=source["id"], type_=type_)
    call.store.book.append(
        "balance",
        txn_id=transaction["id"],
        type=type_,
        source=source["id"],
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        net_minor=transaction["net"],
        currency=currency,
        intent_id=intent_id,
    )
    return transaction


def enter_capture(call: Call, charge: Json, *, amount_minor: int) -> None:
    """Enter captured money; the charge names the transaction of its first capture."""
    transaction = enter(
        call,
        "charge",
        charge,
        amount_minor=amount_minor,
        fee_minor=capture_fee(amount_minor),
        intent_id=charge["payment_intent"],
        description=charge["description"],
    )
    charge["balance_transaction"] = charge["balance_transaction"] or transaction["id"]


def _fee_details(fee_minor: int, currency: str, category: str) -> list[Json]:
    if not fee_minor:
        return []
    is_dispute = category.startswith("dispute")
    return [
        {
            "amount": fee_minor,
            "application": None,
            "currency": currency,
            "description": "Dispute fee" if is_dispute else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
