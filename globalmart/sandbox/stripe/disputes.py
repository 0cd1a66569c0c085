"""Disputes: a customer's bank takes the money back (a chargeback), or only asks (an inquiry)."""

from globalmart.sandbox.stripe import balance, charges, errors, evidence, fraud_warnings
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import PRIVATE, Call, Json, Planned, new_id, now

# What Visa calls the reasons that the test cards know: for a chargeback, and for an inquiry.
CODES = {"fraudulent": ("10.4", "10"), "product_not_received": ("13.1", "30")}
SUBMITTED = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
FINAL = ("won", "lost", "warning_closed")


def open_chargeback(call: Call, charge: Json) -> None:
    """Dispute a charge as fraudulent; nothing happens where nothing of it is left."""
    create(call, charge, reason="fraudulent")


def open_not_received(call: Call, charge: Json) -> None:
    """Dispute a charge because nothing has come."""
    create(call, charge, reason="product_not_received")


def open_inquiry(call: Call, charge: Json) -> None:
    """Ask about a charge, without taking its money."""
    create(call, charge, reason="fraudulent", is_inquiry=True)


def create(
    call: Call, charge: Json, *, reason: str, is_inquiry: bool = False, amount: int | None = None
) -> Json | None:
    """Enter a dispute about `amount` (minor units; all that is left of the charge) and return it.

    Returns None where nothing is left, or the charge has a dispute already.
    """
    left = charge["amount_captured"] - charges.refunded_minor(charge)
    if left < 1 or charge["disputed"]:
        return None
    dispute = _build(charge, left if amount is None else min(amount, left), reason)
    charge["disputed"] = True
    charge[PRIVATE]["dispute"] = dispute["id"]
    if is_inquiry:
        _mark_inquiry(dispute)
    else:
        _withdraw(call, dispute)
    call.store.add(dispute, parent_id=dispute["payment_intent"], type_=charge["id"])
    call.store.save_dispute(dispute)
    call.store.save(charge)
    emit(call, "charge.dispute.created", dispute)
    if not is_inquiry:
        emit(call, "charge.dispute.funds_withdrawn", dispute)
    fraud_warnings.settle(call, charge)
    return dispute


def update(call: Call, dispute: Json, params: Parameters) -> None:
    """Take evidence or metadata; evidence is submitted unless `submit` is false.

    Raises StripeError (400) for a dispute that is closed or has been answered.
    """
    _check_open(dispute)
    before = {name: dispute[name] for name in ("evidence", "metadata", "status")}
    dispute["metadata"] = params.metadata(dispute["metadata"])
    has_evidence = params.has("evidence")
    if has_evidence:
        if dispute["status"] not in SUBMITTED:
            raise errors.refused("Evidence for this dispute has already been submitted.")
        sent = params.mapping("evidence")
        dispute["evidence"] = evidence.merged(dispute["evidence"], sent)
        dispute["evidence_details"]["has_evidence"] = True
    if params.boolean("submit", has_evidence) and dispute["status"] in SUBMITTED:
        _submit(call, dispute)
    _save(call, dispute)
    previous = {name: value for name, value in before.items() if dispute[name] != value}
    emit(call, "charge.dispute.updated", dispute, previous=previous)


def close(call: Call, dispute: Json) -> None:
    """Give a dispute up: it is lost at once. Raises StripeError (400) for a closed one."""
    _check_open(dispute)
    decide(call, dispute, verdict="lost")


def judge(call: Call, dispute: Json) -> None:
    """Let the bank read the evidence; only Stripe's test texts bring it to a verdict."""
    text = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "warning_under_review" and text == "escalate_inquiry_evidence":
        _escalate(call, dispute)
    elif dispute["status"] not in FINAL and text in VERDICTS:
        decide(call, dispute, verdict=VERDICTS[text])


def decide(call: Call, dispute: Json, *, verdict: str) -> None:
    """Close a dispute as won or lost; an inquiry just closes."""
    before = {"status": dispute["status"]}
    is_inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_closed" if is_inquiry else verdict
    if dispute["status"] == "won":
        # Stripe's test verdict brings the fee back as well.
        fee = -balance.DISPUTE_FEE_MINOR
        _move(call, dispute, dispute["amount"], category="dispute_reversal", fee_minor=fee)
        dispute["is_charge_refundable"] = True
    _save(call, dispute)
    if dispute["status"] == "won":
        emit(call, "charge.dispute.funds_reinstated", dispute)
    emit(call, "charge.dispute.closed", dispute, previous=before)


def forbids_refund(call: Call, charge: Json) -> bool:
    """Say whether a chargeback keeps the charge from being refunded."""
    dispute = call.store.load(charge[PRIVATE].get("dispute", ""))
    return dispute is not None and not dispute["is_charge_refundable"]


def _build(charge: Json, amount: int, reason: str) -> Json:
    card = charge["payment_method_details"]["card"]
    code = CODES.get(reason, (None, None))[0]
    return {
        "id": new_id("du_1"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence.blank(),
        "evidence_details": evidence.details(),
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "chargeback",
                "network": card["network"],
                "network_reason_code": code,
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }


def _mark_inquiry(dispute: Json) -> None:
    code = CODES.get(dispute["reason"], (None, None))[1]
    dispute |= {"status": "warning_needs_response", "is_charge_refundable": True}
    dispute["network_reason_code"] = code
    details = {"case_type": "inquiry", "network_reason_code": code}
    dispute["payment_method_details"]["card"] |= details


def _escalate(call: Call, dispute: Json) -> None:
    before = {"status": dispute["status"]}
    code = CODES.get(dispute["reason"], (None, None))[0]
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    dispute["network_reason_code"] = code
    details = {"case_type": "chargeback", "network_reason_code": code}
    dispute["payment_method_details"]["card"] |= details
    dispute["evidence_details"] = evidence.details()
    dispute["evidence"] = evidence.blank()
    _withdraw(call, dispute)
    _save(call, dispute)
    emit(call, "charge.dispute.updated", dispute, previous=before)
    emit(call, "charge.dispute.funds_withdrawn", dispute)


def _submit(call: Call, dispute: Json) -> None:
    dispute["status"] = SUBMITTED[dispute["status"]]
    dispute["evidence_details"]["submission_count"] += 1
    dispute["evidence_details"]["submission_method"] = "manual"
    call.planned.append(Planned(dispute["id"], "dispute.judge"))


def _withdraw(call: Call, dispute: Json) -> None:
    fee = balance.DISPUTE_FEE_MINOR
    _move(call, dispute, -dispute["amount"], category="dispute", fee_minor=fee)


def _move(
    call: Call, dispute: Json, amount_minor: int, *, category: str, fee_minor: int = 0
) -> None:
    word = "withdrawal" if amount_minor < 0 else "reversal"
    transaction = balance.enter(
        call,
        "adjustment",
        dispute,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        intent_id=dispute["payment_intent"],
        category=category,
        description=f"Chargeback {word} for {dispute['charge']}",
    )
    dispute["balance_transactions"].append(transaction)


def _save(call: Call, dispute: Json) -> None:
    call.store.save(dispute)
    call.store.save_dispute(dispute)


def _check_open(dispute: Json) -> None:
    if dispute["status"] in FINAL:
        raise errors.refused("This dispute is already closed")
