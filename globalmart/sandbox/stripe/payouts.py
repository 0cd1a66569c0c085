"""Payouts: what is in the balance goes to the shop's bank account, one payout for each currency."""

from globalmart.sandbox.stripe import balance
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.store import Call, Json, Planned, new_id, now

BLANK = (
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "description",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "original_payout",
    "payout_method",
    "reversed_by",
    "statement_descriptor",
    "trace_id",
)
UNPAID = (
    "SELECT txn_id, net_minor, currency FROM balance WHERE NOT EXISTS "
    "(SELECT 1 FROM paid_out WHERE paid_out.txn_id = balance.txn_id) ORDER BY seq"
)


def create(call: Call) -> list[Json]:
    """Pay out every currency's balance and return the payouts; a debt stays in the balance."""
    found: dict[str, list[tuple[str, int]]] = {}
    for row in call.store.book.query(UNPAID):
        found.setdefault(row["currency"], []).append((row["txn_id"], row["net_minor"]))
    return [
        _create(call, currency, transactions)
        for currency, transactions in found.items()
        if sum(net for _, net in transactions) > 0
    ]


def arrive(call: Call, payout: Json) -> None:
    """Let a payout reach the bank."""
    if payout["status"] != "pending":
        return
    payout |= {"status": "paid", "reconciliation_status": "completed"}
    call.store.save(payout)
    emit(call, "payout.paid", payout)
    emit(call, "payout.reconciliation_completed", payout)


def _create(call: Call, currency: str, transactions: list[tuple[str, int]]) -> Json:
    amount = sum(net for _, net in transactions)
    payout: Json = {
        **dict.fromkeys(BLANK),
        "id": new_id("po_1"),
        "object": "payout",
        "amount": amount,
        "arrival_date": now(),
        "automatic": True,
        "created": now(),
        "currency": currency,
        "destination": "ba_1sandbox",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "in_progress",
        "source_type": "card",
        "status": "pending",
        "type": "bank_account",
    }
    own = balance.enter(
        call, "payout", payout, amount_minor=-amount, intent_id=None, description="STRIPE PAYOUT"
    )
    payout["balance_transaction"] = own["id"]
    call.store.add(payout)
    for txn_id in (*(txn_id for txn_id, _ in transactions), own["id"]):
        call.store.book.append("paid_out", txn_id=txn_id, payout=payout["id"])
    call.planned.append(Planned(payout["id"], "payout.arrive"))
    emit(call, "payout.created", payout)
    return payout
