"""The payment in dispute, and what disputes do to the ledger: each booking is made once."""

from payments.gateways.disputes import DisputeAnswer
from payments.models import Dispute, LedgerEntry, OrderAccount, PaymentAttempt
from payments.services import ledger
from payments.services.cases import open_case
from payments.states import CaseKind, DisputeState

WITHDRAWN, REINSTATED, LOST = "withdrawn", "reinstated", "lost"


def lock_payment(intent_id: str) -> PaymentAttempt | None:
    """Return the payment that an intent is, locked after its account; None if it is not ours."""
    # An attempt without an intent has NULL there, which an empty id must not find.
    found = PaymentAttempt.objects.filter(stripe_intent_id=intent_id).first() if intent_id else None
    if found is None:
        return None
    OrderAccount.objects.locked().get(order_id=found.order_id)
    return PaymentAttempt.objects.locked().get(pk=found.pk)


def book_dispute(*, dispute: Dispute, answer: DisputeAnswer, attempt: PaymentAttempt) -> None:
    """Book what Stripe shows of a dispute's money and is not booked yet. Minor units.

    The caller holds the locks of account, attempt and dispute. An inquiry moves no money. A won
    dispute counts as given back even before Stripe shows that. Another currency than the
    payment's cannot be booked: that is a case.
    """
    booked = _booked(dispute)
    if not booked:
        # Until money moves the bank may still correct what it asks for.
        _correct_amount(dispute, answer)
    if dispute.amount_minor != answer.amount_minor or dispute.currency != attempt.currency:
        _report(dispute, answer)
    if dispute.currency != attempt.currency or not dispute.amount_minor:
        return
    if answer.is_withdrawn and WITHDRAWN not in booked:
        _book(dispute, attempt, WITHDRAWN, debit=ledger.DISPUTES, credit=ledger.STRIPE)
        booked.add(WITHDRAWN)
    if WITHDRAWN not in booked or REINSTATED in booked:
        return
    if answer.is_reinstated or dispute.state == DisputeState.WON:
        # What was written off as lost has come back after all.
        credit = ledger.LOSSES if LOST in booked else ledger.DISPUTES
        _book(dispute, attempt, REINSTATED, debit=ledger.STRIPE, credit=credit)
    elif dispute.state == DisputeState.LOST and LOST not in booked:
        _book(dispute, attempt, LOST, debit=ledger.LOSSES, credit=ledger.DISPUTES)


def _correct_amount(dispute: Dispute, answer: DisputeAnswer) -> None:
    told = (answer.amount_minor, answer.currency)
    if told != (dispute.amount_minor, dispute.currency):
        dispute.amount_minor, dispute.currency = told
        dispute.save(update_fields=["amount_minor", "currency"])


def _booked(dispute: Dispute) -> set[str]:
    sources = [_source(dispute, what) for what in (WITHDRAWN, REINSTATED, LOST)]
    rows = LedgerEntry.objects.filter(source__in=sources).values_list("source", flat=True)
    return {source.rpartition(":")[2] for source in rows}


def _source(dispute: Dispute, what: str) -> str:
    return f"{dispute.stripe_id}:{what}"


def _book(dispute: Dispute, attempt: PaymentAttempt, what: str, *, debit: str, credit: str) -> None:
    ledger.book(
        debit=debit,
        credit=credit,
        amount_minor=dispute.amount_minor,
        attempt=attempt,
        source=_source(dispute, what),
    )


def _report(dispute: Dispute, answer: DisputeAnswer) -> None:
    open_case(
        kind=CaseKind.AMOUNT,
        subject=dispute.stripe_id,
        order_id=dispute.order_id,
        attempt_id=dispute.attempt_id,
        our_minor=dispute.amount_minor,
        their_minor=answer.amount_minor,
        currency=answer.currency,
        detail="The dispute's amount or currency is not the one in our books",
    )
